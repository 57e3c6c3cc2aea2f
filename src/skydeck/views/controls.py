"""Controls: the widgets of a cube view, each bound to one parameter of its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import param

from skydeck.core.axis import Axis
from skydeck.core.raster import PARTS, REDUCES
from skydeck.core.style import LIMITS, SCOPES, STRETCHES
from skydeck.render.colour import COLORMAPS
from skydeck.sources import list_choices
from skydeck.views.choice import drawable, meshes
from skydeck.views.line import Line
from skydeck.views.player import Player
from skydeck.views.state import CubeState
from skydeck.views.text import html, plain

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (2, 0)}
LISTED_LABELS = 400


def synced(widget: pn.widgets.Widget, state: param.Parameterized, name: str) -> pn.widgets.Widget:
    """A widget whose value is a parameter's, both ways."""
    widget.value = getattr(state, name)
    widget.param.watch(lambda event: None if event.new is None else state.param.update(**{name: event.new}), "value")
    state.param.watch(lambda event: widget.param.update(value=event.new), name)
    return widget


class DataControls:
    """What is shown: the part of the file, the variable, the axes, the number made of complex data."""

    def __init__(self, state: CubeState, reopen: Callable[[dict[str, str]], None]) -> None:
        self.state = state
        self._reopen = reopen
        self._setting = False
        self.choice = pn.widgets.Select(label="Part of the file", visible=False, **WIDE)
        self.variable = pn.widgets.Select(label="Variable", **WIDE)
        self.x = pn.widgets.Select(label="X axis", **WIDE)
        self.y = pn.widgets.Select(label="Y axis", **WIDE)
        self.swap = pn.widgets.Button(label="⇄", width=36, align="end", margin=(2, 4), description="Swap the axes")
        self.part = synced(
            pn.widgets.Select(label="Complex data as", options=list(PARTS), visible=False, **WIDE), state, "part"
        )
        self.mesh = synced(pn.widgets.Checkbox(label="On its 2-D coordinates", visible=False, **WIDE), state, "mesh")
        self.reduce = synced(
            pn.widgets.Select(label="Many cells on a pixel", options=list(REDUCES), **WIDE), state, "reduce"
        )
        resolutions = {"automatic": 1, "1/2": 2, "1/4": 4, "1/8": 8, "1/16": 16}
        self.resolution = synced(
            pn.widgets.Select(label="Resolution", options=resolutions, **WIDE), state, "resolution"
        )
        self.choice.param.watch(self._chosen, "value")
        self.variable.param.watch(lambda event: self._set(lambda: state.choose_variable(event.new)), "value")
        self.x.param.watch(lambda event: self._set(lambda: state.choose_axes(event.new, state.y)), "value")
        self.y.param.watch(lambda event: self._set(lambda: state.choose_axes(state.x, event.new)), "value")
        self.swap.on_click(lambda event: self._set(lambda: state.choose_axes(state.y, state.x)))
        state.param.watch(lambda *events: self.refresh(), ["variable", "x", "y"])
        self.panel = pn.Column(
            self.choice,
            self.variable,
            pn.Row(self.x, self.swap, self.y, **WIDE),
            self.part,
            self.mesh,
            pn.Row(self.resolution, pn.Spacer(width=6), self.reduce, **WIDE),
            sizing_mode="stretch_width",
        )

    def refresh(self) -> None:
        """Offer what the open source has."""
        state = self.state
        if state.opened is None:
            return
        dataset = state.opened.dataset
        self._setting = True
        self.variable.param.update(options=_plain(drawable(dataset)), value=state.variable)
        dims = _plain(state.dims)
        self.x.param.update(options=dims, value=state.x)
        self.y.param.update(options=dims, value=state.y)
        self.part.visible = dataset[state.variable].dtype.kind == "c"
        self.mesh.visible = meshes(dataset, state.variable, (state.x, state.y)) is not None
        self._setting = False

    def offer(self, choices: list[tuple[str, str]], key: str, current: str) -> None:
        """Offer the parts of a file (HDUs, groups); nothing where there is only one."""
        self._setting = True
        options = {plain(f"{name}: {text}" if text else name, 80): (key, name) for name, text in choices}
        self.choice.visible = len(options) > 1
        chosen = next((pair for pair in options.values() if pair[1] == current), None)
        self.choice.param.update(options=options, value=chosen or next(iter(options.values()), None))
        self._setting = False

    def _set(self, change: Callable[[], None]) -> None:
        if not self._setting and self.state.opened is not None:
            change()

    def _chosen(self, event: param.parameterized.Event) -> None:
        if not self._setting and event.new is not None:
            key, name = event.new
            self._reopen({key: name})


