"""Colour: colour maps by name, and numbers painted with them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.core.style import Style
from skydeck.render.stretch import COLOURS

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Painter = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32], np.float32, Bytes, Bytes], None]

# In the first group equal steps in the data look equal; the classics are for comparing with old prints.
COLORMAPS: dict[str, list[str]] = {
    "Perceptually uniform": [
        "viridis",
        "cividis",
        "inferno",
        "magma",
        "plasma",
        "gray",
        "fire",
        "bgy",
        "bgyw",
        "bmw",
        "bmy",
        "kbc",
        "kgy",
    ],
    "Diverging": ["coolwarm", "RdBu_r", "bwy", "bkr", "bky", "gwv", "PuOr_r", "seismic"],
    "Cyclic": ["twilight", "twilight_shifted", "colorwheel", "cyclic_isoluminant", "hsv"],
    "Classic": ["heat", "hot", "bone", "cubehelix", "afmhot", "gnuplot2", "turbo", "rainbow", "jet"],
}
_BUCKETS = 32_700  # a little under the painter's 32 768, so that rounding leaves the last step a bucket

log = logging.getLogger(__name__)


def table(name: str, reverse: bool = False) -> Bytes:
    """A colour map's 256 colours, first to last: (256, 3) uint8, read-only. Raises RequestError for an unknown name."""
    colours = _table(name)
    return colours[::-1] if reverse else colours


def paint(
    values: npt.NDArray[Any], style: Style, thresholds: Floats, background: tuple[int, int, int] = (0, 0, 0)
) -> Bytes:
    """Numbers as colours, (h, w, 3) uint8 with the top row first; ``values`` (h, w) has the bottom row first.

    ``thresholds`` are :func:`skydeck.render.stretch.thresholds` of the style. Infinities get the end colours, NaN
    ``background``. Raises RequestError for other shapes and dtypes and an unknown colour map.
    """
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise RequestError(f"A {values.ndim}-D array of {values.dtype} can't be painted", expected="2-D real numbers")
    if thresholds.shape != (COLOURS - 1,):
        raise RequestError(f"{thresholds.shape} thresholds don't fit 256 colours", expected="255 numbers")
    colours = np.concatenate([table(style.colormap, style.reverse), np.array([background], np.uint8)])
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values, np.float32).view()
    single.flags.writeable = False
    out = np.empty((*values.shape, 3), np.uint8)
    _painter()(single, *_steps(thresholds), colours, out)
    return out


def warm() -> None:
    """Compile the painter, or load what an earlier process compiled; for a background thread."""
    _painter()
    table("viridis")


def _steps(thresholds: Floats) -> tuple[npt.NDArray[np.float32], np.float32]:
    """The smallest float32 at or above each threshold and a NaN, (256,), and buckets per unit for the painter.

    A float32 value is at or above the one where it is at or above the other.
    """
    with np.errstate(all="ignore"):
        single = thresholds.astype(np.float32)
        single = np.where(single < thresholds, np.nextafter(single, np.float32(np.inf)), single)
        width = single[-1] - single[0]
        scale = np.float32(_BUCKETS) / width
    usable = np.isfinite(single).all() and np.isfinite(width) and np.isfinite(scale) and scale > 0
    return np.append(single, np.float32(np.nan)), scale if usable else np.float32(0)


@cache
def _table(name: str) -> Bytes:
    if not any(name in names for names in COLORMAPS.values()):
        known = ", ".join(known for names in COLORMAPS.values() for known in names)
        raise RequestError(f"There is no colour map called {name!r}", expected=f"one of {known}")
    colours = _tables()[name]
    colours.flags.writeable = False
    return colours


@cache
def _tables() -> dict[str, Bytes]:
    """Every colour map, (256, 3) uint8 each; written by tests/render/make_colormaps.py."""
    with np.load(Path(__file__).with_name("colormaps.npz")) as kept:
        return {name: kept[name] for name in kept.files}


@cache
def _painter() -> Painter:
    """The compiled painter, or numpy's search where compiling fails."""
    try:
        from skydeck.render import kernels

        cell = np.zeros((1, 1), np.float32)
        cell.flags.writeable = False
        steps, colours = np.zeros(COLOURS, np.float32), np.zeros((COLOURS + 1, 3), np.uint8)
        kernels.compiled(kernels.paint, cell, steps, np.float32(0), colours, np.empty((1, 1, 3), np.uint8))
    except Exception:  # numba fails in many ways (versions, LLVM, a full disk); a picture matters more than its speed
        log.warning("Painting runs without compiled code", exc_info=True)
        return _paint_plainly
    painter: Painter = kernels.paint
    return painter


def _paint_plainly(
    values: npt.NDArray[np.float32], steps: npt.NDArray[np.float32], scale: np.float32, colours: Bytes, out: Bytes
) -> None:
    index = np.searchsorted(steps[:-1], values, side="right")
    index[np.isnan(values)] = COLOURS
    out[...] = colours[index[::-1]]
