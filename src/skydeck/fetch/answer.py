"""Answer: the one function behind every picture: Request in, Raster out."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
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
SAMPLE_BYTES = 8 << 20
BAND_BYTES = 8 << 20  # of a giant whose rows stand by themselves: what is obsolete ends after one
PIXEL_BYTES = 128 << 20  # of the cells of one pixel
MESH_CELLS = 16_000_000

Pixels = npt.NDArray[np.float32]

planes: Cache[Values] = Cache(96 << 20, lambda values: int(values.nbytes))
rasters: Cache[Raster] = Cache(32 << 20, lambda raster: int(raster.values.nbytes))


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


def keep(limit: int) -> None:
    """Bound what is kept to ``limit`` bytes: three quarters for planes, the rest for answers."""
    planes.limit, rasters.limit = limit * 3 // 4, limit // 4


def forget_all() -> None:
    """Drop everything that is kept."""
    planes.forget()
    rasters.forget()


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


def strided(variable: xr.DataArray, plane: Plane, rows: slice, columns: slice) -> Values:
    """Every so many rows of a plane, (y, x) real numbers, in one read; for sources whose rows stand by themselves."""
    held = fixed_selection(variable, plane)
    parts = {plane.y: rows, plane.x: columns}
    lazy = variable.variable
    values = part_of(lazy[tuple(parts.get(str(dim), held.get(str(dim), 0)) for dim in lazy.dims)].values, plane.part)
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
    if list(variable.dims).index(plane.x) > list(variable.dims).index(plane.y):
        made, exact, total = _large(variable, request, rows, columns, cancelled)
        return Raster(made, viewport, step, exact, total)
    stored = replace(request, plane=replace(plane, x=plane.y, y=plane.x))  # bands across the stored order would be dear
    made, exact, total = _large(variable, stored, columns, rows, cancelled)
    return Raster(np.ascontiguousarray(made.T), viewport, step, exact, total)


def _large(
    variable: xr.DataArray, request: Request, rows: Bins, columns: Bins, cancelled: Check
) -> tuple[Pixels, bool, int]:
    """The pixels of a plane that is too large to keep, whether they are exact, and the bytes read for them."""
    plane = request.plane
    if request.preview and _touched(variable, plane, rows, columns) > SAMPLE_BYTES and _samples(variable, plane):
        return _sample(variable, request, rows, columns, cancelled)
    return _banded(variable, request, rows, columns, cancelled)


def _banded(
    variable: xr.DataArray, request: Request, rows: Bins, columns: Bins, cancelled: Check
) -> tuple[Pixels, bool, int]:
    """Reduce a window of any size, a band of screen rows at a time; a row too large for that by pieces of columns."""
    out = np.full((len(rows), len(columns)), np.nan, np.float32)
    span = _span(columns)
    if span is None:
        return out, True, 0
    band = BAND_BYTES if _samples(variable, request.plane) else PLANE_BYTES // 2  # a chunk cut in two is decoded twice
    most, total = band // variable.dtype.itemsize, 0
    chunks = chunks_of(variable)
    for first, last in _bands(rows, most // (span.stop - span.start), chunks[request.plane.y]):
        high = _span(rows[first:last])
        if high is None:
            continue
        for left, right in _bands(columns, most // (high.stop - high.start), chunks[request.plane.x]):
            stop_if(cancelled)
            wide = _span(columns[left:right])
            if wide is None:
                continue
            _check_pixel(high, wide, variable.dtype.itemsize)
            values = window(variable, request.plane, high, wide, cancelled)
            total += int(values.nbytes)
            bins = _moved(rows[first:last], high), _moved(columns[left:right], wide)
            out[first:last, left:right] = block_reduce(values, *bins, request.reduce)
    return out, True, total


def _bands(bins: Bins, most: int, chunk: int) -> list[tuple[int, int]]:
    """Ranges of pixels that reach over at most ``most`` cells (or one pixel each), in whole chunks where they fit."""
    cells = max(most // chunk * chunk, min(chunk, most))
    bands, first, extent = [], 0, (0, 0)
    for pixel, (start, stop) in enumerate(zip(bins.start.tolist(), bins.stop.tolist(), strict=True)):
        wider = _joined(extent, (start, stop))
        if wider[1] - wider[0] > cells and pixel > first:
            bands.append((first, pixel))
            first, wider = pixel, (start, stop)
        extent = wider
    return [*bands, (first, len(bins))]


def _joined(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """The smallest range of cells that holds both; an empty one counts for nothing."""
    if one[0] == one[1] or other[0] == other[1]:
        return one if other[0] == other[1] else other
    return min(one[0], other[0]), max(one[1], other[1])


def _check_pixel(high: slice, wide: slice, itemsize: int) -> None:
    """Refuse what even one pixel at a time wouldn't make small."""
    cells = (high.stop - high.start) * (wide.stop - wide.start)
    if cells * itemsize > PIXEL_BYTES:
        raise TooBig(f"A single pixel of this view covers {cells:,} cells", remedy="Ask for more pixels, or zoom in")


def _sample(
    variable: xr.DataArray, request: Request, rows: Bins, columns: Bins, cancelled: Check
) -> tuple[Pixels, bool, int]:
    """A preview of a giant: evenly spaced rows of cells, about one a screen row, fewer at SAMPLE_BYTES."""
    out = np.full((len(rows), len(columns)), np.nan, np.float32)
    high, wide = _span(rows), _span(columns)
    if high is None or wide is None:
        return out, False, 0
    stop_if(cancelled)
    width = (wide.stop - wide.start) * variable.dtype.itemsize
    count = max(1, min(len(rows), SAMPLE_BYTES // width))
    step = max(1, (high.stop - high.start) // count)
    values = strided(variable, request.plane, slice(high.start + step // 2, high.stop, step), wide)
    filled = rows.stop > rows.start
    nearest = np.clip(((rows.start + rows.stop) // 2 - high.start) // step, 0, len(values) - 1)
    bins = Bins(np.where(filled, nearest, 0), np.where(filled, nearest + 1, 0))
    out[:] = block_reduce(values, bins, _moved(columns, wide), request.reduce)
    return out, False, int(values.nbytes)


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
    fixed_selection(variable, plane)
    if variable.sizes[plane.x] * variable.sizes[plane.y] > MESH_CELLS:
        raise TooBig(
            f"A mesh of {variable.sizes[plane.x]} × {variable.sizes[plane.y]} cells is too large to draw",
            remedy="Show it on its dimensions instead",
        )
    values = plane_values(source, replace(plane, mesh=None), cancelled)
    if values is None:
        values = window(
            variable, plane, slice(0, variable.sizes[plane.y]), slice(0, variable.sizes[plane.x]), cancelled
        )
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
