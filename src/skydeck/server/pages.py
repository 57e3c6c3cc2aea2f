"""Pages: every page by its path, and the one that holds them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from skydeck.server.session import begin, explorer
from skydeck.settings import settings
from skydeck.views.index import index_page

PAGES: dict[str, Callable[[], Any]] = {"cubes": explorer}


def main() -> Any:
    """The index, or the page that ``?page=`` names: how every page is reached where only one address is served."""
    wanted = pn.state.session_args.get("page", [b""])[0].decode(errors="replace")
    if wanted in PAGES:
        return PAGES[wanted]()
    index_page(settings(), begin())
    return None


def pages() -> dict[str, Callable[[], Any]]:
    """What ``skydeck serve`` puts at which path."""
    return {"/": main, **{f"/{name}": page for name, page in PAGES.items()}}