class DimensionControls:
    """A slider, or a searchable list, for every dimension that isn't displayed."""

    def __init__(self, state: CubeState, seek: Callable[[str, int], None]) -> None:
        self.state = state
        self._seek = seek
        self._rows: dict[str, Dimension] = {}
        self.panel = pn.Column(sizing_mode="stretch_width")
        state.param.watch(lambda *events: self.refresh(), ["variable", "x", "y"])
        state.param.watch(lambda event: self.follow(), "index")

    def refresh(self) -> None:
        """Make the rows anew for other dimensions."""
        state = self.state
        self._rows = {dim: Dimension(state.axis(dim), self._seek) for dim in state.others if state.axis(dim).size > 1}
        alone = [
            f"{state.axis(dim).title}: {plain(state.axis(dim).text(0))}"
            for dim in state.others
            if state.axis(dim).size == 1
        ]
        rest = [Line("sd-alone", html(" · ".join(alone), 1000)).panel] if alone else []
        self.panel.objects = [row.panel for row in self._rows.values()] + rest
        self.follow()

    def follow(self) -> None:
        """Show the positions of the state."""
        for dim, row in self._rows.items():
            row.follow(int(self.state.index.get(dim, 0)))


class Dimension:
    """One dimension: where it stands, in its own units."""

    def __init__(self, axis: Axis, seek: Callable[[str, int], None]) -> None:
        self.axis = axis
        self._seek = seek
        self._setting = False
        listed = axis.kind == "label" and axis.size <= LISTED_LABELS
        self._names = list(_plain([axis.text(index) for index in range(axis.size)])) if listed else []
        title = plain(axis.title)
        self._slider = pn.widgets.IntSlider(label=title, start=0, end=axis.size - 1, show_value=False, margin=(4, 8))
        self._slider.sizing_mode = "stretch_width"
        self._value = pn.widgets.TextInput(label="", width=150, margin=(2, 0), align="end")
        self._list = pn.widgets.AutocompleteInput(
            label=title,
            options=self._names,
            min_characters=0,
            case_sensitive=False,
            search_strategy="includes",
            **WIDE,
        )
        self._slider.param.watch(lambda event: self._go(int(event.new)), "value")
        self._value.param.watch(lambda event: self._typed(event.new), "value")
        self._list.param.watch(lambda event: self._picked(event.new), "value")
        self.panel = self._list if listed else pn.Row(self._slider, self._value, **WIDE)

    def follow(self, index: int) -> None:
        """Show a position."""
        self._setting = True
        self._slider.value = index
        self._value.value = plain(self.axis.text(index))
        if self._names:
            self._list.value = self._names[index]
        self._setting = False

    def _picked(self, name: str) -> None:
        if name in self._names:
            self._go(self._names.index(name))

    def _typed(self, text: str) -> None:
        if self._setting:
            return
        found = self.axis.find(text)
        if found is None:
            self.follow(int(self._slider.value))
        else:
            self._go(found)

    def _go(self, index: int) -> None:
        if not self._setting:
            self._seek(self.axis.name, index)


class ColourControls:
    """Colour map, stretch and limits."""

    def __init__(self, state: CubeState) -> None:
        self.state = state
        self._setting = False
        maps = {group: list(names) for group, names in COLORMAPS.items()}
        self.colormap = synced(pn.widgets.Select(label="Colour map", groups=maps, **WIDE), state, "colormap")
        self.reverse = synced(pn.widgets.Checkbox(label="Reversed", **WIDE), state, "reverse")
        self.stretch = synced(pn.widgets.Select(label="Stretch", options=list(STRETCHES), **WIDE), state, "stretch")
        self.gamma = synced(
            pn.widgets.FloatSlider(label="Exponent", start=0.1, end=5, step=0.1, visible=False, **WIDE), state, "gamma"
        )
        self.limits = synced(pn.widgets.Select(label="Limits", options=list(LIMITS), **WIDE), state, "limits")
        self.scope = synced(pn.widgets.Select(label="Taken from", options=list(SCOPES), **WIDE), state, "scope")
        self.low = pn.widgets.FloatInput(label="Low", **WIDE)
        self.high = pn.widgets.FloatInput(label="High", **WIDE)
        for widget in (self.low, self.high):
            widget.param.watch(self._typed, "value")
        self.grid = synced(pn.widgets.Checkbox(label="Coordinate grid", **WIDE), state, "grid")
        state.param.watch(self._follow, ["low", "high", "stretch"])
        gap = pn.Spacer(width=6)
        self.panel = pn.Column(
            pn.Row(self.colormap, gap, self.stretch, **WIDE),
            self.gamma,
            pn.Row(self.limits, gap.clone(), self.scope, **WIDE),
            pn.Row(self.low, gap.clone(), self.high, **WIDE),
            pn.Row(self.reverse, self.grid, **WIDE),
            sizing_mode="stretch_width",
        )

    def _follow(self, *events: param.parameterized.Event) -> None:
        self._setting = True
        self.low.value, self.high.value = _short(self.state.low), _short(self.state.high)
        self.gamma.visible = self.state.stretch == "power"
        self._setting = False

    def _typed(self, event: param.parameterized.Event) -> None:
        low, high = self.low.value, self.high.value
        if self._setting or low is None or high is None or not low < high:
            self._follow()
            return
        self.state.param.update(limits="manual", low=float(low), high=float(high))


