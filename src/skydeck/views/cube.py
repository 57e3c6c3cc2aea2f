"""CubeView: one session's explorer: a state, a screen, a player, and the panels around them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import panel as pn
import param
from bokeh.document import Document
from bokeh.events import MouseLeave, MouseMove

from skydeck.compute import Compute
from skydeck.core.cancel import Check, never
from skydeck.core.errors import SkydeckError, SourceChanged
from skydeck.core.raster import Plane
from skydeck.fetch import Opened, Picture, opened, picture, value
from skydeck.fetch.answer import forget
from skydeck.reduce.limits import histogram_of
from skydeck.render import codes
from skydeck.settings import Settings
from skydeck.sky.readout import readout
from skydeck.views.ask import Ask
from skydeck.views.client import Client
from skydeck.views.controls import ColourControls, DataControls, DimensionControls, PlayerControls, choices_of
from skydeck.views.export import ExportControls
from skydeck.views.files import Files
from skydeck.views.header import header_html
from skydeck.views.line import Line
from skydeck.views.link import state_of
from skydeck.views.locate import Located, first_sources, locate
from skydeck.views.measure import Measure
from skydeck.views.player import Player
from skydeck.views.plots import Histogram
from skydeck.views.screen import Screen
from skydeck.views.state import CubeState
from skydeck.views.text import byte_text, html, number_text, plain
from skydeck.views.theme import DARK, LIGHT
from skydeck.views.watched import watched

Options = tuple[tuple[str, str], ...]
Answer = tuple[Located, Opened, dict[str, Any], list[tuple[str, str]]]

log = logging.getLogger(__name__)

LINK_MS = 300
MERIT_SECONDS = 0.4
PROGRESS_MS = 300
ZOOM = 1.4
KEYS = (
    ("space", "play or pause"),
    ("← →", "one frame back or on"),
    ("↑ ↓", "ten frames on or back"),
    ("+ −", "zoom in or out"),
    ("home", "show the whole plane"),
    ("?", "this list"),
)


class CubeView:
    """Everything of one session. ``close`` ends what runs and lets go."""

    def __init__(self, settings: Settings, compute: Compute, local: Compute, document: Document) -> None:
        self.settings = settings
        self.document = document
        self.state = CubeState()
        self.client = Client()
        self.located: Located | None = None
        self._location = pn.state.location
        self._compute = compute
        self._local = local
        self._link_due = False
        self._merit_told = 0.0
        self._busy = 0
        self._busy_since = 0.0
        self._looking = False
        self.message = Line("sd-message", visible=False)
        self.readout = Line("sd-readout", margin=5)
        self.merit = Line("sd-merit", margin=5)
        self.title = Line("sd-title")
        self.progress = pn.indicators.Progress(
            active=True, visible=False, height=3, sizing_mode="stretch_width", margin=0
        )
        self.screen = Screen(self.state, compute, local, document, self.fail, self._working)
        self.player = Player(self.state, self.screen, compute, document, self.fail)
        self.measure = Measure(self.state, self.screen, compute, document, self.fail, self._working, self.seek)
        self.histogram = Histogram(self._limit)
        self.data = DataControls(self.state, self._choose_part)
        self.dimensions = DimensionControls(self.state, self.seek)
        self.colours = ColourControls(self.state)
        self.playing = PlayerControls(self.state, self.player)
        self.files = Files(settings, lambda name: self.open({"source": name}))
        self.exports = ExportControls(self.state, self.screen, self.measure, self.client, local, document, self.fail)
        self.header = Line("sd-about", margin=5)
        self.link = pn.widgets.Button(label="Copy link", description="Copy the address of exactly this view", margin=0)
        self.day = pn.widgets.Button(label="◐", description="Light or dark", margin=0, width=40)
        self.help = Line("sd-help", _keys(), visible=False, wide=False)
        self._prepared = False
        self._opening = Ask(document, local, self._opened, self.fail, self._working)
        self._cursor = Ask(document, compute, self._pointed, self._pointless)
        self._wire()

    def _wire(self) -> None:
        plot, state = self.screen.figure.plot, self.state
        self.screen.on_picture = self._pictured
        plot.on_event(MouseMove, self._hovered)
        plot.on_event(MouseLeave, lambda event: self._left())
        self.client.param.watch(self._pressed, "key")
        self.client.param.watch(lambda event: self._dress(event.new), "theme")
        self.link.on_click(lambda event: self.copy_link())
        self.day.on_click(lambda event: self._turn())
        state.param.watch(lambda *events: self._relink(), list(CubeState.LINKED))
        self.player.param.watch(lambda event: self._relink(), "playing")
        state.param.watch(
            lambda *events: self.histogram.stand(self.state.style().low, self.state.style().high), ["low", "high"]
        )
        state.param.watch(lambda *events: self._retitle(), ["source", "variable"])

    def prepare(self, foreseen: Future[Answer] | None) -> None:
        """Show a source that is open already: its widgets are then made once, with the page."""
        if foreseen is None or not foreseen.done() or foreseen.exception() is not None:
            return  # start() opens it, and says what is wrong with it
        self._prepared = self.screen.waiting = True
        try:
            self._opened(foreseen.result())
        except Exception:  # start() opens it again, as a question, whose faults are told
            log.warning("a source couldn't be shown at once", exc_info=True)
            self._prepared = self.screen.waiting = False
            return
        request = self.screen.request()
        if request is not None:  # its cells are read while the browser still loads its scripts
            self._compute.submit(picture, request, self.screen.look(False, request.viewport))

    def start(self, query: str) -> None:
        """The page is there: show what an address asks for, else the first source there is."""
        asked = _asked(query, self.settings)
        if self._prepared:
            self.screen.waiting = False
            self.screen.ask()
        elif "source" in asked:
            self.open(asked)
        else:
            self.tell("Choose a file to open", "info")

    def close(self) -> None:
        """The session is over."""
        self.player.close()
        self.screen.close()
        self.measure.close()
        self.exports.close()
        for ask in (self._opening, self._cursor):
            ask.close()

    # Opening

    def open(self, asked: dict[str, Any]) -> None:
        """Open a source in the background and show it as asked."""
        self.player.pause()
        try:
            located, options = _wanted(asked, self.settings)
        except SkydeckError as error:
            self.fail(error)
            return
        self._opening(_open, located, options, asked)

    def _opened(self, answer: Answer) -> None:
        located, source, asked, choices = answer
        self.located = located
        self.tell("")
        self.state.location = located.location
        try:
            with param.parameterized.discard_events(self.state):
                self.state.source, self.state.variable = located.name, ""
            self.state.adopt(source, {**asked, "options": dict(source.options)})
        except SkydeckError as error:
            self.fail(error)
            return
        key = "hdu" if any(name == "hdu" for name, _ in source.options) or _is_fits(located.location) else "group"
        self.data.offer(choices, key, dict(source.options).get(key, ""))
        self.header.object = header_html(source.dataset, self.state.variable)
        self._notes(source)
        self._retitle()

    def _choose_part(self, options: dict[str, str]) -> None:
        if self.located is not None:
            self.open({"source": self.located.name, "options": {**dict(self.located.options), **options}})

    def _notes(self, source: Opened) -> None:
        for key in ("truncated", "wcs_problem"):
            if source.dataset.attrs.get(key):
                self.tell(str(source.dataset.attrs[key]), "warning")

    # Saying

    def tell(self, text: str, kind: str = "info") -> None:
        """Put one sentence above the picture; an empty one clears it."""
        self.message.object = f"<div class='sd-{kind}' role='status'>{html(text)}</div>" if text else ""
        self.message.visible = bool(text)

    def fail(self, error: SkydeckError) -> None:
        """Say what went wrong; a source that changed is opened again."""
        self.tell(str(error), "error")
        if isinstance(error, SourceChanged) and self.located is not None:
            forget(self.located.location)
            self._opening(_open, self.located, tuple(sorted(self.state.options.items())), self.state.linked())

    def _working(self, busy: bool) -> None:
        """Show the progress line for work that takes longer than 300 ms, and look whether anybody waits for it."""
        self._busy = max(0, self._busy + (1 if busy else -1))
        if not self._busy:
            self.progress.visible = False
        elif busy and self._busy == 1:
            self._busy_since = time.monotonic()
            self._look_later()

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self.document.add_timeout_callback(self._look, PROGRESS_MS)

    def _look(self) -> None:
        self._looking = False
        if not self._busy:
            return
        if not watched(self.document):
            self._rest()
            return
        long = time.monotonic() - self._busy_since > 0.9e-3 * PROGRESS_MS
        self.progress.visible = long and not self.player.playing
        self._look_later()

    def _rest(self) -> None:
        """Nobody looks any more: end what runs."""
        self.player.abandon()
        self.screen.stop_asking()
        self.measure.stop_asking()
        self._opening.cancel()

    def _retitle(self) -> None:
        if self.located is not None:
            self.title.object = f"<b>{html(self.located.title, 60)}</b> {html(self.state.variable, 40)}"

    # Pictures

    def _pictured(self, picture: Picture) -> None:
        self.measure.pictured()
        now = time.monotonic()
        if self.player.playing and now - self._merit_told < MERIT_SECONDS:
            return
        self._merit_told = now
        reading, encoding = (1e3 * seconds for seconds in picture.seconds)
        x, y = picture.step
        zoom = f"{x:.3g} × {y:.3g} cells a pixel" if max(x, y) >= 1 else f"{1 / max(x, 1e-9):.3g} pixels a cell"
        parts = [f"{reading:.0f} ms read", f"{encoding:.0f} ms encoded", byte_text(picture.bytes), zoom]
        parts.append("exact" if picture.exact else "preview")
        if self.player.playing:
            parts.insert(0, f"{self.player.rate:.1f} frames/s")
        degraded = self._compute.health().degraded
        self.merit.object = html(" · ".join(parts)) + (
            f" <b class='sd-degraded'>{html(degraded)}</b>" if degraded else ""
        )
        if picture.kind == "codes":
            self._count(picture)

    def _count(self, picture: Picture) -> None:
        made = codes.Codes(picture.payload, *picture.decode)  # type: ignore[arg-type]
        counts, edges = histogram_of(codes.decode(made), 128)
        self.histogram.show(counts, edges)

    def _limit(self, low: float, high: float) -> None:
        self.state.param.update(limits="manual", low=low, high=high)

    # The cursor

    def _left(self) -> None:
        self.readout.object = ""

    def _hovered(self, event: MouseMove) -> None:
        if self.state.opened is None or event.x is None or self.state.grids is not None:
            return
        x_axis, y_axis = self.screen.axes
        x, y = x_axis.cell(float(event.x)), y_axis.cell(float(event.y))
        if x is None or y is None:
            self.readout.object = ""
            return
        self._cursor(_value, self.state.plane(), x, y, (float(event.x), float(event.y)))

    def _pointed(self, answer: tuple[Plane, int, int, tuple[float, float], Any]) -> None:
        plane, x, y, place, datum = answer
        if self.state.opened is None or (plane.x, plane.y) != (self.state.x, self.state.y):
            return
        x_axis, y_axis = self.screen.axes
        parts = [f"<b>{html(number_text(datum, 17))}</b> {html(self.state.unit)}", f"pixel {x}, {y}"]
        celestial = self.screen.celestial
        if celestial is not None:
            swapped = str(self.state.opened.dataset.attrs["wcs_dims"]).split()[0] != self.state.x
            position = readout(celestial, *(place[::-1] if swapped else place))
            parts += [html(position.text)] if position is not None else ["off the sky"]
        else:
            parts += [
                html(f"{axis.title} {axis.text(cell)}")
                for axis, cell in ((x_axis, x), (y_axis, y))
                if axis.values is not None
            ]
        self.readout.object = " <i>·</i> ".join(parts)

    def _pointless(self, error: SkydeckError) -> None:
        self.readout.object = html(error.what)

    # Keys, links, theme

    def seek(self, dim: str, index: int) -> None:
        """Go to a position along a dimension."""
        if dim == self.state.play:
            self.player.seek(index)
        else:
            self.state.index = {**self.state.index, dim: index}

    def _pressed(self, event: param.parameterized.Event) -> None:
        key = str(event.new).partition(":")[2]
        acts: dict[str, Callable[[], Any]] = {
            " ": self.player.toggle,
            "ArrowRight": partial(self.player.step, 1),
            "ArrowLeft": partial(self.player.step, -1),
            "ArrowUp": partial(self.player.step, 10),
            "ArrowDown": partial(self.player.step, -10),
            "+": partial(self.screen.zoom, 1 / ZOOM),
            "=": partial(self.screen.zoom, 1 / ZOOM),
            "-": partial(self.screen.zoom, ZOOM),
            "Home": self.screen.reset,
            "?": self._help,
        }
        if key in acts and (self.state.opened is not None or key == "?"):
            acts[key]()

    def _help(self) -> None:
        self.help.visible = not self.help.visible

    def copy_link(self) -> None:
        """Copy the address of this view."""
        self._write_link()
        self.client.copy += 1
        self.tell("The address of this view was copied")
        self.document.add_timeout_callback(lambda: self.tell(""), 2500)

    def _relink(self) -> None:
        if not (self._link_due or self.player.playing):  # what changes all the time is no address
            self._link_due = True
            self.document.add_timeout_callback(self._write_link, LINK_MS)

    def _write_link(self) -> None:
        self._link_due = False
        location = self._location
        if location is None or self.state.opened is None or self.player.playing:
            return
        kept = [
            pair
            for pair in (location.search or "").removeprefix("?").split("&")
            if pair.startswith(("page=", "theme="))
        ]
        query = "&".join([*kept, self.state.query().removeprefix("?")])
        if location.search != f"?{query}":
            location.search = f"?{query}"

    def _turn(self) -> None:
        self.client.theme = "light" if self.client.theme == "dark" else "dark"

    def _dress(self, name: str) -> None:
        theme = DARK if name == "dark" else LIGHT
        self.screen.set_theme(theme)
        self.measure.plot.set_theme(theme)
        self.histogram.set_theme(theme)


def foresee(query: str, settings: Settings, local: Compute) -> Future[Answer] | None:
    """Begin to open what an address asks for, while its page is made; None where that can't be."""
    asked = _asked(query, settings)
    try:
        return local.submit(_open, *_wanted(asked, settings), asked)
    except SkydeckError:
        return None


def _asked(query: str, settings: Settings) -> dict[str, Any]:
    asked = state_of(query)
    sources = [] if "source" in asked else first_sources(settings)
    return asked | ({"source": sources[0].name} if sources else {})


def _wanted(asked: dict[str, Any], settings: Settings) -> tuple[Located, Options]:
    located = locate(str(asked.get("source", "")), settings)
    return located, tuple(sorted((dict(located.options) | asked.get("options", {})).items()))


def _open(located: Located, options: Options, asked: dict[str, Any], cancelled: Check = never) -> Answer:
    source = opened(located.location, options)
    return located, source, asked, choices_of(located.location)


def _value(
    plane: Plane, x: int, y: int, place: tuple[float, float], cancelled: Check = never
) -> tuple[Plane, int, int, tuple[float, float], Any]:
    return plane, x, y, place, value(plane, x, y)


def _is_fits(location: str) -> bool:
    return any(location.lower().endswith(end) for end in (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz", ".fz"))


def _keys() -> str:
    rows = "".join(f"<tr><th><kbd>{plain(key)}</kbd></th><td>{plain(text)}</td></tr>" for key, text in KEYS)
    return f"<div class='sd-card'><h3>Keys</h3><table class='sd-table'>{rows}</table></div>"
