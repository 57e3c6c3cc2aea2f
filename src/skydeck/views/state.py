"""CubeState: what makes one view of a cube, as parameters: a link holds them, every part of the page watches them."""

from __future__ import annotations

from typing import Any, ClassVar

import param

from skydeck.core.axis import Axis
from skydeck.core.raster import PARTS, REDUCES, Plane
from skydeck.core.style import LIMITS, SCOPES, STRETCHES, Style
from skydeck.fetch import Opened
from skydeck.views.choice import axes_of, drawable, meshes, profile_dim
from skydeck.views.link import query_of


class CubeState(param.Parameterized):
    """One view of one source.

    ``index`` holds the position along every dimension (also the displayed ones, where it is unused). ``xrange`` and
    ``yrange`` are None while the whole plane is shown. ``region`` is (x0, x1, y0, y1) in cell positions (cell i
    centred on i).
    """

    source = param.String("", doc="Path or URL, or the name the settings give it")
    options = param.Dict({}, doc="The reader's options, such as hdu or group")
    variable = param.String("")
    x = param.String("")
    y = param.String("")
    index = param.Dict({})
    part = param.Selector(default="value", objects=list(PARTS))
    mesh = param.Boolean(False, doc="Draw the cells on their 2-D coordinates")
    reduce = param.Selector(default="mean", objects=list(REDUCES))
    resolution = param.Selector(default=1, objects=[1, 2, 4, 8, 16])
    colormap = param.String("viridis")
    reverse = param.Boolean(False)
    stretch = param.Selector(default="linear", objects=list(STRETCHES))
    gamma = param.Number(2.0, bounds=(0.05, 20))
    limits = param.Selector(default="99.5 %", objects=list(LIMITS))
    scope = param.Selector(default="cube", objects=list(SCOPES))
    low = param.Number(None, allow_None=True)
    high = param.Number(None, allow_None=True)
    grid = param.Boolean(False)
    xrange = param.Parameter(None)
    yrange = param.Parameter(None)
    tool = param.Selector(default="point", objects=["point", "box", "ellipse"])
    region = param.Parameter(None)
    profile = param.String("", doc="Dimension of the profile plot")
    play = param.String("", doc="Dimension that is animated")
    fps = param.Number(10.0, bounds=(0.1, 60))
    repeat = param.Selector(default="loop", objects=["loop", "ping-pong", "once"])
    prefetch = param.Integer(4, bounds=(0, 64))

    LINKED: ClassVar[tuple[str, ...]] = (
        "source",
        "options",
        "variable",
        "x",
        "y",
        "index",
        "part",
        "mesh",
        "reduce",
        "resolution",
        "colormap",
        "reverse",
        "stretch",
        "gamma",
        "limits",
        "scope",
        "low",
        "high",
        "grid",
        "xrange",
        "yrange",
        "tool",
        "region",
        "profile",
        "play",
        "fps",
        "repeat",
        "prefetch",
    )

    def __init__(self, **params: Any) -> None:
        self.opened: Opened | None = None
        self.location = ""
        super().__init__(**params)

    def adopt(self, opened: Opened, asked: dict[str, Any]) -> None:
        """Show an open source, with as much of the asked-for state as fits it; the rest takes its first choice.

        Raises SourceError where nothing in the source can be drawn.
        """
        names = drawable(opened.dataset)
        variable = asked.get("variable") if asked.get("variable") in names else names[0]
        dims = [str(dim) for dim in opened.dataset[variable].dims]
        x, y = self._shown(opened, str(variable), asked)
        others = [dim for dim in dims if dim not in (x, y)]
        index = {dim: _clipped(asked.get("index", {}).get(dim, 0), opened.dataset.sizes[dim]) for dim in dims}
        first = profile_dim(opened.dataset, str(variable), (x, y))
        chosen = {
            "variable": variable,
            "x": x,
            "y": y,
            "index": index,
            "profile": asked.get("profile") if asked.get("profile") in others else first,
            "play": asked.get("play") if asked.get("play") in others else first,
            "options": asked.get("options", {}),
        }
        style = ("part", "mesh", "reduce", "resolution", "colormap", "reverse", "stretch", "gamma", "limits", "scope")
        rest = (*style, "low", "high", "grid", "xrange", "yrange", "tool", "region", "fps", "repeat", "prefetch")
        kept = {name: asked[name] if name in asked else self.param[name].default for name in rest}
        self.opened = opened
        self.param.update(**kept, **chosen)

    def choose_variable(self, name: str) -> None:
        """Another variable of the same source; what fits it is kept."""
        assert self.opened is not None
        same = set(self.opened.dataset[name].dims) == set(self.opened.dataset[self.variable].dims)
        asked = self.linked() | {"variable": name, "limits": self.limits, "low": None, "high": None}
        if not same:
            asked |= {"xrange": None, "yrange": None, "region": None}
        if asked["limits"] == "manual":
            asked["limits"] = self.param.limits.default
        self.adopt(self.opened, asked)

    def choose_axes(self, x: str, y: str) -> None:
        """Put other dimensions on the axes; choosing the one already on the other axis swaps them."""
        assert self.opened is not None
        if x == y:
            x, y = (x, self.x) if x != self.x else (self.y, y)
        self.adopt(self.opened, self.linked() | {"x": x, "y": y, "xrange": None, "yrange": None, "region": None})

    def linked(self) -> dict[str, Any]:
        """The state that a link holds."""
        return {name: getattr(self, name) for name in self.LINKED}

    def query(self) -> str:
        """The state as the query of an address."""
        defaults = {name: self.param[name].default for name in self.LINKED}
        return query_of(self.linked(), defaults)

    @property
    def others(self) -> list[str]:
        """The dimensions that aren't displayed, in the data's order."""
        if self.opened is None or not self.variable:
            return []
        return [str(dim) for dim in self.opened.dataset[self.variable].dims if dim not in (self.x, self.y)]

    @property
    def dims(self) -> list[str]:
        """All dimensions of the variable."""
        return [] if self.opened is None else [str(dim) for dim in self.opened.dataset[self.variable].dims]

    def plane(self, **index: int) -> Plane:
        """The plane shown, or the one at other positions."""
        held = {**self.index, **index}
        fixed = tuple((dim, int(held.get(dim, 0))) for dim in self.others)
        return Plane(self.location, self.variable, self.x, self.y, fixed, self.part, _items(self.options), self.grids)

    @property
    def grids(self) -> tuple[str, str] | None:
        """The 2-D coordinates in use, or None."""
        if not self.mesh or self.opened is None:
            return None
        return meshes(self.opened.dataset, self.variable, (self.x, self.y))

    def axis(self, dim: str) -> Axis:
        """The Axis of a dimension of the open source."""
        assert self.opened is not None
        return self.opened.axis(dim)

    def axes(self) -> tuple[Axis, Axis]:
        """The displayed axes."""
        assert self.opened is not None
        return self.opened.plane_axes(self.plane())

    def style(self) -> Style:
        """The style; limits that aren't known yet are 0 and 1."""
        low = 0.0 if self.low is None else float(self.low)
        high = low + 1.0 if self.high is None else float(self.high)
        return Style(self.colormap, self.stretch, low, high, float(self.gamma), self.reverse)

    @property
    def unit(self) -> str:
        """Unit of the variable shown."""
        if self.opened is None or not self.variable:
            return ""
        if self.part == "phase":
            return "rad"
        attrs = self.opened.dataset[self.variable].attrs
        return str(attrs.get("units", attrs.get("unit", "")) or "")

    def _shown(self, opened: Opened, variable: str, asked: dict[str, Any]) -> tuple[str, str]:
        dims = [str(dim) for dim in opened.dataset[variable].dims]
        x, y = asked.get("x"), asked.get("y")
        if x in dims and y in dims and x != y:
            return str(x), str(y)
        return axes_of(opened.dataset, variable)


def _clipped(index: Any, size: int) -> int:
    return min(max(int(index), 0), size - 1)


def _items(options: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(key), str(value)) for key, value in options.items()))
