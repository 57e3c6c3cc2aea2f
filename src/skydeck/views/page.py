"""Page: the explorer's HTML page around a CubeView: our own template and style sheets, nothing from another host."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import panel as pn
from bokeh.document import Document
from panel.theme.native import Native
from panel.viewable import Viewable

from skydeck.views.assets import asset
from skydeck.views.cube import CubeView


class Look(Native):
    """Panel's native design with our style sheet for what lives in shadow roots."""

    modifiers: ClassVar[dict[Any, Any]] = {
        Viewable: {"stylesheets": [*Native.modifiers[Viewable]["stylesheets"], asset("widgets.css")]}
    }


class Page(pn.Template):
    """A Template that doesn't write itself out for every part added, which took a third of a new session."""

    def __repr__(self) -> str:
        return f"Page({', '.join(self._render_items)})"

    def server_doc(self, doc: Document | None = None, title: str | None = None, location: Any = True) -> Document:
        """Fill a document; Bokeh looks through its models once, not again for every part."""
        document = doc or pn.state.curdoc
        if document is None:
            return super().server_doc(doc, title, location)
        with document.models.freeze():
            return super().server_doc(document, title, location)


@cache
def template(name: str) -> Any:
    """One of our HTML templates, compiled."""
    return pn.Template(asset(name)).template


def cube_page(view: CubeView, home: str = ".") -> Page:
    """The page of one session's CubeView; ``home`` is where the logo leads."""
    page = Page(template("page.html"), location=True)
    page.add_variable("style", asset("page.css"))
    page.add_variable("home", home)
    page.title = "Skydeck"
    page.design = Look
    parts = {
        "title": view.title,
        "actions": pn.Row(view.link, view.day, margin=0),
        "message": view.message,
        "left": _left(view),
        "progress": view.progress,
        "picture": pn.pane.Bokeh(view.screen.figure.plot, sizing_mode="stretch_both", margin=0),
        "readout": view.readout.panel,
        "merit": view.merit.panel,
        "player": view.playing.panel,
        "right": _right(view),
        "help": view.help,
        "client": view.client,
    }
    for name, part in parts.items():
        page.add_panel(name, part)
    return page


def _card(title: str, *parts: Any, collapsed: bool = False) -> pn.Card:
    return pn.Card(*parts, title=title, collapsed=collapsed, sizing_mode="stretch_width", margin=(0, 0, 6, 0))


def _where(view: CubeView) -> pn.Card:
    """The positions along the other dimensions; not there where there are none."""
    card = _card("Position", view.dimensions.panel)

    def show(*events: Any) -> None:
        card.visible = bool(view.dimensions.panel.objects)

    view.dimensions.panel.param.watch(show, "objects")
    show()
    return card


def _left(view: CubeView) -> pn.Column:
    histogram = pn.pane.Bokeh(view.histogram.plot, sizing_mode="stretch_width")
    return pn.Column(
        _card("Open", view.files.panel, collapsed=True),
        _card("Data", view.data.panel),
        _where(view),
        _card("Colour", view.colours.panel, histogram),
        sizing_mode="stretch_width",
    )


def _right(view: CubeView) -> pn.Column:
    return pn.Column(
        _card("Measure", view.measure.panel),
        _card("Export", view.exports.panel, collapsed=True),
        _card("Header", view.header, collapsed=True),
        sizing_mode="stretch_width",
    )
