"""Figure: the one plot of a cube view, made once by a DynamicMap: axes, tools, overlays. Pixels go into its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from threading import Lock

import holoviews as hv
import numpy as np
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.document import Document
from bokeh.models import (
    BoxAnnotation,
    BoxZoomTool,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    Label,
    LinearColorMapper,
    PanTool,
    Plot,
    Range1d,
    ResetTool,
    TapTool,
    Title,
    WheelZoomTool,
)

from skydeck.views.theme import Theme
from skydeck.views.ticks import named

_loading = Lock()
_BLANK = np.zeros((2, 2, 4), np.uint8)


@dataclass(frozen=True, slots=True)
class Figure:
    """The Bokeh plot and the parts of it that a view writes to."""

    plot: Plot
    target: ColumnDataSource
    colorbar: ColorBar
    mapper: LinearColorMapper
    grid: ColumnDataSource
    names: ColumnDataSource
    box: BoxAnnotation
    ellipse: ColumnDataSource
    mark: ColumnDataSource
    zoom: BoxZoomTool
    label: Label
    unit: Title

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height in pixels of the area inside the axes; (0, 0) until a browser has laid it out."""
        try:
            return int(self.plot.inner_width), int(self.plot.inner_height)
        except UnsetValueError:
            return 0, 0


def backend() -> None:
    """Load HoloViews' Bokeh backend, once; a thread that comes meanwhile waits."""
    with _loading:
        _load()


@cache
def _load() -> None:
    hv.extension("bokeh", logo=False)


def figure() -> Figure:
    """Make the plot: an empty picture with linear axes, tools that suit a picture, a colour bar, and the overlays."""
    backend()
    picture = hv.DynamicMap(lambda: hv.RGB(_BLANK, bounds=(0, 0, 1, 1)))
    tools = [PanTool(), WheelZoomTool(), BoxZoomTool(), TapTool(), ResetTool()]
    picture.opts(
        hv.opts.RGB(
            responsive=True,
            default_tools=[],
            tools=tools,
            active_tools=["pan", "wheel_zoom", "tap"],
            toolbar="above",
            show_grid=False,
            title="",
        )
    )
    made = hv.renderer("bokeh").get_plot(picture)
    made.document = Document()  # the one it takes by itself lives as long as the server, and would keep the plot
    plot = made.state
    renderer = plot.renderers[0]
    plot.x_range, plot.y_range = Range1d(0, 1), Range1d(0, 1)
    plot.stylesheets = [":host(:focus), :host(:focus-visible) { outline: none }"]
    plot.toolbar.logo = None
    plot.output_backend = "canvas"  # WebGL has nothing to draw here, and copying its canvas is half of a repaint
    # labels that change mustn't resize the frame: that would move what is being looked at, and ask for it anew
    plot.update(min_border=8, min_border_left=86, min_border_bottom=56, min_border_right=112)
    mapper = LinearColorMapper(palette=["#000000", "#ffffff"], low=0, high=1)
    colorbar = ColorBar(
        color_mapper=mapper,
        ticker=FixedTicker(ticks=[], minor_ticks=[]),
        formatter=named({"names": {}}),
        width=12,
        padding=6,
        margin=0,
    )
    plot.add_layout(colorbar, "right")
    unit = Title(text="", align="center", text_font_size="12px", text_font_style="normal")
    plot.add_layout(unit, "right")
    for lines in plot.grid:
        lines.visible = False
    box, ellipse, mark, grid = _overlays(plot)
    label = Label(
        x=8,
        y=8,
        x_units="screen",
        y_units="screen",
        text="",
        text_font_size="13px",
        text_color="#ffffff",
        background_fill_color="#000000",
        background_fill_alpha=0.45,
        padding=4,
        border_radius=4,
    )
    plot.add_layout(label)
    zoom = next(tool for tool in plot.tools if isinstance(tool, BoxZoomTool))
    names = ColumnDataSource({"x": [], "y": [], "text": []})
    plot.text("x", "y", "text", source=names, text_color="#ffffff", text_font_size="11px", text_alpha=0.9)
    return Figure(plot, renderer.data_source, colorbar, mapper, grid, names, box, ellipse, mark, zoom, label, unit)


def _overlays(plot: Plot) -> tuple[BoxAnnotation, ColumnDataSource, ColumnDataSource, ColumnDataSource]:
    grid = ColumnDataSource({"xs": [], "ys": []})
    plot.multi_line("xs", "ys", source=grid, line_color="#ffffff", line_alpha=0.35, line_width=1)
    ellipse = ColumnDataSource({"x": [], "y": [], "width": [], "height": []})
    plot.ellipse("x", "y", "width", "height", source=ellipse, fill_color=None, line_color="#ff2fd0", line_width=2)
    mark = ColumnDataSource({"x": [], "y": []})
    plot.scatter("x", "y", source=mark, marker="cross", size=18, line_color="#ff2fd0", line_width=2)
    box = BoxAnnotation(
        left=0,
        right=1,
        bottom=0,
        top=1,
        editable=True,
        visible=False,
        line_color="#ff2fd0",
        line_width=2,
        fill_color="#ff2fd0",
        fill_alpha=0.04,
        hover_fill_alpha=0.1,
        hover_fill_color="#ff2fd0",
        level="overlay",
    )
    plot.add_layout(box)
    return box, ellipse, mark, grid


def paint_theme(plot: Plot, theme: Theme) -> None:
    """Colour everything but the picture for a light or a dark page."""
    plot.update(
        background_fill_color=theme.well,
        border_fill_color=theme.surface,
        outline_line_color=theme.line,
        border_fill_alpha=0.0,
    )
    for axis in plot.axis:
        axis.update(
            axis_label_text_color=theme.text,
            major_label_text_color=theme.text,
            axis_line_color=theme.line,
            major_tick_line_color=theme.line,
            minor_tick_line_color=theme.line,
            axis_label_text_font_style="normal",
            axis_label_text_font_size="13px",
            major_label_text_font_size="12px",
        )
    for lines in plot.grid:
        lines.update(grid_line_color=theme.line, grid_line_alpha=0.35)
    for beside in plot.right:
        if isinstance(beside, Title):
            beside.text_color = theme.text
        elif isinstance(beside, ColorBar):
            beside.update(
                background_fill_alpha=0,
                major_label_text_color=theme.text,
                title_text_color=theme.text,
                bar_line_color=theme.line,
                major_label_text_font_size="11px",
                title_text_font_style="normal",
                title_text_font_size="12px",
            )