class PlayerControls:
    """Play, pause, step, seek, and how."""

    def __init__(self, state: CubeState, player: Player) -> None:
        self.state, self.player = state, player
        self._setting = False
        small: dict[str, Any] = {"width": 40, "margin": (2, 2), "align": "end"}
        self.back = pn.widgets.Button(label="◀︎", description="One frame back (←)", **small)
        self.toggle = pn.widgets.Button(
            label="▶", color="primary", width=52, margin=(2, 2), align="end", css_classes=["sd-play"]
        )
        self.forward = pn.widgets.Button(label="▶︎", description="One frame on (→)", **small)
        self.slider = pn.widgets.IntSlider(
            label="", start=0, end=1, show_value=False, min_width=140, margin=(8, 10), align="end"
        )
        self.slider.sizing_mode = "stretch_width"
        self.dim = pn.widgets.Select(label="Along", width=120, margin=(2, 4))
        self.fps = synced(
            pn.widgets.FloatInput(label="Frames/s", start=0.1, end=60, step=1, width=72, margin=(2, 4)), state, "fps"
        )
        self.repeat = synced(
            pn.widgets.Select(label="At the end", options=["loop", "ping-pong", "once"], width=96, margin=(2, 4)),
            state,
            "repeat",
        )
        self.ahead = synced(
            pn.widgets.IntInput(label="Prefetch", start=0, end=64, width=72, margin=(2, 4)), state, "prefetch"
        )
        self.back.on_click(lambda event: player.step(-1))
        self.forward.on_click(lambda event: player.step(1))
        self.toggle.on_click(lambda event: player.toggle())
        self.slider.param.watch(self._sought, "value")
        self.dim.param.watch(self._chosen, "value")
        player.param.watch(self._played, "playing")
        state.param.watch(lambda *events: self.refresh(), ["variable", "x", "y", "play"])
        state.param.watch(lambda event: self.follow(), "index")
        self.panel = pn.Row(
            self.back,
            self.toggle,
            self.forward,
            self.slider,
            self.dim,
            self.fps,
            self.repeat,
            self.ahead,
            sizing_mode="stretch_width",
            css_classes=["sd-player"],
        )

    def refresh(self) -> None:
        """Offer the dimensions that can be played."""
        dims = [dim for dim in self.state.others if self.state.axis(dim).size > 1]
        self.panel.visible = bool(dims)
        self._setting = True
        self.dim.param.update(options=_plain(dims), value=self.state.play if self.state.play in dims else None)
        if self.state.play in dims:
            self.slider.end = self.state.axis(self.state.play).size - 1
        self._setting = False
        self.follow()

    def follow(self) -> None:
        """Show the position."""
        self._setting = True
        self.slider.value = int(self.state.index.get(self.state.play, 0))
        self._setting = False

    def _sought(self, event: param.parameterized.Event) -> None:
        if not self._setting:
            self.player.seek(int(event.new))

    def _chosen(self, event: param.parameterized.Event) -> None:
        if not self._setting and event.new:
            self.player.pause()
            self.state.play = event.new

    def _played(self, event: param.parameterized.Event) -> None:
        self.toggle.label = "❚❚" if event.new else "▶"


def _short(number: float | None) -> float | None:
    """A number with the digits a person can use."""
    return None if number is None else float(f"{number:.5g}")


def choices_of(location: str) -> list[tuple[str, str]]:
    """The parts of a source that one may choose from."""
    return list(list_choices(location))


def _plain(names: list[str]) -> dict[str, str]:
    """Names as shown, each the key of the name itself; alike names are told apart by a number."""
    shown: dict[str, str] = {}
    for name in names:
        text, count = plain(name, 60) or "(no name)", 2
        while text in shown:
            text, count = f"{plain(name, 60)} ({count})", count + 1
        shown[text] = name
    return shown
