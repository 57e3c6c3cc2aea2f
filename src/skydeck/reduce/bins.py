"""Bins: which cells of a dimension each screen pixel shows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from skydeck.core.axis import Edges
from skydeck.core.errors import RequestError

Indices = npt.NDArray[np.int64]

_BIAS = 1e-6  # cells; moves ties (a border exactly on half a cell) away from where rounding noise decides
_FAR = 2.0**52  # cells; beyond this a position has no fraction left


@dataclass(frozen=True, slots=True)
class Bins:
    """The cells ``start[k] <= cell < stop[k]`` that pixel k shows; empty where the two are equal.

    ``start``, ``stop``: (pixels,) int64, in screen order; both run one way, up or down, but for empty pixels.
    """

    start: Indices = field(repr=False)
    stop: Indices = field(repr=False)

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, part: slice) -> Bins:
        """Some of the pixels."""
        return Bins(self.start[part], self.stop[part])

    @property
    def extent(self) -> tuple[int, int]:
        """The smallest range of cells that holds every bin; (0, 0) where all are empty."""
        filled = self.stop > self.start
        if not filled.any():
            return 0, 0
        return int(self.start[filled].min()), int(self.stop[filled].max())

    def shifted(self, cells: int) -> Bins:
        """The same bins for an array that begins ``cells`` later; empty bins become 0, 0."""
        filled = self.stop > self.start
        return Bins(np.where(filled, self.start - cells, 0), np.where(filled, self.stop - cells, 0))


def bins_of(edges: Edges, low: float, high: float, pixels: int) -> Bins:
    """The cells that each of ``pixels`` equal steps from ``low`` to ``high`` (axis units) shows.

    A pixel from p to q (cell positions, p < q) with q - p >= 1 owns the cells round(p) ... round(q) - 1: neighbours
    share no cell and lose none. A narrower pixel shows the cell under its centre. Between round(first border) and
    round(last border) no cell is lost where the two kinds meet either: the borders of a run of narrow pixels lie within
    half a cell of the cells that their wide neighbours leave, and centres less than 1 apart step over no cell.
    Pixels that show nothing (outside the data) are empty: 0, 0. Raises RequestError for a range that isn't finite
    or runs backwards, or for no pixels.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high and pixels >= 1):
        raise RequestError(f"{pixels} pixels from {low} to {high} can't be laid on an axis", expected="low < high")
    with np.errstate(over="ignore"):
        position = edges.position(np.linspace(low, high, pixels + 1))
    position = np.clip(position, -_FAR, _FAR) + _BIAS
    return _bins(np.minimum(position[:-1], position[1:]), np.maximum(position[:-1], position[1:]), edges.size)


def _bins(begin: npt.NDArray[np.float64], end: npt.NDArray[np.float64], size: int) -> Bins:
    wide = end - begin >= 1
    centre = np.floor(begin + (end - begin) / 2)
    start = np.where(wide, np.floor(begin + 0.5), centre)
    stop = np.where(wide, np.floor(end + 0.5), centre + 1)
    start, stop = np.clip(start, 0, size), np.clip(stop, 0, size)
    filled = stop > start
    return Bins(np.where(filled, start, 0).astype(np.int64), np.where(filled, stop, 0).astype(np.int64))
