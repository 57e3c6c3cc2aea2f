"""Client: the browser's side of a page: keys, theme, heartbeat, clipboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent


class Client(JSComponent):
    """``key`` is "count:key" of the last key pressed outside a text field; ``theme`` "light" or "dark", as the
    browser prefers until the user chooses; setting ``copy`` to a new number copies the page's address; setting
    ``file`` offers it for
    download as ``file_name``."""

    key = param.String("")
    theme = param.String("light")
    beat = param.Number(0)
    beat_back = param.Number(0)
    copy = param.Integer(0)
    file_name = param.String("")
    file = param.Bytes(b"")

    _esm = Path(__file__).with_name("client.js")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.param.watch(self._answer, "beat")

    def _answer(self, event: param.parameterized.Event) -> None:
        self.beat_back = event.new
