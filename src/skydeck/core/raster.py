"""Request in, Raster out: the question every viewer asks and the answer it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from skydeck.core.viewport import Viewport

Part = Literal["value", "amplitude", "phase", "real", "imaginary"]
Reduce = Literal["mean", "min", "max"]
PARTS: tuple[Part, ...] = ("value", "amplitude", "phase", "real", "imaginary")
REDUCES: tuple[Reduce, ...] = ("mean", "min", "max")


@dataclass(frozen=True, slots=True)
class Plane:
    """Two dimensions of one variable of one source; every other dimension held at an index.

    ``fixed`` pairs a dimension with an index (0-based). ``part`` says which number is made of complex data
    ("value" means the data themselves, and the amplitude where they are complex).
    ``options`` are the reader's (``("hdu", "2")``), sorted, so that equal planes are equal keys.
    ``mesh`` names two 2-D coordinates (longitude, latitude) to draw the cells on, in place of the dimensions.
    """

    source: str
    variable: str
    x: str
    y: str
    fixed: tuple[tuple[str, int], ...] = ()
    part: Part = "value"
    options: tuple[tuple[str, str], ...] = ()
    mesh: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A Plane seen through a Viewport. ``preview`` allows a bounded sample in place of every cell."""

    plane: Plane
    viewport: Viewport
    reduce: Reduce = "mean"
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Raster:
    """A screenful of numbers and the Viewport it answers.

    ``values``: (height, width) float32, row 0 at ``viewport.y0``; NaN where there are no data.
    ``step``: source cells per pixel along x and y (below 1 when zoomed in). ``exact`` is False for a preview
    made of a sample. ``bytes_read`` counts what was fetched from the source before decompression where that is known.
    """

    values: npt.NDArray[np.float32] = field(repr=False)
    viewport: Viewport
    step: tuple[float, float] = (1.0, 1.0)
    exact: bool = True
    bytes_read: int = 0
    seconds: float = 0.0
