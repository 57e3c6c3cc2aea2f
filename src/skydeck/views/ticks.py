"""Ticks: what is written along the axes of a picture: numbers, dates, labels, or positions on the sky."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bokeh.models import (
    Axis as PlotAxis,
)
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    ColorBar,
    ColumnDataSource,
    CustomJSTickFormatter,
    DatetimeTicker,
    DatetimeTickFormatter,
    FixedTicker,
)

from skydeck.core.axis import Axis
from skydeck.sky.graticule import Graticule, Tick
from skydeck.views.text import plain

MOST_LABELS = 12
LONGEST_LABEL = 14
_CLOCK = DatetimeTickFormatter(
    microseconds="%H:%M:%S.%f",
    milliseconds="%H:%M:%S.%3N",
    seconds="%H:%M:%S",
    minsec="%H:%M:%S",
    minutes="%H:%M",
    hourmin="%H:%M",
    hours="%H:%M",
    days="%Y-%m-%d",
    months="%Y-%m",
    years="%Y",
)


def dress(shown: PlotAxis, axis: Axis, visible: tuple[float, float], count: int = 6) -> None:
    """Write an axis that isn't on the sky: its caption, ticker and labels; labels depend on the ``visible`` range."""
    shown.axis_label = plain(axis.caption)
    if axis.kind in ("label", "index") and axis.values is not None:
        _label(shown, axis, visible)
    elif axis.kind == "time":
        shown.ticker, shown.formatter = DatetimeTicker(), _CLOCK.clone()
    elif axis.wrap:
        code = f"const t = ((tick % {axis.wrap}) + {axis.wrap}) % {axis.wrap}; return String(Number(t.toPrecision(9)))"
        shown.ticker, shown.formatter = BasicTicker(), CustomJSTickFormatter(code=code)
    else:
        _number(shown, axis.kind == "index", count)


def _number(shown: PlotAxis, whole: bool, count: int) -> None:
    """The models that are there are changed where they fit: for new ones Bokeh walks through the whole page."""
    if type(shown.ticker) is not BasicTicker or type(shown.formatter) is not BasicTickFormatter:
        shown.update(ticker=BasicTicker(), formatter=BasicTickFormatter(precision="auto"))
    shown.ticker.update(min_interval=1 if whole else 0, desired_num_ticks=count)
    shown.formatter.use_scientific = not whole


def _label(shown: PlotAxis, axis: Axis, visible: tuple[float, float]) -> None:
    first, last = max(0, math.ceil(visible[0])), min(axis.size - 1, math.floor(visible[1]))
    every = max(1, math.ceil((last - first + 1) / MOST_LABELS))
    places = range(first, last + 1, every)
    fix(shown, [(float(place), plain(axis.text(place), LONGEST_LABEL)) for place in places])


def dress_sky(
    axes: tuple[PlotAxis, PlotAxis], grid: ColumnDataSource, names: ColumnDataSource, lines: Graticule, visible: bool
) -> None:
    """Write sky positions along both axes (beside lines that no axis can name), and draw the grid if wanted."""
    below, left = axes
    below.axis_label = f"{lines.bottom_name} ({lines.frame})"
    left.axis_label = f"{lines.left_name} ({lines.frame})"
    fix(below, [(tick.x, tick.text) for tick in _apart(lines.bottom)])
    fix(left, [(tick.y, tick.text) for tick in lines.left])
    inside = lines.inside if visible or not (lines.bottom and lines.left) else ()
    names.data = {
        "x": [tick.x for tick in inside],
        "y": [tick.y for tick in inside],
        "text": [tick.text for tick in inside],
    }
    shown = (lines.lon, lines.lat) if visible else ()
    grid.data = {"xs": [curve.x for curve in shown], "ys": [curve.y for curve in shown]}


def _apart(ticks: Sequence[Tick]) -> Sequence[Tick]:
    """Every tick, or every other where there are more than an axis has room for."""
    return ticks[:: max(1, math.ceil(len(ticks) / MOST_LABELS))]


def fix(shown: PlotAxis | ColorBar, labels: Sequence[tuple[float, str]]) -> None:
    """Put given texts at given places, and nothing else."""
    places = [place for place, _ in labels]
    names = {"names": {f"{place:.6f}": plain(text, 60) for place, text in labels}}
    if isinstance(shown.ticker, FixedTicker) and isinstance(shown.formatter, CustomJSTickFormatter):
        shown.formatter.args = names  # a colour bar only looks at the ticker and formatter it was made with
        shown.ticker.ticks = places
    else:
        shown.update(ticker=FixedTicker(ticks=places, minor_ticks=[]), formatter=named(names))


def named(names: dict[str, dict[str, str]]) -> CustomJSTickFormatter:
    """A formatter that writes the text of a place, and nothing at other places."""
    code = "const key = tick.toFixed(6); return (names instanceof Map ? names.get(key) : names[key]) ?? ''"
    return CustomJSTickFormatter(args=names, code=code)
