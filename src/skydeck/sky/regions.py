"""Regions: boxes and ellipses drawn on a plane, as masks of its cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the two displayed axes; cell i is centred on i.

    Cells whose centres lie in x0 ≤ x < x1 and y0 ≤ y < y1 belong to it, so that boxes side by side share none. Along
    an axis where no centre does, the cell under the middle belongs. Raises RequestError unless x0 ≤ x1, y0 ≤ y1, all
    finite.
    """

    x0: float
    x1: float
    y0: float
    y1: float

    def __post_init__(self) -> None:
        _check_finite(self.x0, self.x1, self.y0, self.y1)
        if self.x0 > self.x1 or self.y0 > self.y1:
            raise RequestError(f"A box must run from low to high, not {self}")


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse in pixels of the two displayed axes; cell i is centred on i.

    ``rx`` and ``ry`` are its half axes before it is turned by ``angle`` degrees from +x towards +y. Cells whose centres
    lie inside or on it belong to it, and always the cell under its centre. Raises RequestError for negative half axes
    or numbers that aren't finite.
    """

    cx: float
    cy: float
    rx: float
    ry: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(self.cx, self.cy, self.rx, self.ry, self.angle)
        if self.rx < 0 or self.ry < 0:
            raise RequestError(f"An ellipse's half axes can't be negative: {self}")


Region = Box | Ellipse


def _check_finite(*values: float) -> None:
    if not all(math.isfinite(value) for value in values):
        raise RequestError(f"A region's numbers must be finite, not {values}")


def bounds(region: Region, nx: int, ny: int) -> tuple[slice, slice]:
    """The x and y slices of an ``nx`` × ``ny`` plane that hold all cells of a region; ``slice(0, 0)`` twice outside."""
    if isinstance(region, Box):
        spans = (_span(region.x0, region.x1), _span(region.y0, region.y1))
    else:
        half_x, half_y = _half_extent(region)
        spans = (_around(region.cx, half_x), _around(region.cy, half_y))
    (x0, x1), (y0, y1) = (
        (min(max(0, low), size), min(max(0, high), size)) for (low, high), size in zip(spans, (nx, ny), strict=True)
    )
    return (slice(x0, x1), slice(y0, y1)) if x0 < x1 and y0 < y1 else (slice(0, 0), slice(0, 0))


def mask(region: Region, x: slice, y: slice) -> Mask:
    """Which cells of the window ``x`` × ``y`` belong to a region: (rows of y, columns of x) bool. No steps."""
    columns, rows = np.arange(x.start or 0, x.stop), np.arange(y.start or 0, y.stop)
    if isinstance(region, Box):
        (x0, x1), (y0, y1) = _span(region.x0, region.x1), _span(region.y0, region.y1)
        return _crossed((columns >= x0) & (columns < x1), (rows >= y0) & (rows < y1))
    inside = _inside(region, columns[None, :] - region.cx, rows[:, None] - region.cy)
    return inside | _crossed(columns == _cell(region.cx), rows == _cell(region.cy))


def _crossed(columns: Mask, rows: Mask) -> Mask:
    return rows[:, None] & columns[None, :]


def _inside(ellipse: Ellipse, dx: npt.NDArray[np.float64], dy: npt.NDArray[np.float64]) -> Mask:
    if ellipse.rx == 0 or ellipse.ry == 0:
        return np.zeros(np.broadcast_shapes(dx.shape, dy.shape), dtype=bool)
    cosine, sine = math.cos(math.radians(ellipse.angle)), math.sin(math.radians(ellipse.angle))
    along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
    with np.errstate(over="ignore"):
        found: Mask = (along / ellipse.rx) ** 2 + (across / ellipse.ry) ** 2 <= 1.0 + 1e-12
    return found


def _cell(place: float) -> int:
    """The cell that holds a place; ties go up, as in a box."""
    return math.floor(place + 0.5)


def _span(low: float, high: float) -> tuple[int, int]:
    """First cell and the one after the last whose centres are in [low, high), or the cell under the middle."""
    first, end = math.ceil(low), math.ceil(high)
    if first < end:
        return first, end
    return _cell((low + high) / 2), _cell((low + high) / 2) + 1


def _around(centre: float, half: float) -> tuple[int, int]:
    cell = _cell(centre)
    return min(cell, math.floor(centre - half)), max(cell, math.ceil(centre + half)) + 1


def _half_extent(ellipse: Ellipse) -> tuple[float, float]:
    cosine, sine = math.cos(math.radians(ellipse.angle)), math.sin(math.radians(ellipse.angle))
    return (
        math.hypot(ellipse.rx * cosine, ellipse.ry * sine),
        math.hypot(ellipse.rx * sine, ellipse.ry * cosine),
    )
