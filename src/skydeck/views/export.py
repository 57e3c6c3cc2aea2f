"""Export: what is seen as a file: picture, cut-out, table, movie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import panel as pn
from bokeh.document import Document

from skydeck.compute import Compute
from skydeck.core.errors import RequestError, SkydeckError
from skydeck.export import view as exports
from skydeck.export.table import profile_csv
from skydeck.views.ask import Ask
from skydeck.views.client import Client
from skydeck.views.line import Line
from skydeck.views.measure import Measure
from skydeck.views.screen import Screen
from skydeck.views.state import CubeState
from skydeck.views.text import byte_text, html
from skydeck.views.theme import DARK


class ExportControls:
    """Buttons that make a file of what is seen and hand it to the browser."""

    def __init__(
        self,
        state: CubeState,
        screen: Screen,
        measure: Measure,
        client: Client,
        local: Compute,
        document: Document,
        fail: Callable[[SkydeckError], None],
    ) -> None:
        self.state, self.screen, self.measure, self.client = state, screen, measure, client
        self._document = document
        self._fail = fail
        self._ask = Ask(document, local, self._made, self._failed)
        self._name = ""
        self.whole = pn.widgets.Checkbox(label="Cut-outs at every position", margin=(2, 0))
        self.status = Line("sd-status", margin=4)
        self.stop = pn.widgets.Button(label="Cancel", visible=False, margin=(2, 0))
        self.stop.on_click(lambda event: self._cancel())
        makers: dict[str, Callable[[], None]] = {
            "PNG": self._png,
            "FITS": partial(self._cut, "fits"),
            "Zarr": partial(self._cut, "zarr.zip"),
            "CSV": self._csv,
            "MP4": partial(self._film, "mp4"),
            "GIF": partial(self._film, "gif"),
        }
        about = {
            "PNG": "The picture with its axes",
            "FITS": "The cells in view as FITS",
            "Zarr": "The cells in view as Zarr",
            "CSV": "The profile as a table",
            "MP4": "A movie along the played dimension",
            "GIF": "The same as a GIF",
        }
        buttons = [self._button(name, about[name], act) for name, act in makers.items()]
        self.panel = pn.Column(
            pn.FlexBox(*buttons, gap="4px"), self.whole, self.status.panel, self.stop, sizing_mode="stretch_width"
        )

    def close(self) -> None:
        """The session is over."""
        self._ask.close()

    def _button(self, name: str, about: str, act: Callable[[], None]) -> pn.widgets.Button:
        button = pn.widgets.Button(label=name, description=about, width=84, margin=0)
        button.on_click(lambda event: self._try(act))
        return button

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except SkydeckError as error:
            self._failed(error)

    def view(self) -> exports.View:
        """What is shown now; raises RequestError where nothing is."""
        request = self.screen.request() if self.state.opened is not None else None
        if request is None or self.state.opened is None:
            raise RequestError("There is nothing in view to export", remedy="Open a source, or zoom out")
        swapped = str(self.state.opened.dataset.attrs.get("wcs_dims", "")).split()[:1] != [self.state.x]
        return exports.View(
            request,
            self.screen.axes,
            self.state.style(),
            self.title(),
            self.state.unit,
            self.screen.celestial,
            swapped,
            self.state.grid,
            self.screen.theme is DARK,
        )

    def title(self) -> str:
        """What is shown and where, in one line."""
        name = self.state.source.rstrip("/").rsplit("/", 1)[-1]
        places = [
            f"{self.state.axis(dim).title} {self.state.axis(dim).text(int(self.state.index.get(dim, 0)))}"
            for dim in self.state.others
        ]
        return " · ".join([f"{name} {self.state.variable}", *places])

    def _png(self) -> None:
        self._begin("png", exports.png, self.view())

    def _cut(self, kind: str) -> None:
        whole = self.state.profile if self.whole.value else ""
        self._begin(kind, exports.fits if kind == "fits" else exports.zarr, self.view(), whole)

    def _film(self, kind: str) -> None:
        if not self.state.play:
            raise RequestError("There is no dimension to play a movie along")
        self._begin(kind, exports.film, self.view(), self.state.play, float(self.state.fps), kind, self._progress)

    def _csv(self) -> None:
        answer = self.measure.answer
        if answer is None or answer.profile is None:
            raise RequestError("There is no profile to export", remedy="Tap the picture, or draw a region")
        axis = self.state.axis(answer.profile.dim)
        unit = f" [{self.state.unit}]" if self.state.unit else ""
        meta = {
            "source": self.state.source,
            "variable": self.state.variable,
            "region": repr(answer.region),
            "cells": answer.profile.cells,
        }
        text = profile_csv(axis, {f"{self.state.variable}{unit}": np.asarray(answer.profile.values)}, meta)
        self._name = self._file("csv")
        self._made(text.encode())

    def _file(self, kind: str) -> str:
        stem = self.state.source.rstrip("/").rsplit("/", 1)[-1].split(".")[0] or "skydeck"
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)
        return f"{safe}_{self.state.variable}.{kind}"

    def _begin(self, kind: str, work: Callable[..., bytes], *args: Any) -> None:
        self._name = self._file(kind)
        self.status.object = f"Making {html(self._name)} …"
        self.stop.visible = True
        self._ask(work, *args)

    def _progress(self, count: int, size: int) -> None:
        """On a thread of the compute."""
        text = f"Making {html(self._name)}: {count} of {size} frames"
        if count % 10 == 0:
            self._document.add_next_tick_callback(lambda: setattr(self.status, "object", text))

    def _made(self, content: bytes) -> None:
        self.stop.visible = False
        self.status.object = f"{html(self._name)}, {byte_text(len(content))}"
        self.client.param.update(file_name=self._name, file=content)

    def _failed(self, error: SkydeckError) -> None:
        self.stop.visible = False
        self.status.object = f"<div class='sd-error'>{html(error)}</div>"

    def _cancel(self) -> None:
        self._ask.cancel()
        self.stop.visible = False
        self.status.object = "Cancelled"
