"""Line: a piece of HTML in the page."""

from __future__ import annotations

import panel as pn
from bokeh.models import Div

from skydeck.views.assets import asset


class Line:
    """HTML in a Bokeh Div of its own; ``panel`` is what a page shows.

    A Panel pane sets all its properties anew for each text, style sheets included, and Bokeh then walks through the
    whole page, on the loop that everybody shares; and the browser loads 1.8 MB of MathJax for it.
    """

    def __init__(
        self, css_class: str, html: str = "", *, visible: bool = True, wide: bool = True, margin: int = 0
    ) -> None:
        width = "stretch_width" if wide else None
        self._div = Div(
            text=html,
            disable_math=True,
            css_classes=[css_class],
            stylesheets=[asset("widgets.css")],
            sizing_mode=width,
            visible=visible,
            margin=margin,
        )
        self.panel = pn.pane.Bokeh(self._div, sizing_mode=width, margin=margin)

    @property
    def object(self) -> str:
        """The HTML shown; what comes from data must be escaped."""
        return str(self._div.text)

    @object.setter
    def object(self, html: str) -> None:
        if html != self._div.text:
            self._div.text = html

    @property
    def visible(self) -> bool:
        """Whether it is shown."""
        return bool(self._div.visible)

    @visible.setter
    def visible(self, shown: bool) -> None:
        self._div.visible = shown
