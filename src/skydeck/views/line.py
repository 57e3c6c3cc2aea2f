"""Line: a piece of text that changes many times a second."""

from __future__ import annotations

import panel as pn
from bokeh.models import Div, InlineStyleSheet

from skydeck.views.assets import asset


class Line:
    """HTML in a Bokeh Div of its own; ``panel`` is what a page shows.

    A Panel pane sets all its properties anew for each text, style sheets included, and Bokeh then walks through the
    whole page, on the loop that everybody shares.
    """

    def __init__(self, css_class: str) -> None:
        self._div = Div(
            text="",
            disable_math=True,
            css_classes=[css_class],
            stylesheets=[InlineStyleSheet(css=asset("widgets.css"))],
            sizing_mode="stretch_width",
        )
        self.panel = pn.pane.Bokeh(self._div, sizing_mode="stretch_width", margin=0)

    @property
    def object(self) -> str:
        """The HTML shown; what comes from data must be escaped."""
        return str(self._div.text)

    @object.setter
    def object(self, html: str) -> None:
        if html != self._div.text:
            self._div.text = html
