"""Profile: the numbers at a point or under a region: one value, a line along another dimension, statistics."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.cancel import Check, never, stop_if
from skydeck.core.errors import RequestError, TooBig
from skydeck.core.raster import Plane
from skydeck.fetch.answer import plane_values, window
from skydeck.fetch.opened import opened
from skydeck.fetch.window import chunks_of, fixed_selection, part_of, read
from skydeck.reduce.limits import Statistics, statistics_of
from skydeck.reduce.profile import mean_profile
from skydeck.sky.regions import Region, bounds, mask
from skydeck.sources import errors_of

BLOCK_BYTES = 32 << 20
REGION_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Profile:
    """One number for each cell along ``dim``: (n,) float64, NaN where nothing is valid; ``cells`` averaged in each."""

    dim: str
    values: npt.NDArray[np.float64] = field(repr=False)
    cells: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RegionSummary:
    """Statistics of a region on one plane."""

    statistics: Statistics
    seconds: float = 0.0


def value(plane: Plane, x: int, y: int) -> complex | float | int | None:
    """The datum of one cell, with all its digits (an int stays an int); None outside the plane."""
    source = opened(plane.source, plane.options)
    variable = source.variable(plane.variable)
    fixed_selection(variable, plane)
    if not (0 <= x < variable.sizes[plane.x] and 0 <= y < variable.sizes[plane.y]):
        return None
    with errors_of(plane.source):
        if max(chunks_of(variable).values()) > 1:
            whole = plane_values(source, plane)
            if whole is not None:
                return whole[y, x].item()  # type: ignore[no-any-return]
        return window(variable, plane, slice(y, y + 1), slice(x, x + 1))[0, 0].item()  # type: ignore[no-any-return]


def profile(plane: Plane, dim: str, region: Region, cancelled: Check = never) -> Profile:
    """The mean under a region (or the value of its one cell) for every index along another dimension.

    Read in blocks of about 32 MiB, or of the region on one plane where that is larger. Raises RequestError for a
    dimension that isn't there or is displayed, TooBig for a region of more than 256 MiB on a plane, and Cancelled.
    """
    begun = time.perf_counter()
    source = opened(plane.source, plane.options)
    variable = source.variable(plane.variable)
    selection: dict[str, int | slice] = dict(fixed_selection(variable, plane))
    if dim not in selection:
        raise RequestError(f"There is no profile along {dim!r}", expected=f"One of {', '.join(selection) or 'none'}")
    columns, rows = bounds(region, variable.sizes[plane.x], variable.sizes[plane.y])
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return Profile(dim, np.full(variable.sizes[dim], np.nan), 0)
    _check_size(variable, rows, columns)
    inside = mask(region, columns, rows)
    selection |= {plane.x: columns, plane.y: rows}
    with errors_of(plane.source):
        values = _along(variable, plane, dim, selection, inside, cancelled)
    return Profile(dim, values, int(inside.sum()), time.perf_counter() - begun)


def summary(plane: Plane, region: Region, cancelled: Check = never) -> RegionSummary:
    """Sum, mean, rms, extremes and counts of a region on the displayed plane.

    Raises RequestError for a plane that isn't there, TooBig for a region of more than 256 MiB, and Cancelled.
    """
    begun = time.perf_counter()
    source = opened(plane.source, plane.options)
    variable = source.variable(plane.variable)
    fixed_selection(variable, plane)
    columns, rows = bounds(region, variable.sizes[plane.x], variable.sizes[plane.y])
    _check_size(variable, rows, columns)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return RegionSummary(statistics_of(np.empty(0)))
    with errors_of(plane.source):
        whole = plane_values(source, plane, cancelled)
        values = window(variable, plane, rows, columns, cancelled) if whole is None else whole[rows, columns]
    return RegionSummary(statistics_of(values[mask(region, columns, rows)]), time.perf_counter() - begun)


def _check_size(variable: xr.DataArray, rows: slice, columns: slice) -> None:
    wide, high = columns.stop - columns.start, rows.stop - rows.start
    if wide * high * variable.dtype.itemsize > REGION_BYTES:
        raise TooBig(f"A region of {wide} × {high} cells is too large to measure", remedy="Draw a smaller one")


def _along(
    variable: xr.DataArray,
    plane: Plane,
    dim: str,
    selection: dict[str, int | slice],
    inside: npt.NDArray[np.bool_],
    cancelled: Check,
) -> npt.NDArray[np.float64]:
    size = variable.sizes[dim]
    length = max(1, BLOCK_BYTES // max(1, _decoded(variable, dim, selection)))
    chunk = chunks_of(variable)[dim]
    length = max(length // chunk * chunk, min(chunk, length))
    out = np.empty(size)
    for first in range(0, size, length):
        stop_if(cancelled)
        last = min(size, first + length)
        block = read(variable, {**selection, dim: slice(first, last)}, cancelled)
        stored = [axis for axis in variable.dims if axis in (dim, plane.y, plane.x)]
        ordered = np.transpose(block, [stored.index(axis) for axis in (dim, plane.y, plane.x)])
        out[first:last] = mean_profile(part_of(ordered, plane.part), inside)
    return out


def _decoded(variable: xr.DataArray, dim: str, selection: dict[str, int | slice]) -> int:
    """Bytes decoded for each cell along ``dim``."""
    chunks = chunks_of(variable)
    counts = (
        math.ceil((span.stop - span.start) / chunks[axis]) * chunks[axis] if isinstance(span, slice) else chunks[axis]
        for axis, span in selection.items()
        if axis != dim
    )
    return math.prod(counts) * variable.dtype.itemsize
