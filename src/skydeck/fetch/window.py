"""Window: a rectangle of a plane read from a lazy variable in bounded, cancellable pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.cancel import Check, never, stop_if
from skydeck.core.errors import RequestError
from skydeck.core.raster import Part, Plane

PIECE_BYTES = 32 << 20

Values = npt.NDArray[Any]


def fixed_selection(variable: xr.DataArray, plane: Plane) -> dict[str, int]:
    """The index at which every dimension that isn't displayed is held; 0 where the plane doesn't say.

    Raises RequestError for dimensions the variable doesn't have and indices it doesn't reach.
    """
    wanted = dict(plane.fixed)
    for dim in (plane.x, plane.y):
        if dim not in variable.dims:
            dims = ", ".join(map(str, variable.dims))
            raise RequestError(f"{variable.name} has no dimension {dim!r}", expected=f"Its dimensions are {dims}")
    if plane.x == plane.y:
        raise RequestError(f"Both axes can't be {plane.x!r}", expected="Two different dimensions")
    unknown = [dim for dim in wanted if dim not in variable.dims]
    if unknown:
        raise RequestError(
            f"{variable.name} has no dimension {unknown[0]!r} to hold",
            expected=f"Its dimensions are {', '.join(map(str, variable.dims))}",
        )
    others = [str(dim) for dim in variable.dims if dim not in (plane.x, plane.y)]
    selection = {dim: wanted.get(dim, 0) for dim in others}
    for dim, index in selection.items():
        if not 0 <= index < variable.sizes[dim]:
            raise RequestError(
                f"{dim} has no index {index}", expected=f"An index from 0 to {variable.sizes[dim] - 1} is expected"
            )
    return selection


def read(variable: xr.DataArray, selection: Mapping[str, int | slice], cancelled: Check = never) -> Values:
    """The selected cells as an array of the variable's dtype, its dimensions in their order, the held ones dropped.

    Slices have step 1 and explicit ends. Pieces that decode to at most about 32 MiB are read one after the other, so
    that memory stays bounded and a cancelled read ends soon. Raises Cancelled.
    """
    lazy = variable.variable
    spans = {str(dim): selection[str(dim)] for dim in lazy.dims}
    dims = [dim for dim, span in spans.items() if isinstance(span, slice)]
    shape = tuple(spans[dim].stop - spans[dim].start for dim in dims)  # type: ignore[union-attr]
    pieces = list(_pieces(variable, spans))
    if len(pieces) == 1:
        stop_if(cancelled)
        return np.asarray(lazy[tuple(pieces[0][dim] for dim in spans)].values)
    out: Values = np.empty(shape, lazy.dtype)
    for piece in pieces:
        stop_if(cancelled)
        target = tuple(_shift(piece[dim], spans[dim].start) for dim in dims)  # type: ignore[union-attr]
        out[target] = lazy[tuple(piece[dim] for dim in spans)].values
    return out


def part_of(values: Values, part: Part) -> Values:
    """Real numbers from the data: the part asked for of complex ones, seconds of times, all others as they are."""
    if values.dtype.kind == "c":
        if part == "phase":
            return np.angle(values)
        return values.real if part == "real" else values.imag if part == "imaginary" else np.abs(values)
    if values.dtype.kind in "mM":
        spans = values - np.datetime64(0, "s") if values.dtype.kind == "M" else values
        return np.where(np.isnat(values), np.nan, spans / np.timedelta64(1, "s"))
    if values.dtype.kind not in "biuf":
        raise RequestError("Text can't be drawn as a picture", remedy="Choose a variable that holds numbers")
    return values


def chunks_of(variable: xr.DataArray) -> dict[str, int]:
    """Cells that are decoded together along each dimension; 1 where any cell can be read by itself."""
    known = variable.encoding.get("preferred_chunks") or {}
    if not known and variable.encoding.get("chunks"):
        known = dict(zip(variable.dims, variable.encoding["chunks"], strict=False))
    return {str(dim): max(1, int(known.get(dim, 1))) for dim in variable.dims}


def _pieces(variable: xr.DataArray, spans: Mapping[str, int | slice]) -> Iterator[dict[str, int | slice]]:
    """Split a selection along its outermost dimensions so that no piece decodes more than PIECE_BYTES."""
    chunks = chunks_of(variable)
    steps = {dim: span.stop - span.start for dim, span in spans.items() if isinstance(span, slice)}
    for dim in sorted(steps, key=lambda dim: chunks[dim]):
        others = _decoded(spans, chunks, steps, leaving=dim) * variable.dtype.itemsize
        cells = max(1, int(PIECE_BYTES // max(others, 1)))
        if cells < steps[dim]:
            steps[dim] = max(chunks[dim], cells // chunks[dim] * chunks[dim])
    yield from _grid(dict(spans), steps, chunks, list(steps))


def _decoded(
    spans: Mapping[str, int | slice], chunks: Mapping[str, int], steps: Mapping[str, int], leaving: str
) -> int:
    """Cells decoded for one cell along ``leaving`` and a step along every other dimension."""
    counts = [math.ceil(steps.get(dim, 1) / chunks[dim]) * chunks[dim] for dim in spans if dim != leaving]
    return math.prod(counts)


def _grid(
    spans: dict[str, int | slice], steps: Mapping[str, int], chunks: Mapping[str, int], dims: list[str]
) -> Iterator[dict[str, int | slice]]:
    if not dims:
        yield dict(spans)
        return
    dim, rest = dims[0], dims[1:]
    whole = spans[dim]
    assert isinstance(whole, slice)
    start = whole.start
    while start < whole.stop:
        chunk = chunks[dim]
        stop = min(whole.stop, (start // chunk + math.ceil(steps[dim] / chunk)) * chunk)
        yield from _grid({**spans, dim: slice(start, stop)}, steps, chunks, rest)
        start = stop


def _shift(span: int | slice, by: int) -> slice:
    assert isinstance(span, slice)
    return slice(span.start - by, span.stop - by)
