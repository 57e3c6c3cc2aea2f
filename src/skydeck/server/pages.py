"""Pages: every page by its path, and the one that holds them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import panel as pn

from skydeck.server.session import begin, explorer
from skydeck.settings import settings
from skydeck.views.index import index_page

PAGES: dict[str, Callable[[], Any]] = {"cubes": explorer}


def main() -> Any:
    """The index, or the page that ``?page=`` names: how every page is reached where only one address is served."""
    query = parse_qs((pn.state.location.search or "").removeprefix("?")) if pn.state.location is not None else {}
    wanted = query.get("page", [""])[0]
    if wanted in PAGES:
        return PAGES[wanted]()
    begin()
    return index_page(settings())


def pages() -> dict[str, Callable[[], Any]]:
    """What ``skydeck serve`` puts at which path."""
    return {"/": main, **{f"/{name}": page for name, page in PAGES.items()}}
