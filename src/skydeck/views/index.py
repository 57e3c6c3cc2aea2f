"""Index: the first page: what there is to see here."""

from __future__ import annotations

from urllib.parse import urlencode

from bokeh.document import Document
from bokeh.models import Div

from skydeck.core.errors import SkydeckError
from skydeck.settings import Settings
from skydeck.sources import listing
from skydeck.views.assets import asset
from skydeck.views.locate import first_sources, is_folder
from skydeck.views.page import template
from skydeck.views.text import byte_text, html, plain

MOST_CARDS = 60


def index_page(settings: Settings, document: Document) -> None:
    """Cards of the named sources and the files of the command line, then those at the top of each root.

    Nothing on it moves, so that it is a document's HTML and no Panel template, which would take twice as long.
    """
    document.title = "Skydeck"
    document.add_root(Div(name="session", visible=False))  # a page without a model has no session, and isn't reloaded
    document.template = template("index.html")
    document.template_variables.update(style=asset("page.css"), cards=_cards(settings), open_to_all=settings.insecure)


def _cards(settings: Settings) -> str:
    cards = [_card(one.name, one.title, one.name if one.name != one.title else "") for one in first_sources(settings)]
    for root in settings.roots:
        if is_folder(str(root)):
            cards += _of_folder(str(root), settings)
    return "".join(cards[:MOST_CARDS])


def _of_folder(root: str, settings: Settings) -> list[str]:
    try:
        entries = listing(root, settings.roots)
    except SkydeckError as error:
        return [f"<p class='sd-error'>{html(error)}</p>"]
    found = [entry for entry in entries if entry.kind == "source"]
    return [
        _card(f"{root}/{entry.name}", entry.name, byte_text(entry.size) if entry.size else "store") for entry in found
    ]


def _card(name: str, title: str, about: str) -> str:
    href = html("?" + urlencode({"page": "cubes", "source": name}), 4000)
    return f"<a class='sd-source' href='{href}'><b>{html(plain(title, 60))}</b><span>{html(about, 120)}</span></a>"
