"""Measure: the region on the picture, and the numbers under it: profile, statistics, flux."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import panel as pn
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.models import ColumnDataSource

from skydeck.compute import Compute
from skydeck.core.axis import Axis
from skydeck.core.cancel import Check, never
from skydeck.core.errors import SkydeckError
from skydeck.core.raster import Plane
from skydeck.fetch import Profile, RegionSummary, profile, summary
from skydeck.sky.beam import beam_of, flux_of
from skydeck.sky.regions import Box, Ellipse, Region
from skydeck.views.ask import Ask
from skydeck.views.controls import WIDE, synced
from skydeck.views.line import Line
from skydeck.views.plots import ProfilePlot
from skydeck.views.screen import Screen
from skydeck.views.state import CubeState
from skydeck.views.text import number_text, short_text, table


@dataclass(frozen=True, slots=True)
class Measured:
    """The answer to one question about a region."""

    region: Region
    profile: Profile | None
    summary: RegionSummary


def measured(plane: Plane, dim: str, region: Region, known: Profile | None, cancelled: Check = never) -> Measured:
    """Profile along ``dim`` ("" for none; not anew where it is ``known``) and statistics of a region, in one task."""
    line = known or (profile(plane, dim, region, cancelled) if dim else None)
    return Measured(region, line, summary(plane, region, cancelled))


class Measure:
    """Keeps region, profile plot and statistics in step with the state."""

    def __init__(
        self,
        state: CubeState,
        screen: Screen,
        compute: Compute,
        document: Document,
        fail: Callable[[SkydeckError], None],
        busy: Callable[[bool], None],
        seek: Callable[[str, int], None],
    ) -> None:
        self.state, self.screen = state, screen
        self.answer: Measured | None = None
        self.answers = 0
        self._drawing = False
        self._held = False
        self._due = False
        self._document = document
        self._ask = Ask(document, compute, self._arrived, fail, busy)
        self._known: tuple[object, Profile] | None = None
        self.plot = ProfilePlot(lambda index: seek(state.profile, index))
        self.tool = synced(
            pn.widgets.RadioButtonGroup(
                options=["point", "box", "ellipse"], margin=(2, 0), sizing_mode="stretch_width"
            ),
            state,
            "tool",
        )
        self.dim = synced(pn.widgets.Select(label="Profile along", options=[], **WIDE), state, "profile")
        self.numbers = Line("sd-numbers", margin=5)
        self.panel = pn.Column(
            self.tool,
            self.dim,
            pn.pane.Bokeh(self.plot.plot, sizing_mode="stretch_width"),
            self.numbers.panel,
            sizing_mode="stretch_width",
        )
        plot, box = screen.figure.plot, screen.figure.box
        plot.on_event(Tap, self._tapped)
        for edge in ("left", "right", "top", "bottom"):
            box.on_change(edge, self._dragged)
        state.param.watch(lambda *events: self.refresh(), ["variable", "x", "y"])
        state.param.watch(lambda *events: self._draw(), ["region", "tool"])
        state.param.watch(lambda event: self._retool(), "tool")
        state.param.watch(lambda *events: self.ask(), ["region", "profile", "part"])
        state.param.watch(lambda event: self._followed(), "index")

    def close(self) -> None:
        """The session is over."""
        self._ask.close()

    def refresh(self) -> None:
        """Other axes: other profiles; without a region of its own, the middle of the picture."""
        others = [dim for dim in self.state.others if self.state.axis(dim).size > 1]
        self.dim.param.update(options=others, value=self.state.profile if self.state.profile in others else None)
        self.dim.visible = len(others) > 1
        self.plot.plot.visible = bool(others)
        if self.state.opened is None:
            return
        if self.state.region is None and self.state.grids is None:
            x_axis, y_axis = self.screen.axes
            x, y = (x_axis.size - 1) // 2, (y_axis.size - 1) // 2
            self.state.region = (x, x, y, y)
        else:
            self._draw()
            self.ask()
        self._stand()

    @property
    def region(self) -> Region | None:
        """The region in cell positions, or None."""
        if self.state.region is None:
            return None
        x0, x1, y0, y1 = self.state.region
        if self.state.tool == "ellipse":
            return Ellipse((x0 + x1) / 2, (y0 + y1) / 2, max((x1 - x0) / 2, 0.5), max((y1 - y0) / 2, 0.5))
        return Box(x0, x1, y0, y1)

    def ask(self) -> None:
        """Ask for the numbers of the region, once there is a picture: a profile may take seconds to read."""
        self._due = self.screen.picture is None
        region = self.region
        if self._due or region is None or self.state.opened is None or self.state.grids is not None:
            return
        dim = self.state.profile if self.state.profile in self.state.others else ""
        known = self._known[1] if self._known is not None and self._known[0] == self._key(region, dim) else None
        self._ask(measured, self.state.plane(), dim, region, known)

    def stop_asking(self) -> None:
        """Drop the question under way."""
        self._ask.cancel()

    def pictured(self) -> None:
        """There is a picture."""
        if self._due:
            self.ask()

    def _key(self, region: Region, dim: str) -> object:
        """What a profile depends on: not on where the picture stands along it."""
        return region, dim, self.state.plane(**{dim: 0} if dim else {})

    def _arrived(self, answer: Measured) -> None:
        self.answer = answer
        self.answers += 1
        if answer.profile is not None and answer.profile.dim in self.state.others:
            self._known = (self._key(answer.region, answer.profile.dim), answer.profile)
            self.plot.show(self.state.axis(answer.profile.dim), answer.profile.values, self.state.unit)
        self._stand()
        self.numbers.object = table(self.rows(answer))

    def rows(self, answer: Measured) -> list[tuple[str, str]]:
        """Names and values of what was measured."""
        found, unit = answer.summary.statistics, self.state.unit
        if self.state.tool == "point":
            return [("value", f"{number_text(found.mean)} {unit}".strip())]
        values = [
            (name, f"{short_text(getattr(found, name))} {unit}".strip())
            for name in ("sum", "mean", "rms", "std", "median", "min", "max")
        ]
        counts = [("pixels", f"{found.count}" + (f" (+ {found.nan_count} blank)" if found.nan_count else ""))]
        return values + counts + self._flux(found.sum)

    def _flux(self, total: float) -> list[tuple[str, str]]:
        """The flux density, where unit, beam and cell size say what it is."""
        celestial = self.screen.celestial
        if celestial is None or self.state.opened is None:
            return []
        attrs = self.state.opened.dataset.attrs
        beam = beam_of(str(attrs.get("header") or attrs.get("fits_wcs_header") or ""))
        found = flux_of(total, self.state.unit, celestial.scale, beam, self._frequency())
        return [] if found is None else [("flux density", f"{short_text(found.jansky)} Jy ({found.how})")]

    def _frequency(self) -> float | None:
        """Frequency of the plane in Hz, where it has one."""
        assert self.state.opened is not None
        coordinate = self.state.opened.dataset.coords.get("frequency")
        if coordinate is None or str(coordinate.attrs.get("units", "")) != "Hz" or coordinate.ndim > 1:
            return None
        values = coordinate.values
        return float(values if values.ndim == 0 else values[int(self.state.index.get("frequency", 0))])

    # The region on the picture

    def _tapped(self, event: Tap) -> None:
        if event.x is None or self.state.opened is None:
            return
        x_axis, y_axis = self.screen.axes
        x, y = x_axis.cell(float(event.x)), y_axis.cell(float(event.y))
        if x is None or y is None:
            return
        if self.state.tool == "point":
            self.state.region = (x, x, y, y)
        elif self.state.region is not None:
            x0, x1, y0, y1 = self.state.region
            if not (x0 <= x <= x1 and y0 <= y <= y1):
                self.state.region = (x - (x1 - x0) / 2, x + (x1 - x0) / 2, y - (y1 - y0) / 2, y + (y1 - y0) / 2)

    def _retool(self) -> None:
        """A box or ellipse begins about the point, a quarter of the view wide; a point is the middle of what was."""
        if self.state.region is None or self.state.opened is None:
            return
        x0, x1, y0, y1 = self.state.region
        if self.state.tool == "point":
            x, y = round((x0 + x1) / 2), round((y0 + y1) / 2)
            self.state.region = (x, x, y, y)
        elif x0 == x1 and y0 == y1:
            x, y = (_middle(axis, shown, x0 if axis.name == self.state.x else y0) for axis, shown in self._seen())
            self.state.region = (x[0] - x[1], x[0] + x[1], y[0] - y[1], y[0] + y[1])
        else:
            self.ask()

    def _seen(self) -> list[tuple[Axis, tuple[float, float]]]:
        """The displayed axes and what the frame shows of them."""
        return list(zip(self.screen.axes, self.screen.ranges(), strict=True))

    def _draw(self) -> None:
        parts, state = self.screen.figure, self.state
        if state.region is None or state.opened is None or state.grids is not None:
            parts.box.visible = False
            _put(parts.mark, {"x": [], "y": []})
            _put(parts.ellipse, {"x": [], "y": [], "width": [], "height": []})
            return
        x0, x1, y0, y1 = self._outline()
        point = state.tool == "point"
        _put(parts.mark, {"x": [(x0 + x1) / 2], "y": [(y0 + y1) / 2]} if point else {"x": [], "y": []})
        oval = {"x": [(x0 + x1) / 2], "y": [(y0 + y1) / 2], "width": [abs(x1 - x0)], "height": [abs(y1 - y0)]}
        _put(parts.ellipse, oval if state.tool == "ellipse" else {name: [] for name in oval})
        if self._held:
            return
        self._drawing = True
        parts.box.update(
            visible=not point,
            left=min(x0, x1),
            right=max(x0, x1),
            bottom=min(y0, y1),
            top=max(y0, y1),
            line_dash="dotted" if state.tool == "ellipse" else "solid",
            line_alpha=0.5 if state.tool == "ellipse" else 1.0,
        )
        self._drawing = False

    def _outline(self) -> tuple[float, float, float, float]:
        """The region's edges in axis units."""
        x0, x1, y0, y1 = self.state.region
        x_axis, y_axis = self.screen.axes
        x = [float(x_axis.edges.at(place + 0.5)) for place in (x0, x1)]
        y = [float(y_axis.edges.at(place + 0.5)) for place in (y0, y1)]
        return x[0], x[1], y[0], y[1]

    def _dragged(self, attr: str, old: object, new: object) -> None:
        """One drag changes up to four edges; they are looked at together on the next tick."""
        if self._drawing or self.state.tool == "point":
            return
        self._drawing = True
        self._document.add_next_tick_callback(partial(self._redrawn))

    def _redrawn(self) -> None:
        self._drawing = False
        box, (x_axis, y_axis) = self.screen.figure.box, self.screen.axes
        edges = (box.left, box.right, box.bottom, box.top)
        if not all(isinstance(edge, int | float) and math.isfinite(edge) for edge in edges):
            return
        x = sorted(float(place) - 0.5 for place in x_axis.edges.position([box.left, box.right]))
        y = sorted(float(place) - 0.5 for place in y_axis.edges.position([box.bottom, box.top]))
        self._held = True  # the box is where the user's hand is; moving it from here would fight the drag
        self.state.region = (x[0], x[1], y[0], y[1])
        self._held = False

    # Where the picture stands

    def _followed(self) -> None:
        self._stand()
        if not self.screen.playing:
            self.ask()

    def _stand(self) -> None:
        dim = self.state.profile
        if self.state.opened is not None and dim in self.state.others:
            self.plot.stand(self.state.axis(dim), int(self.state.index.get(dim, 0)))


def _put(source: ColumnDataSource, data: dict[str, list[float]]) -> None:
    """Set what differs: whatever is set is sent, and makes the browser paint the whole plot anew."""
    if source.data != data:
        source.data = data


def _middle(axis: Axis, seen: tuple[float, float], wanted: float) -> tuple[float, float]:
    """Middle and half width (cells) of a region a quarter of the view wide about ``wanted``, moved into the view."""
    first, last = sorted(float(place) - 0.5 for place in axis.edges.position([seen[0], seen[1]]))
    first, last = max(first, -0.5), min(last, axis.size - 0.5)
    half = max(0.5, 0.125 * (last - first))
    return min(max(wanted, first + half), max(first + half, last - half)), half
