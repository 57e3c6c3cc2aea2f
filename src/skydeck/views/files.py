"""Files: the browser of the roots and the named sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import panel as pn
import param

from skydeck.core.errors import SkydeckError
from skydeck.settings import Settings
from skydeck.sources import Entry, listing
from skydeck.views.line import Line
from skydeck.views.locate import first_sources, is_folder
from skydeck.views.text import byte_text, html, plain

MOST_SHOWN = 500


class Files:
    """A list of sources and folders; ``choose(name)`` is called with what locate() understands."""

    def __init__(self, settings: Settings, choose: Callable[[str], None]) -> None:
        self._settings = settings
        self._choose = choose
        self._folder: Path | None = None
        self._entries: list[Entry] = []
        self.filter = pn.widgets.TextInput(
            label="", placeholder="Filter by name", sizing_mode="stretch_width", margin=(2, 0)
        )
        self.where = Line("sd-where")
        self.rows = pn.Column(sizing_mode="stretch_width", css_classes=["sd-files"], scroll="y-auto", max_height=360)
        self.filter.param.watch(lambda event: self._fill(), "value_input")
        self.panel = pn.Column(self.filter, self.where.panel, self.rows, sizing_mode="stretch_width")
        self.home()

    def home(self) -> None:
        """Show the named sources and the roots; a single root that is a folder is opened at once."""
        folders = [root for root in self._settings.roots if is_folder(str(root))]
        self._folder, self._entries = None, []
        if len(folders) == 1 and not first_sources(self._settings):
            self.go(folders[0])
        else:
            self._fill()

    def go(self, folder: Path) -> None:
        """Show a folder."""
        try:
            self._entries = listing(folder, self._settings.roots)
            self._folder = folder
        except SkydeckError as error:
            self.where.object = f"<div class='sd-error'>{html(error)}</div>"
            return
        self.filter.param.update(value="", value_input="")
        self._fill()

    def _fill(self) -> None:
        wanted = (self.filter.value_input or "").casefold()
        buttons = self._home_rows() if self._folder is None else self._folder_rows()
        shown = [button for button in buttons if wanted in str(button.label).casefold()]
        self.where.object = html(self._folder or "Sources and folders of this server")
        if len(shown) > MOST_SHOWN:
            self.where.object += f"<br>{len(shown) - MOST_SHOWN} more: filter by name"
        self.rows.objects = shown[:MOST_SHOWN] or [Line("sd-where", "Nothing here that can be shown").panel]

    def _home_rows(self) -> list[pn.widgets.Button]:
        sources = [
            _row(f"▦ {plain(one.title)}", partial(self._chosen, one.name)) for one in first_sources(self._settings)
        ]
        roots = [root for root in self._settings.roots if is_folder(str(root))]
        return sources + [_row(f"▸ {plain(root)}", partial(self._went, root)) for root in roots]

    def _chosen(self, name: str, event: param.parameterized.Event) -> None:
        self._choose(name)

    def _went(self, folder: Path, event: param.parameterized.Event) -> None:
        self.go(folder)

    def _folder_rows(self) -> list[pn.widgets.Button]:
        assert self._folder is not None
        folder = self._folder
        inside = any(folder != root and folder.is_relative_to(root) for root in self._settings.roots)
        up = _row("◂ up", lambda event: self.go(folder.parent) if inside else self._leave())
        return [up] + [self._entry_row(folder, entry) for entry in self._entries if entry.kind != "other"]

    def _leave(self) -> None:
        self._folder = None
        self._fill()

    def _entry_row(self, folder: Path, entry: Entry) -> pn.widgets.Button:
        path = folder / entry.name
        if entry.kind == "directory":
            return _row(f"▸ {plain(entry.name)}", lambda event: self.go(path))
        when = datetime.fromtimestamp(entry.mtime, UTC).strftime("%Y-%m-%d %H:%M")
        size = byte_text(entry.size) if entry.size else ""
        return _row(f"▦ {plain(entry.name)}", lambda event: self._choose(str(path)), f"{size} {when} UTC".strip())


def _row(label: str, act: Callable[[param.parameterized.Event], None], about: str = "") -> pn.widgets.Button:
    button = pn.widgets.Button(
        label=label,
        button_style="outline",
        sizing_mode="stretch_width",
        margin=(1, 0),
        css_classes=["sd-file"],
        description=about or None,
    )
    button.on_click(act)
    return button
