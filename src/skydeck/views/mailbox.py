"""Mailbox: pictures on their way to one figure in one browser, counted until they are painted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS, Label, Plot

from skydeck.core.style import Style
from skydeck.fetch import Picture
from skydeck.render.colour import table
from skydeck.views.assets import asset

FORGIVEN_SECONDS = 3.0


class Mailbox:
    """Sends pictures into an ``image_rgba`` source and hears when each has been painted.

    ``unpainted`` counts pictures sent but not yet painted; one that isn't acknowledged for FORGIVEN_SECONDS (a hidden
    tab doesn't paint) counts no more. ``on_painted(seq, browser_ms)`` is called on the session's loop.
    """

    def __init__(self, plot: Plot, target: ColumnDataSource, label: Label) -> None:
        nothing = np.zeros(255)
        self._mail = ColumnDataSource(
            {
                "seq": [-1],
                "kind": ["codes"],
                "payload": [np.zeros(1, np.uint16)],
                "shape": [[1, 1]],
                "place": [[0, 0, 1, 1]],
                "thresholds": [nothing],
                "decode": [[0, 0, 0]],
                "caption": [""],
                "turn": [0],
            }
        )
        self._look = ColumnDataSource({"palette": [_palette(Style())], "thresholds": [nothing], "turn": [0]})
        self._ack = ColumnDataSource({"seq": [-1], "ms": [0.0]})
        code = asset("screen.js")
        models = {"target": target, "label": label, "ack": self._ack, "mail": self._mail, "look": self._look}
        paint = CustomJS(args=models, code=code)
        self._mail.js_on_change("data", paint)
        self._look.js_on_change("data", paint)
        plot.js_on_change("name", CustomJS(args={"mail": self._mail}, code=""))  # puts the mail into the document
        self._ack.on_change("data", self._heard)
        self._sent: deque[tuple[int, float]] = deque()
        self._seq = 0
        self._turn = 0
        self.on_painted: Callable[[int, float], None] = lambda seq, ms: None

    @property
    def unpainted(self) -> int:
        """Pictures under way."""
        now = time.monotonic()
        while self._sent and now - self._sent[0][1] > FORGIVEN_SECONDS:
            self._sent.popleft()
        return len(self._sent)

    def send(self, picture: Picture, caption: str) -> int:
        """Send one picture and the words on it; its number is acknowledged after it was painted."""
        self._seq += 1
        self._turn += 1
        self._sent.append((self._seq, time.monotonic()))
        view = picture.viewport
        shape = list(picture.payload.shape) if picture.kind == "codes" else [0, 0]
        self._mail.data = {
            "seq": [self._seq],
            "kind": [picture.kind],
            "payload": [picture.payload.ravel()],
            "shape": [shape],
            "place": [[view.x0, view.y0, view.x1 - view.x0, view.y1 - view.y0]],
            "thresholds": [picture.thresholds],
            "decode": [list(picture.decode)],
            "caption": [caption],
            "turn": [self._turn],
        }
        return self._seq

    def look(self, style: Style, thresholds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """Recolour the resting picture, and colour those to come."""
        self._turn += 1
        self._look.data = {"palette": [_palette(style)], "thresholds": [thresholds], "turn": [self._turn]}

    def _heard(self, attr: str, old: object, new: dict[str, list[float]]) -> None:
        seq, milliseconds = int(new["seq"][0]), float(new["ms"][0])
        while self._sent and self._sent[0][0] <= seq:
            self._sent.popleft()
        self.on_painted(seq, milliseconds)


def _palette(style: Style) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """256 × RGBA bytes."""
    rgb = table(style.colormap, style.reverse)
    return np.concatenate([rgb, np.full((256, 1), 255, np.uint8)], axis=1).ravel()
