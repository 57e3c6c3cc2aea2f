"""Page: the explorer's HTML page around a CubeView: our own template and style sheets, nothing from another host."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, ClassVar

import panel as pn
from bokeh.document import Document
from bokeh.models import InlineStyleSheet
from panel.theme.native import Native
from panel.viewable import Viewable

from skydeck.views.assets import asset
from skydeck.views.cube import CubeView
from skydeck.views.line import Line


class Look(Native):
    """Panel's native design with our style sheet for what lives in shadow roots."""

    modifiers: ClassVar[dict[Any, Any]] = {
        Viewable: {"stylesheets": [*Native.modifiers[Viewable]["stylesheets"], asset("widgets.css")]}
    }


def _share_style(document: Document) -> None:
    """Our style sheet once in the document, not written out for each of a hundred models: 0.1 MB instead of 0.5."""
    ours = asset("widgets.css")
    shared = InlineStyleSheet(css=ours)
    for model in list(document.models):
        sheets = getattr(model, "stylesheets", [])
        if ours in sheets:
            model.stylesheets = [shared if sheet == ours else sheet for sheet in sheets]


@cache
def template(name: str) -> Any:
    """One of our HTML templates, compiled."""
    return pn.Template(asset(name)).template


class CubePage(pn.Template):
    """The explorer's page, empty at first: the browser loads its scripts while what belongs into it is made.

    ``home`` is where the logo leads.
    """

    def __init__(self, home: str = ".") -> None:
        super().__init__(template("page.html"), location=True)
        self.add_variable("style", asset("page.css"))
        self.add_variable("home", home)
        self.title = "Skydeck"
        self.design = Look
        self._places = {
            name: pn.Column(sizing_mode=mode, margin=0, css_classes=["sd-place"]) for name, mode in _PLACES.items()
        }
        for name, place in self._places.items():
            self.add_panel(name, place)

    def __repr__(self) -> str:
        """Short: a Template writes itself out for every part added, which took a third of a new session."""
        return f"CubePage({', '.join(self._render_items)})"

    def server_doc(self, doc: Document | None = None, title: str | None = None, location: Any = True) -> Document:
        """Fill a document; Bokeh looks through its models once, not again for every part."""
        document = doc or pn.state.curdoc
        if document is None:
            return super().server_doc(doc, title, location)
        with document.models.freeze():
            return super().server_doc(document, title, location)

    def apologise(self) -> None:
        """Say that there is nothing to see."""
        said = "Something went wrong while this page was made. Try it again; the server's log says more."
        self._places["message"].objects = [Line("sd-message", f"<div class='sd-error' role='alert'>{said}</div>").panel]

    async def fill(self, view: CubeView) -> None:
        """Put everything of a view into its place; others are answered between two of them."""
        with view.document.models.freeze():
            for name, part in _parts(view).items():
                await asyncio.sleep(0)
                self._places[name].objects = [part]
        await asyncio.sleep(0)
        with view.document.models.freeze():
            _share_style(view.document)


_PLACES: dict[str, str | None] = {
    "title": "stretch_width",
    "actions": None,
    "message": "stretch_width",
    "left": "stretch_width",
    "progress": "stretch_width",
    "picture": "stretch_both",
    "readout": "stretch_width",
    "merit": "stretch_width",
    "player": "stretch_width",
    "right": "stretch_width",
    "help": None,
    "client": None,
}


def _parts(view: CubeView) -> dict[str, Any]:
    return {
        "title": view.title.panel,
        "actions": pn.Row(view.link, view.day, margin=0),
        "message": view.message.panel,
        "left": _left(view),
        "progress": view.progress,
        "picture": pn.pane.Bokeh(view.screen.figure.plot, sizing_mode="stretch_both", margin=0),
        "readout": view.readout.panel,
        "merit": view.merit.panel,
        "player": view.playing.panel,
        "right": _right(view),
        "help": view.help.panel,
        "client": view.client,
    }


def _card(title: str, *parts: Any, collapsed: bool = False) -> pn.Card:
    """A card; the parts of a closed one are put into the page when it is opened first."""
    head = Line("card-title", f"<h3>{title}</h3>").panel
    shown = () if collapsed else parts
    card = pn.Card(*shown, header=head, collapsed=collapsed, sizing_mode="stretch_width", margin=(0, 0, 6, 0))
    if collapsed:
        card.param.watch(lambda event: None if card.objects else card.extend(parts), "collapsed")
    return card


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
        _card("Header", view.header.panel, collapsed=True),
        sizing_mode="stretch_width",
    )
