"""Export: what is seen as a file: picture, cut-out, table, movie."""

from __future__ import annotations

from typing import Any

import panel as pn


class ExportControls:
    def __init__(self, *args: Any) -> None:
        self.panel = pn.Column()

    def close(self) -> None:
        pass
