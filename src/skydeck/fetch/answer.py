"""Answer: the one function behind every picture: Request in, Raster out."""

from __future__ import annotations

import time

import numpy as np
import xarray as xr

from skydeck.core.axis import Axis
from skydeck.core.cache import Cache
from skydeck.core.cancel import Check, never, stop_if
from skydeck.core.errors import TooBig
from skydeck.core.raster import Plane, Raster, Request
from skydeck.fetch.opened import Opened, opened
from skydeck.fetch.window import Values, chunks_of, fixed_selection, part_of, read
from skydeck.reduce.bins import Bins, bins_of
from skydeck.reduce.block import block_reduce
from skydeck.sources import errors_of

PLANE_BYTES = 64 << 20
SAMPLE_BYTES = 16 << 20
MESH_CELLS = 16_000_000

planes: Cache[Values] = Cache(192 << 20, lambda values: int(values.nbytes))
rasters: Cache[Raster] = Cache(64 << 20, lambda raster: int(raster.values.nbytes))


def answer(request: Request, cancelled: Check = never) -> Raster:
    """A screenful of numbers for a Request.

    Reads from the source only what the viewport covers, in bounded pieces; a plane of up to 64 MiB is read once and
    kept, as are recent answers. Raises SourceError, SourceMissing, SourceChanged, RequestError, TooBig or Cancelled.
    """
    begun = time.perf_counter()
    source = opened(request.plane.source, request.plane.options)
    key = (source.signature, request)
    kept = rasters.get(key)
    if kept is not None:
        return kept
    with errors_of(request.plane.source):
        raster = _mesh(source, request, cancelled) if request.plane.mesh else _regular(source, request, cancelled)
    done = Raster(
        raster.values, raster.viewport, raster.step, raster.exact, raster.bytes_read, time.perf_counter() - begun
    )
    rasters.put(key, done)
    return done


def forget(location: str) -> None:
    """Drop what is kept of a source's cells and answers."""
    planes.forget(lambda key: key[1].source == location)  # type: ignore[index]
    rasters.forget(lambda key: key[1].plane.source == location)  # type: ignore[index]


def plane_values(source: Opened, plane: Plane, cancelled: Check = never) -> Values | None:
    """The whole plane (y, x), native dtype, from the cache or read into it; None where it is too large to keep."""
    variable = source.variable(plane.variable)
    if variable.sizes[plane.x] * variable.sizes[plane.y] * variable.dtype.itemsize > PLANE_BYTES:
        return None
    key = (source.signature, plane)
    kept = planes.get(key)
    if kept is None:
        kept = window(variable, plane, slice(0, variable.sizes[plane.y]), slice(0, variable.sizes[plane.x]), cancelled)
        planes.put(key, kept)
    return kept


def window(variable: xr.DataArray, plane: Plane, rows: slice, columns: slice, cancelled: Check = never) -> Values:
    """A rectangle of a plane as (y, x) real numbers, whichever way the source stores it."""
    selection: dict[str, int | slice] = {**fixed_selection(variable, plane), plane.y: rows, plane.x: columns}
    values = part_of(read(variable, selection, cancelled), plane.part)
    stored = [dim for dim in variable.dims if dim in (plane.x, plane.y)]
    return values if stored == [plane.y, plane.x] else values.T


def _regular(source: Opened, request: Request, cancelled: Check) -> Raster:
    plane, viewport = request.plane, request.viewport
    x_axis, y_axis = source.plane_axes(plane)
    columns = bins_of(x_axis.edges, viewport.x0, viewport.x1, viewport.width)
    rows = bins_of(y_axis.edges, viewport.y0, viewport.y1, viewport.height)
    step = (
        _step(x_axis, viewport.x0, viewport.x1, viewport.width),
        _step(y_axis, viewport.y0, viewport.y1, viewport.height),
    )
    variable = source.variable(plane.variable)
    fixed_selection(variable, plane)
    whole = plane_values(source, plane, cancelled)
    if whole is not None:
        stop_if(cancelled)
        return Raster(block_reduce(whole, rows, columns, request.reduce), viewport, step, True, int(whole.nbytes))
    if request.preview and _touched(variable, plane, rows, columns) > SAMPLE_BYTES and _samples(variable, plane):
        return _sample(variable, request, rows, columns, step, cancelled)
    return _banded(variable, request, rows, columns, step, cancelled)


def _banded(
    variable: xr.DataArray,
    request: Request,
    rows: Bins,
    columns: Bins,
    step: tuple[float, float],
    cancelled: Check,
) -> Raster:
    """Reduce a window of any size, a band of screen rows at a time."""
    out = np.full((len(rows.start), len(columns.start)), np.nan, np.float32)
    span = _span(columns)
    if span is None:
        return Raster(out, request.viewport, step)
    total = 0
    for first, last in _bands(variable, request.plane, rows, span):
        stop_if(cancelled)
        part = Bins(rows.start[first:last], rows.stop[first:last])
        high = _span(part)
        if high is None:
            continue
        values = window(variable, request.plane, high, span, cancelled)
        total += int(values.nbytes)
        out[first:last] = block_reduce(values, _moved(part, high), _moved(columns, span), request.reduce)
    return Raster(out, request.viewport, step, True, total)


