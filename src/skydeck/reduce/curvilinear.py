"""Curvilinear grids: cells with a longitude and a latitude of their own each, drawn by datashader."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.core.raster import Reduce
from skydeck.core.viewport import Viewport

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_TURN = 360.0
_BIAS = 1e-6  # pixels
_ONE_AT_A_TIME = threading.Lock()  # datashader's compiled code may use numba threads, which abort when entered twice


def quadmesh(x: Array, y: Array, values: Array, viewport: Viewport, how: Reduce) -> npt.NDArray[np.float32]:
    """Cells with centres at ``x``, ``y`` (h, w) drawn on a viewport, (height, width) float32, row 0 at ``viewport.y0``.

    Cells with a coordinate that isn't finite aren't drawn; pixels without a cell are NaN. Where ``x`` jumps by more
    than half a turn between neighbours it is taken as degrees: the grid is unrolled, and drawn again a turn away
    where the viewport reaches there.
    Raises RequestError for shapes that differ or are less than 2 × 2, and for what isn't real numbers.
    """
    _check(x, y, values, how)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return np.full((viewport.height, viewport.width), np.nan, np.float32)
    across, up = _filled(x, good), _filled(y, good)
    turns = [0.0]
    if _jumps(across).any():
        across = _unrolled(across)
        good = good & ~_jumps(across)
        turns = _turns(across, viewport)
    cells = np.where(good, values, np.nan).astype(np.float64)
    pictures = [_draw(across + turn, up, cells, viewport, how) for turn in turns]
    return _joined(pictures, how) if pictures else np.full((viewport.height, viewport.width), np.nan, np.float32)


def _check(x: Array, y: Array, values: Array, how: str) -> None:
    if not (x.shape == y.shape == values.shape) or values.ndim != 2 or min(values.shape) < 2:
        raise RequestError(
            f"Coordinates of {x.shape} and {y.shape} don't make a grid of {values.shape} cells",
            expected="three arrays of one shape, at least 2 × 2",
        )
    if any(array.dtype.kind not in "biuf" for array in (x, y, values)):
        raise RequestError(f"{values.dtype} cells at {x.dtype}, {y.dtype} can't be drawn", expected="real numbers")
    if how not in ("mean", "min", "max"):
        raise RequestError(f"Pixels can't be reduced by {how!r}", expected="mean, min or max")


def _filled(coordinate: Array, good: npt.NDArray[np.bool_]) -> Floats:
    """Coordinates without gaps, so that the neighbours of a gap keep their borders: along rows, then along columns."""
    filled = np.where(good, coordinate, np.nan).astype(np.float64)
    for lines in (filled, filled.T):
        gaps = np.isnan(lines)
        for k in np.flatnonzero(gaps.any(axis=1) & ~gaps.all(axis=1)):
            lines[k] = _continued(lines[k])
    return filled


def _continued(line: Floats) -> Floats:
    """A line with its gaps bridged and its ends continued straight; degrees are bridged the short way round."""
    known = np.flatnonzero(~np.isnan(line))
    values = line[known]
    if (np.abs(np.diff(values)) > _TURN / 2).any():
        values = np.unwrap(values, period=_TURN)
    index = np.arange(len(line))
    whole = np.interp(index, known, values)
    if len(known) > 1:
        first, last = known[0], known[-1]
        whole[:first] += (index[:first] - first) * (values[1] - values[0]) / (known[1] - known[0])
        whole[last + 1 :] += (index[last + 1 :] - last) * (values[-1] - values[-2]) / (known[-1] - known[-2])
    return whole


def _unrolled(degrees: Floats) -> Floats:
    """Longitudes without jumps along rows, and along columns as far as that can be (not around a pole)."""
    rolled = np.unwrap(degrees, period=_TURN, axis=1)
    middle = rolled.shape[1] // 2
    shift = np.unwrap(rolled[:, middle], period=_TURN) - rolled[:, middle]
    return np.asarray(rolled + shift[:, np.newaxis])


def _jumps(degrees: Floats) -> npt.NDArray[np.bool_]:
    """Cells that are more than half a turn from a neighbour."""
    jumps = np.zeros(degrees.shape, bool)
    along, across = np.abs(np.diff(degrees, axis=1)) > _TURN / 2, np.abs(np.diff(degrees, axis=0)) > _TURN / 2
    jumps[:, 1:] |= along
    jumps[:, :-1] |= along
    jumps[1:] |= across
    jumps[:-1] |= across
    return jumps


def _turns(degrees: Floats, viewport: Viewport) -> list[float]:
    """The whole turns that bring some of the grid into the viewport."""
    first = int(np.floor((viewport.x0 - degrees.max()) / _TURN))
    last = int(np.ceil((viewport.x1 - degrees.min()) / _TURN))
    return [turn * _TURN for turn in range(max(first, -4), min(last, 4) + 1)]


def _draw(x: Floats, y: Floats, cells: Floats, viewport: Viewport, how: Reduce) -> npt.NDArray[np.float32]:
    import datashader
    import xarray

    grid = xarray.DataArray(cells, dims=("v", "u"), coords={"x": (("v", "u"), x), "y": (("v", "u"), y)}, name="cells")
    reductions = {"mean": datashader.mean, "min": datashader.min, "max": datashader.max}
    across, up = _margin(viewport.x0, viewport.x1, viewport.width), _margin(viewport.y0, viewport.y1, viewport.height)
    canvas = datashader.Canvas(viewport.width + 1, viewport.height + 1, x_range=across, y_range=up)
    with _ONE_AT_A_TIME:
        picture = canvas.quadmesh(grid, x="x", y="y", agg=reductions[how]("cells"))
    return np.asarray(picture.values[1:, 1:], np.float32)


def _margin(low: float, high: float, pixels: int) -> tuple[float, float]:
    """A range one pixel longer at its low end, where datashader draws also the cells that end there.

    Moved by a millionth of a pixel, so that borders of cells on borders of pixels aren't left to rounding.
    """
    pixel = (high - low) / pixels
    return low - pixel * (1 + _BIAS), high - pixel * _BIAS


def _joined(pictures: list[npt.NDArray[np.float32]], how: Reduce) -> npt.NDArray[np.float32]:
    """One picture of several; where two drew the mean of one cell a turn apart the first is kept."""
    whole = pictures[0]
    for picture in pictures[1:]:
        if how == "mean":
            whole = np.where(np.isnan(whole), picture, whole)
        else:
            whole = np.fmin(whole, picture) if how == "min" else np.fmax(whole, picture)
    return whole
