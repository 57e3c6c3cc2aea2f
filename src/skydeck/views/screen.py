"""Screen: one figure that shows one CubeState: asks for what is visible and paints what comes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import param
from bokeh.document import Document
from bokeh.events import Reset
from bokeh.models import Range1d

from skydeck.compute import Compute
from skydeck.core.axis import Axis
from skydeck.core.cancel import Check, never
from skydeck.core.errors import SkydeckError
from skydeck.core.raster import Request
from skydeck.core.viewport import Viewport
from skydeck.fetch import Look, Picture, cube_limits, picture
from skydeck.fetch.picture import QUALITY, Kind, quality_after
from skydeck.render.colour import table
from skydeck.render.stretch import thresholds
from skydeck.render.ticks import colourbar_ticks
from skydeck.sky.graticule import Graticule, graticule
from skydeck.sky.wcs import Celestial, celestial_of
from skydeck.views.ask import Ask
from skydeck.views.figure import figure, paint_theme
from skydeck.views.fit import Range, fitted, viewport_of, zoomed
from skydeck.views.mailbox import Mailbox
from skydeck.views.state import CubeState
from skydeck.views.text import plain
from skydeck.views.theme import LIGHT, Theme
from skydeck.views.ticks import dress, dress_sky, fix

SETTLE_MS = 150
MOST_UNPAINTED = 2
SMALL_PIXELS = 65_536
EASTWARD = frozenset({"l", "ra"})
SQUARE = (frozenset({"x", "y"}), frozenset({"l", "m"}))
DEFAULT_FRAME = (800, 600)

_PLANE = ("variable", "x", "y", "mesh")
_PIXELS = ("index", "part", "reduce", "resolution")
_COLOURS = ("colormap", "reverse", "stretch", "gamma", "low", "high")


class Screen:
    """The picture of a CubeState.

    ``on_picture(picture)`` hears of every picture that was sent, ``fail(error)`` of every question that failed,
    ``busy(flag)`` of work that begins and ends. ``moving`` is true while a drag or an animation runs: then pictures
    travel as JPEG. While ``waiting`` (there is no browser yet) nothing is asked for.
    """

    def __init__(
        self,
        state: CubeState,
        compute: Compute,
        local: Compute,
        document: Document,
        fail: Callable[[SkydeckError], None],
        busy: Callable[[bool], None],
    ) -> None:
        self.state = state
        self.theme = LIGHT
        self.figure = figure()
        paint_theme(self.figure.plot, self.theme)
        self.mailbox = Mailbox(self.figure.plot, self.figure.target, self.figure.label)
        self.picture: Picture | None = None
        self.celestial: Celestial | None = None
        self.playing = False
        self.waiting = False
        self.on_picture: Callable[[Picture], None] = lambda picture: None
        self._document = document
        self._moves = 0
        self._quality = QUALITY
        self._dragging = False
        self._placing = False
        self._shifting = False
        self._quiet = False
        self._pictures = Ask(document, compute, self._arrived, fail, busy)
        self._exacts = Ask(document, compute, self._arrived, fail, busy)
        self._skies = Ask(document, local, self._dress_sky, fail)
        self._scales = Ask(document, compute, self._scaled, fail)
        self._listen()

    def _listen(self) -> None:
        plot = self.figure.plot
        # Bokeh's RangesUpdate comes when a drag is over, and half a second after a wheel.
        for shown in (plot.x_range, plot.y_range):
            for end in ("start", "end"):
                shown.on_change(end, self._shifted)
        plot.on_event(Reset, lambda event: self.reset())
        plot.on_change("inner_width", self._resized)
        plot.on_change("inner_height", self._resized)
        self.state.param.watch(self._changed, [*_PLANE, *_PIXELS, *_COLOURS, "limits", "scope", "grid"])

    def close(self) -> None:
        """The session is over."""
        for ask in (self._pictures, self._exacts, self._skies, self._scales):
            ask.close()

    # What is visible

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The displayed axes (x, y)."""
        return self.state.axes()

    @property
    def frame(self) -> tuple[int, int]:
        """The frame's pixels; a usual size until the browser says."""
        width, height = self.figure.frame
        return (width, height) if width > 1 and height > 1 else DEFAULT_FRAME

    @property
    def square(self) -> bool:
        """Whether a unit is to be as long along both axes: on the sky, and for a picture's pixels."""
        names = frozenset({self.state.x.lower(), self.state.y.lower()})
        return self.celestial is not None or (names in SQUARE and self.state.grids is None)

    def ranges(self) -> tuple[Range, Range]:
        """What the frame shows (x, y), low to high."""
        state, (x_axis, y_axis) = self.state, self.axes
        if state.xrange is not None and state.yrange is not None:
            return state.xrange, state.yrange
        return fitted(x_axis.limits, y_axis.limits, self.frame, self.square)

    def viewport(self) -> Viewport | None:
        """What is to be asked for now; None where the frame shows no data."""
        return viewport_of(*self.axes, *self.ranges(), self.frame, self.state.resolution)

    def request(self, **index: int) -> Request | None:
        """The question for the plane shown, or for one at other positions."""
        viewport = self.viewport()
        return None if viewport is None else Request(self.state.plane(**index), viewport, self.state.reduce)

    def look(self, moving: bool, viewport: Viewport) -> Look:
        """How an answer is to travel."""
        state = self.state
        known = state.low is not None and state.high is not None
        keep = state.limits == "manual" or (state.scope != "each plane" and known)
        small = viewport.width * viewport.height <= SMALL_PIXELS
        kind: Kind = "jpeg" if moving and not small else "codes"
        return Look(state.style(), kind, None if keep else state.limits, self._quality, self.theme.well_rgb)

    # Moving about

    def open(self) -> None:
        """Show a source that was just adopted."""
        self._replane()

    def reset(self) -> None:
        """Show the whole plane."""
        self.state.param.update(xrange=None, yrange=None)
        self._place()
        self.ask()

    def zoom(self, factor: float) -> None:
        """Show ``factor`` times as much about the middle."""
        x, y = self.ranges()
        self.state.param.update(xrange=zoomed(x, factor), yrange=zoomed(y, factor))
        self._place()
        self.ask()

    def ask(self, moving: bool = False) -> None:
        """Ask for what is visible; the latest question wins."""
        if self.state.opened is None or self.playing or self.waiting:
            return
        self._exacts.cancel()
        request = self.request()
        if request is not None:
            self._pictures(picture, replace(request, preview=True), self.look(moving, request.viewport))

    def show(self, picture: Picture) -> int:
        """Send a picture, named by where the state stands, and say so; its number comes back when it is painted."""
        if self.state.low is None or self.state.scope == "each plane":
            self._learn(picture)
        elif picture.kind == "codes" and picture.style.stretch != "histogram":
            style = self.state.style()  # it may have changed since this was asked for
            picture = replace(picture, style=style, thresholds=thresholds(style))
        self.picture = picture
        if picture.kind == "jpeg":
            self._quality = quality_after(picture)
        number = self.mailbox.send(picture, self.caption())
        self.on_picture(picture)
        return number

    def caption(self) -> str:
        """Where the picture stands along the dimensions that aren't displayed."""
        axes = [(self.state.axis(dim), int(self.state.index.get(dim, 0))) for dim in self.state.others]
        return "   ".join(plain(f"{axis.title} {axis.text(index)}", 60) for axis, index in axes if axis.size > 1)

    def stop_asking(self) -> None:
        """Drop questions under way."""
        self._pictures.cancel()
        self._exacts.cancel()

    def set_theme(self, theme: Theme) -> None:
        """Colour the figure for a light or dark page."""
        self.theme = theme
        paint_theme(self.figure.plot, theme)

    def _shifted(self, attr: str, old: object, new: object) -> None:
        """One move changes up to four ends; they are looked at together on the next tick."""
        if not (self._placing or self._shifting):
            self._shifting = True
            self._document.add_next_tick_callback(self._moved)

    def _moved(self) -> None:
        self._shifting = False
        x, y = _span(self.figure.plot.x_range), _span(self.figure.plot.y_range)
        if self.state.opened is None or x is None or y is None or (x, y) == self.ranges():
            return
        self.state.param.update(xrange=x, yrange=y)
        self._dragging = True
        self._moves += 1
        if self.mailbox.unpainted < MOST_UNPAINTED:
            self.ask(moving=True)
        self._document.add_timeout_callback(partial(self._settled, self._moves), SETTLE_MS)

    def _settled(self, moves: int) -> None:
        if moves == self._moves:
            self._dragging = False
            self.ask()
            self.dress()

    def _resized(self, attr: str, old: object, new: object) -> None:
        if self.state.opened is None:
            return
        if self.state.xrange is None:  # a range of the user's own is the browser's; putting it back would fight a drag
            self._place()
        self.ask(moving=self._dragging)
        self.dress()

    # Answers

    def _arrived(self, picture: Picture) -> None:
        if self.playing:
            return
        self.show(picture)
        if not (picture.exact or self._dragging):
            self._refine()

    def _refine(self) -> None:
        request = self.request()
        if request is not None:
            self._exacts(picture_exact, request, self.look(False, request.viewport))

    def _learn(self, picture: Picture) -> None:
        """The limits that a picture found for itself become the state's; those of the cube follow."""
        first = self.state.low is None
        self._quiet = True
        self.state.param.update(low=picture.style.low, high=picture.style.high)
        self._quiet = False
        self._colourbar()
        if first and self.state.scope == "cube" and self.state.limits != "manual":
            self._scales(cube_limits, self.state.plane(), self.state.play, self.state.limits, self.frame)

    def _scaled(self, limits: tuple[float, float]) -> None:
        if self.state.scope == "cube" and self.state.limits != "manual":
            self.state.param.update(low=limits[0], high=limits[1])

    # What changed

    def _changed(self, *events: param.parameterized.Event) -> None:
        if self._quiet or self.state.opened is None:
            return
        names = {event.name for event in events}
        if names & set(_PLANE):
            self._replane()
        elif names & {"limits", "scope"} and self.state.limits != "manual" and not names & {"low", "high"}:
            self._relimit()
        elif names & set(_PIXELS):
            self.ask(moving=self.playing)
        if names & set(_COLOURS):
            self._recolour()
        if "grid" in names:
            self.dress()

    def _relimit(self) -> None:
        self._quiet = True
        self.state.param.update(low=None, high=None)
        self._quiet = False
        self.ask()

    def _replane(self) -> None:
        assert self.state.opened is not None
        self.picture = None
        self.celestial = self._sky()
        self.figure.zoom.match_aspect = self.square
        self._place()
        self._recolour()
        self.ask()
        self.dress()

    def _place(self) -> None:
        """Put the ranges where the state wants them: values rise to the right and upwards, but east is left."""
        x, y = self.ranges()
        self._placing = True
        for shown, span, axis in zip(
            (self.figure.plot.x_range, self.figure.plot.y_range), (x, y), self.axes, strict=True
        ):
            start, end = (span[1], span[0]) if axis.name.lower() in EASTWARD else span
            shown.update(start=start, end=end, reset_start=start, reset_end=end)
        self._placing = False

    def _recolour(self) -> None:
        style = self.state.style()
        if style.stretch == "histogram" and self.picture is not None:
            self.ask(moving=self._dragging)
        self.mailbox.look(style, thresholds(style))
        self._colourbar()

    def _colourbar(self) -> None:
        style, bar = self.state.style(), self.figure.colorbar
        steps = (
            self.picture.thresholds if style.stretch == "histogram" and self.picture is not None else thresholds(style)
        )
        rgb = table(style.colormap, style.reverse)
        self.figure.mapper.palette = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in rgb.tolist()]
        fix(bar, colourbar_ticks(style, steps))
        self.figure.unit.text = plain(self.state.unit)

    # Axes and grid

    def dress(self) -> None:
        """Write the axes for what is visible."""
        if self.state.opened is None:
            return
        x, y = self.ranges()
        if self.celestial is not None:
            swapped = str(self.state.opened.dataset.attrs.get("wcs_dims", "")).split()[0] != self.state.x
            self._skies(_graticule, self.celestial, x, y, swapped)
            return
        self.figure.grid.data = {"xs": [], "ys": []}
        self.figure.names.data = {"x": [], "y": [], "text": []}
        for shown, axis, span in zip(
            (self.figure.plot.xaxis[0], self.figure.plot.yaxis[0]), self.axes, (x, y), strict=True
        ):
            dress(shown, axis, span)

    def _dress_sky(self, lines: Graticule) -> None:
        plot = self.figure.plot
        if self.celestial is not None:
            dress_sky((plot.xaxis[0], plot.yaxis[0]), self.figure.grid, self.figure.names, lines, self.state.grid)

    def _sky(self) -> Celestial | None:
        assert self.state.opened is not None
        attrs = self.state.opened.dataset.attrs
        dims = str(attrs.get("wcs_dims", "")).split()
        if len(dims) != 2 or {*dims} != {self.state.x, self.state.y} or self.state.grids is not None:
            return None
        return celestial_of(str(attrs.get("fits_wcs_header", "")))


def _span(shown: Range1d) -> Range | None:
    """What a range of the browser shows, low to high; None where that isn't a range."""
    ends = (shown.start, shown.end)
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in ends) or ends[0] == ends[1]:
        return None
    return float(min(ends)), float(max(ends))


def picture_exact(request: Request, look: Look, cancelled: Check = never) -> Picture:
    """The picture made of every cell."""
    return picture(replace(request, preview=False), look, cancelled)


def _graticule(celestial: Celestial, x: Range, y: Range, swapped: bool, cancelled: Check = never) -> Graticule:
    return graticule(celestial, x, y, swapped)
