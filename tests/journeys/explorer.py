"""The explorer's page as a test sees it: what is painted, written and listed, read from the browser."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

WAIT_MS = 60_000

MODELS = """
const models = () => {
  const docs = window.Bokeh?.documents ?? []
  return docs.length ? [...docs[0]._all_models.values()] : []
}
const renderer = () => models().find((m) => m.type === "GlyphRenderer" && m.glyph?.type === "ImageRGBA")
const plot = () => models().find((m) => m.type === "Figure" && m.renderers.includes(renderer()))
const ack = () => models().find((m) => m.type === "ColumnDataSource" && "ms" in m.data)
const profile = () => models().find((m) => m.type === "Figure" && m.renderers.some((r) => r.glyph?.type === "Step"))
const view = (model) => Bokeh.index.query_one((v) => v.model === model)
"""
PICTURE = """
const image = renderer().data_source.data.image[0]
const bytes = new Uint8Array(image.buffer, image.byteOffset, image.byteLength)
let text = ""
for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
const data = renderer().data_source.data
const place = [data.x[0], data.y[0], data.dw[0], data.dh[0]]
return {shape: [...image.shape], bytes: btoa(text), place, seq: ack().data.seq[0]}
"""


class Explorer:
    """One browser session on one address."""

    def __init__(self, browser: Any, url: str, *, wait: bool = True, **options: Any) -> None:
        options = {"viewport": {"width": 1440, "height": 900}} | options
        self.context = browser.new_context(**options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", self._asked)
        self.page.goto(url, timeout=WAIT_MS)
        if wait:
            self.wait_painted()

    def close(self) -> None:
        self.context.close()

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.foreign.append(request.url)

    def ask(self, body: str) -> Any:
        """Run JavaScript that may use models(), plot(), view() ..."""
        return self.page.evaluate(f"() => {{ {MODELS} {body} }}")

    def wait(self, condition: str, timeout: int = WAIT_MS) -> None:
        """Wait until a JavaScript expression is true."""
        self.page.wait_for_function(
            f"() => {{ {MODELS} try {{ return {condition} }} catch {{ return false }} }}", timeout=timeout
        )

    def wait_painted(self, beyond: int = 0) -> None:
        """Wait until a picture with a number above ``beyond`` was painted."""
        self.wait(f"ack().data.seq[0] > {beyond}")

    def until(self, holds: Callable[[], bool], seconds: float = 60.0, what: Callable[[], str] = str) -> None:
        """Wait until a Python condition holds; ``what`` says what was there instead."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"it didn't come to pass {what()}"
            self.page.wait_for_timeout(100)

    def settled(self) -> dict[str, Any]:
        """The picture once nothing new has been painted for a second."""
        before = -1
        while (now := self.painted()) != before:
            before = now
            self.page.wait_for_timeout(1000)
        return self.picture()

    def painted(self) -> int:
        """The number of the last picture painted."""
        return int(self.ask("return ack().data.seq[0]"))

    def picture(self) -> dict[str, Any]:
        """``pixels`` (h, w, 4) uint8 RGBA with the lowest row first, ``place`` (x, y, dw, dh), ``seq``."""
        found = self.ask(PICTURE)
        pixels = np.frombuffer(base64.b64decode(found["bytes"]), np.uint8).reshape(*found["shape"], 4)
        return {"pixels": pixels, "place": found["place"], "seq": found["seq"]}

    def ranges(self) -> tuple[float, float, float, float]:
        """x start, x end, y start, y end of the figure."""
        return tuple(
            self.ask("const p = plot(); return [p.x_range.start, p.x_range.end, p.y_range.start, p.y_range.end]")
        )

    def labels(self) -> tuple[str, str]:
        """The axes' captions."""
        return tuple(self.ask("return [plot().below[0].axis_label, plot().left[0].axis_label]"))

    def caption(self) -> str:
        """What is written on the picture."""
        return str(self.ask('return plot().center.find((m) => m.type === "Label").text'))

    def profile(self) -> tuple[np.ndarray, np.ndarray]:
        """The profile plot's line."""
        data = self.ask("const d = profile().renderers[0].data_source.data; return [Array.from(d.x), Array.from(d.y)]")
        return np.array(data[0], float), np.array([np.nan if value is None else value for value in data[1]], float)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the figure is in the window."""
        return tuple(
            self.ask(
                f"const v = view(plot()); const r = v.canvas_view.el.getBoundingClientRect();"
                f"return [r.left + v.frame.x_scale.compute({x}), r.top + v.frame.y_scale.compute({y})]"
            )
        )

    def text(self, name: str) -> str:
        """The text of a part of the page, by its class."""
        return " ".join(self.page.locator(f".{name}").locator("css=div").all_inner_texts())

    def query(self) -> dict[str, str]:
        """The state in the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def state(self, name: str) -> Callable[[], bool]:
        """Whether the address names a part of the state yet."""
        return lambda: name in self.query()
