"""Figure: a picture with its axes, title and colour bar, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from skydeck.core.axis import Axis
from skydeck.core.errors import RequestError
from skydeck.core.viewport import Viewport
from skydeck.export.ticks import ticks_of
from skydeck.sky.graticule import FrameChoice, Graticule, graticule
from skydeck.sky.wcs import Celestial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as MatplotlibAxis
    from matplotlib.figure import Figure

Rgb = npt.NDArray[np.uint8]

MARGINS = (1.3, 1.5, 0.75, 0.55)  # inches left, right, below and above the picture, for labels of any length we write
LEAST, MOST = 600, 4096  # pixels of the picture's longer side
MAX_TEXT = 120


def figure_png(
    rgb: Rgb,
    x_axis: Axis,
    y_axis: Axis,
    viewport: Viewport,
    *,
    title: str = "",
    unit: str = "",
    colors: Rgb | None = None,
    ticks: Sequence[tuple[float, str]] = (),
    celestial: Celestial | None = None,
    swapped: bool = False,
    frame: FrameChoice = "native",
    grid: bool = False,
    dark: bool = False,
    dpi: int = 150,
) -> bytes:
    """A PNG of a finished picture with axes over exactly the viewport's ranges.

    ``rgb``: (height, width, 3) uint8, row 0 at the bottom (``viewport.y0``), shown pixel for pixel, enlarged by a whole
    number where it is small. ``colors`` (256, 3) uint8 and ``ticks`` (fraction 0 to 1, text) make the colour bar.
    With ``celestial`` the axes are labelled on the sky (``swapped``: its second axis is displayed as x) and ``grid``
    draws its lines; the axes must then be in pixels. Safe in any thread: no state of pyplot, none shared.
    Raises RequestError for a picture that isn't the viewport's size, or dpi outside 30 to 600.
    """
    _check(rgb, colors, viewport, dpi)
    figure, axes = _canvas(rgb, dpi, dark)
    axes.imshow(rgb, origin="lower", extent=(0.0, 1.0, 0.0, 1.0), interpolation="nearest", aspect="auto")
    if celestial is not None:
        lines = graticule(celestial, (viewport.x0, viewport.x1), (viewport.y0, viewport.y1), swapped, frame=frame)
        _label_sky(axes, lines, viewport, grid)
    else:
        width, height = picture_size(viewport.width, viewport.height)
        _label(axes.xaxis, x_axis, viewport.x0, viewport.x1, width / dpi)
        _label(axes.yaxis, y_axis, viewport.y0, viewport.y1, 1.6 * height / dpi)
        if grid:
            axes.grid(color="0.6", linewidth=0.5, alpha=0.6)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    axes.set_title(_printable(title), fontsize=11, parse_math=False)
    if colors is not None:
        _colour_bar(figure, axes, colors, ticks, unit)
    _paint(figure, dark)
    return _encode(figure, title)


def _check(rgb: Rgb, colors: Rgb | None, viewport: Viewport, dpi: int) -> None:
    expected = (viewport.height, viewport.width, 3)
    if rgb.shape != expected or rgb.dtype != np.uint8:
        raise RequestError(f"The picture is {rgb.dtype} {rgb.shape}", expected=f"uint8 {expected}, the viewport's size")
    if colors is not None and (colors.ndim != 2 or colors.shape[1] != 3 or colors.dtype != np.uint8):
        raise RequestError(f"The colour table is {colors.dtype} {colors.shape}", expected="uint8 (256, 3)")
    if not 30 <= dpi <= 600:
        raise RequestError(f"A figure can't have {dpi} dots an inch", expected="30 to 600")


def picture_size(width: int, height: int) -> tuple[int, int]:
    """Pixels the picture takes in the figure: a whole multiple of its own size, 600 to 4096 on the longer side."""
    longer = max(width, height)
    scale = max(1, round(LEAST / longer)) if longer <= MOST else MOST / longer
    return max(100, round(width * scale)), max(100, round(height * scale))


def _canvas(rgb: Rgb, dpi: int, dark: bool) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = picture_size(rgb.shape[1], rgb.shape[0])
    left, right, below, above = (round(margin * dpi) for margin in MARGINS)
    whole = (left + width + right, below + height + above)
    figure = Figure(figsize=(whole[0] / dpi, whole[1] / dpi), dpi=dpi)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / whole[0], below / whole[1], width / whole[0], height / whole[1]))
    axes.set_facecolor("black" if dark else "white")
    return figure, axes


def _along(places: npt.ArrayLike, low: float, high: float) -> npt.NDArray[np.float64]:
    """Places on an axis as parts of the viewport: matplotlib widens a range of milliseconds since 1970 on its own."""
    return (np.asarray(places, dtype=float) - low) / (high - low)


def _label(target: MatplotlibAxis, axis: Axis, low: float, high: float, inches: float) -> None:
    """Round places, one to about an inch."""
    marks = ticks_of(axis, low, high, min(10, max(2, round(inches))))
    target.set_ticks(
        _along([place for place, _ in marks], low, high), labels=[_printable(text, 2) for _, text in marks]
    )
    target.set_label_text(_printable(axis.caption), parse_math=False)


def _label_sky(axes: Axes, lines: Graticule, view: Viewport, grid: bool) -> None:
    axes.set_xticks(_along([tick.x for tick in lines.bottom], view.x0, view.x1), [tick.text for tick in lines.bottom])
    axes.set_yticks(_along([tick.y for tick in lines.left], view.y0, view.y1), [tick.text for tick in lines.left])
    suffix = f" ({lines.frame})" if lines.names == ("RA", "Dec") else ""
    axes.set_xlabel(_printable(lines.bottom_name + suffix), parse_math=False)
    axes.set_ylabel(_printable(lines.left_name + suffix), parse_math=False)
    if grid:
        for curve in (lines.lon, lines.lat):
            axes.plot(
                _along(curve.x, view.x0, view.x1),
                _along(curve.y, view.y0, view.y1),
                color="0.8",
                linewidth=0.7,
                alpha=0.7,
            )
    for tick in lines.inside:
        box = {"facecolor": "black", "alpha": 0.45, "edgecolor": "none", "pad": 1.0}
        x, y = float(_along(tick.x, view.x0, view.x1)), float(_along(tick.y, view.y0, view.y1))
        axes.text(x, y, tick.text, fontsize=8, color="white", bbox=box, clip_on=True)


def _colour_bar(figure: Figure, axes: Axes, colors: Rgb, ticks: Sequence[tuple[float, str]], unit: str) -> None:
    place = axes.get_position()
    width = figure.get_figwidth()
    bar = figure.add_axes((place.x1 + 0.12 / width, place.y0, 0.18 / width, place.height))
    bar.imshow(colors[:, None, :], origin="lower", extent=(0.0, 1.0, 0.0, 1.0), aspect="auto", interpolation="nearest")
    shown = [(fraction, text) for fraction, text in ticks if 0.0 <= fraction <= 1.0]
    bar.set_xticks([])
    bar.set_yticks([fraction for fraction, _ in shown], [_printable(text)[:14] for _, text in shown])
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.set_ylabel(_printable(unit), parse_math=False)


def _paint(figure: Figure, dark: bool) -> None:
    back, front = ("#15191e", "#e8e8e8") if dark else ("#ffffff", "#111111")
    figure.set_facecolor(back)
    for axes in figure.axes:
        axes.tick_params(colors=front, labelsize=9)
        for spine in axes.spines.values():
            spine.set_color(front)
        for label in (axes.title, axes.xaxis.label, axes.yaxis.label):
            label.set_color(front)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_offset_text().set_color(front)
            for text in axis.get_ticklabels():
                text.set_parse_math(False)


def _encode(figure: Figure, title: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "Skydeck", "Title": _printable(title)})
    return buffer.getvalue()


def _printable(text: str, lines: int = 1) -> str:
    """Text of bearable length in letters the font has; others become question marks, not warnings."""
    kept = "\n".join(" ".join(line.split()) for line in text.split("\n", lines - 1))
    shown = "".join(letter if letter == "\n" or ord(letter) in _letters() else "?" for letter in kept)
    return shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 1] + "…"


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