def _bands(variable: xr.DataArray, plane: Plane, rows: Bins, span: slice) -> list[tuple[int, int]]:
    """Ranges of screen rows whose cells fit PLANE_BYTES, at least a chunk's height each where that fits."""
    width = (span.stop - span.start) * variable.dtype.itemsize
    cells = max(1, (PLANE_BYTES // 2) // width)
    chunk = chunks_of(variable)[plane.y]
    cells = max(cells // chunk * chunk, min(chunk, cells))
    bands: list[tuple[int, int]] = []
    first = 0
    while first < len(rows.start):
        last = first + 1
        while last < len(rows.start) and _height(rows, first, last + 1) <= cells:
            last += 1
        bands.append((first, last))
        first = last
    return bands


def _height(rows: Bins, first: int, last: int) -> int:
    span = _span(Bins(rows.start[first:last], rows.stop[first:last]))
    return 0 if span is None else span.stop - span.start


def _sample(
    variable: xr.DataArray,
    request: Request,
    rows: Bins,
    columns: Bins,
    step: tuple[float, float],
    cancelled: Check,
) -> Raster:
    """A preview of a giant: one cell-row of each screen row (fewer, if need be), read by itself."""
    out = np.full((len(rows.start), len(columns.start)), np.nan, np.float32)
    span = _span(columns)
    filled = np.flatnonzero(rows.stop > rows.start)
    if span is None or filled.size == 0:
        return Raster(out, request.viewport, step, False)
    width = (span.stop - span.start) * variable.dtype.itemsize
    every = max(1, int(np.ceil(filled.size * width / SAMPLE_BYTES)))
    total = 0
    for block in range(0, filled.size, every):
        stop_if(cancelled)
        group = filled[block : block + every]
        middle = int(rows.start[group[len(group) // 2]] + rows.stop[group[len(group) // 2]] - 1) // 2
        values = window(variable, request.plane, slice(middle, middle + 1), span, cancelled)
        total += int(values.nbytes)
        out[group] = block_reduce(values, Bins(*_one()), _moved(columns, span), request.reduce)
    return Raster(out, request.viewport, step, False, total)


def _samples(variable: xr.DataArray, plane: Plane) -> bool:
    """Whether single rows can be read without decoding their neighbours."""
    return chunks_of(variable)[plane.y] == 1


def _touched(variable: xr.DataArray, plane: Plane, rows: Bins, columns: Bins) -> int:
    high, wide = _span(rows), _span(columns)
    if high is None or wide is None:
        return 0
    return int((high.stop - high.start) * (wide.stop - wide.start) * variable.dtype.itemsize)


def _mesh(source: Opened, request: Request, cancelled: Check) -> Raster:
    """Cells on two 2-D coordinates, drawn by datashader."""
    from skydeck.reduce.curvilinear import quadmesh

    plane = request.plane
    assert plane.mesh is not None
    variable = source.variable(plane.variable)
    if variable.sizes[plane.x] * variable.sizes[plane.y] > MESH_CELLS:
        raise TooBig(
            f"A mesh of {variable.sizes[plane.x]} × {variable.sizes[plane.y]} cells is too large to draw",
            remedy="Show it on its dimensions instead",
        )
    values = plane_values(
        source, Plane(plane.source, plane.variable, plane.x, plane.y, plane.fixed, plane.part, plane.options)
    )
    assert values is not None
    stop_if(cancelled)
    grid = [source.dataset[name].transpose(plane.y, plane.x).values.astype(float) for name in plane.mesh]
    picture = quadmesh(grid[0], grid[1], values, request.viewport, request.reduce)
    return Raster(picture, request.viewport, (1.0, 1.0), True, int(values.nbytes))


def _step(axis: Axis, low: float, high: float, pixels: int) -> float:
    cells = np.abs(np.diff(axis.edges.position([low, high])))[0]
    return float(cells / pixels)


def _span(bins: Bins) -> slice | None:
    """The cells from the first to the last that any pixel needs, or None."""
    filled = bins.stop > bins.start
    if not filled.any():
        return None
    return slice(int(bins.start[filled].min()), int(bins.stop[filled].max()))


def _moved(bins: Bins, span: slice) -> Bins:
    empty = bins.stop <= bins.start
    start, stop = bins.start - span.start, bins.stop - span.start
    return Bins(np.where(empty, 0, start), np.where(empty, 0, stop))


def _one() -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return np.zeros(1, np.int64), np.ones(1, np.int64)
