"""Plots: the two small ones beside the picture: a profile along another dimension, and a histogram with its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.events import DoubleTap, Tap
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    PanTool,
    Range1d,
    ResetTool,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure

from skydeck.core.axis import Axis
from skydeck.views.figure import paint_theme
from skydeck.views.text import plain
from skydeck.views.theme import LIGHT, Theme
from skydeck.views.ticks import dress

Floats = npt.NDArray[np.float64]
SMALL: dict[str, Any] = {"sizing_mode": "stretch_width", "toolbar_location": None, "min_border": 4}


class ProfilePlot:
    """A line along one dimension, a span where the picture stands; ``seek(index)`` when the user taps a place on it."""

    def __init__(self, seek: Callable[[int], None]) -> None:
        self._seek = seek
        self._axis: Axis | None = None
        tools = [
            PanTool(dimensions="width"),
            WheelZoomTool(dimensions="width"),
            ResetTool(),
            CrosshairTool(dimensions="height"),
        ]
        self.plot = figure(height=230, tools=tools, x_range=Range1d(0, 1), y_range=Range1d(0, 1), **SMALL)
        self.plot.toolbar.active_scroll = tools[1]
        self.source = ColumnDataSource({"x": [], "y": []})
        self._line = self.plot.step("x", "y", source=self.source, mode="center", line_width=1.5)
        self._points = self.plot.scatter("x", "y", source=self.source, size=4, visible=False)
        self.here = Span(dimension="height", line_width=1.5, line_dash="dashed", location=0)
        self.plot.add_layout(self.here)
        self.plot.on_event(Tap, self._tapped)
        self.set_theme(LIGHT)

    def show(self, axis: Axis, values: Floats, unit: str) -> None:
        """Draw values along an axis; (axis.size,) float64, NaN where there are none."""
        if axis is not self._axis:
            self._axis = axis
            start, end = axis.limits
            self.plot.x_range.update(start=start, end=end, reset_start=start, reset_end=end)
            dress(self.plot.xaxis[0], axis, axis.limits, 4)
        centres = np.asarray(axis.edges.at(np.arange(axis.size) + 0.5), dtype=float)
        finite = np.where(np.isfinite(values), values, np.nan)
        self._points.visible = bool(np.isfinite(finite).sum() < 40)
        self.source.data = {"x": centres, "y": finite}
        if np.isfinite(finite).any():
            low, high = float(np.nanmin(finite)), float(np.nanmax(finite))
            margin = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
            self.plot.y_range.update(start=low - margin, end=high + margin)
        self.plot.yaxis[0].axis_label = plain(unit) or None

    def clear(self) -> None:
        """Draw nothing."""
        self.source.data = {"x": [], "y": []}

    def stand(self, axis: Axis, index: int) -> None:
        """Mark where the picture stands."""
        self.here.location = axis.centre(index)

    def set_theme(self, theme: Theme) -> None:
        """Colours for a light or dark page."""
        paint_theme(self.plot, theme)
        self.here.line_color = "#ff2fd0"
        self._line.glyph.line_color = theme.accent
        self._points.glyph.update(fill_color=theme.accent, line_color=theme.accent)

    def _tapped(self, event: Tap) -> None:
        cell = None if self._axis is None or event.x is None else self._axis.cell(float(event.x))
        if cell is not None:
            self._seek(cell)


class Histogram:
    """How often values occur on what is shown (logarithmic), and the two limits; ``limit(low, high)`` when dragged."""

    def __init__(self, limit: Callable[[float, float], None]) -> None:
        self._limit = limit
        self._setting = False
        self.plot = figure(
            height=120, tools="", y_axis_type="log", x_range=Range1d(0, 1), y_range=Range1d(0.5, 10), **SMALL
        )
        self.plot.yaxis.visible = False
        self.plot.grid.visible = False
        self.source = ColumnDataSource({"left": [], "right": [], "top": []})
        self._bars = self.plot.quad(
            left="left", right="right", top="top", bottom=0.5, source=self.source, line_color=None
        )
        self.low = Span(dimension="height", editable=True, line_width=3, location=0, hover_line_width=5)
        self.high = Span(dimension="height", editable=True, line_width=3, location=1, hover_line_width=5)
        for span in (self.low, self.high):
            self.plot.add_layout(span)
            span.on_change("location", self._dragged)
        self.plot.on_event(DoubleTap, lambda event: self.whole())
        self._edges = np.array([0.0, 1.0])
        self.set_theme(LIGHT)

    def show(self, counts: npt.NDArray[np.int64], edges: Floats) -> None:
        """Draw counts between edges."""
        self._edges = edges
        self.source.data = {"left": edges[:-1], "right": edges[1:], "top": np.maximum(counts, 0.5)}
        self.plot.y_range.update(start=0.5, end=max(2.0, float(counts.max(initial=1)) * 1.5))
        self.whole()

    def whole(self) -> None:
        """Show the full range of values, and the limits where they lie beyond it."""
        low = min(float(self._edges[0]), self.low.location)
        high = max(float(self._edges[-1]), self.high.location)
        margin = 0.02 * (high - low)
        self.plot.x_range.update(start=low - margin, end=high + margin)

    def stand(self, low: float, high: float) -> None:
        """Put the limits where they are."""
        self._setting = True
        self.low.location, self.high.location = low, high
        self._setting = False
        shown = self.plot.x_range
        if not shown.start <= low <= high <= shown.end:
            self.whole()

    def set_theme(self, theme: Theme) -> None:
        """Colours for a light or dark page."""
        paint_theme(self.plot, theme)
        self._bars.glyph.fill_color = theme.accent
        self.low.update(line_color=theme.text, hover_line_color=theme.accent)
        self.high.update(line_color=theme.text, hover_line_color=theme.accent)

    def _dragged(self, attr: str, old: object, new: object) -> None:
        if self._setting:
            return
        low, high = sorted((float(self.low.location), float(self.high.location)))
        if low < high:
            self._limit(low, high)
