"""Block reduction: a plane of cells becomes a screenful of pixels, by mean, lowest or highest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.core.raster import Reduce
from skydeck.reduce import plain
from skydeck.reduce.bins import Bins

Floats = npt.NDArray[np.float32]
Parts = tuple[npt.NDArray[Any], ...]
Kernel = Callable[..., None]

_KERNELS: dict[Reduce, str] = {"mean": "means", "min": "least", "max": "greatest"}
_SCRATCH = 1 << 20  # bytes converted at a time: half of a core's second-level cache
_TILE = 1 << 14  # columns at a time, so that the running sums of a row stay in the nearest caches
_SINGLES = frozenset({"b1", "i1", "u1", "i2", "u2", "f2", "f4"})  # dtypes that float32 holds exactly

log = logging.getLogger(__name__)

_warming = threading.Event()
_ready: set[tuple[str, str]] = set()


def block_reduce(plane: npt.NDArray[Any], rows: Bins, cols: Bins, how: Reduce) -> Floats:
    """One number a pixel: the mean, lowest or highest of the cells that ``rows`` and ``cols`` give it.

    ``plane``: 2-D, bool, integers or floats of any size and byte order, any memory layout. Answers
    (len(rows), len(cols)) float32.
    NaN cells are left out; a pixel is NaN where it has no other cells (or where a mean meets both infinities).
    Sums are float64. Raises RequestError for other dtypes, and for bins outside the plane.
    """
    plane = np.asarray(plane)  # not a memory map or another subclass, which numba takes for types of their own
    _check(plane, rows, cols)
    if how not in _KERNELS:
        raise RequestError(f"Pixels can't be reduced by {how!r}", expected=f"one of {', '.join(_KERNELS)}")
    return _single(_reduce(_KERNELS[how], plane, rows, cols)[0])


def block_reduce_many(plane: npt.NDArray[Any], rows: Bins, cols: Bins) -> tuple[Floats, Floats, Floats]:
    """Mean, lowest and highest as :func:`block_reduce` gives them, in one pass over the plane."""
    plane = np.asarray(plane)
    _check(plane, rows, cols)
    total, count, lowest, highest = _reduce("every", plane, rows, cols)
    return plain.mean(total, count), _single(lowest), _single(highest)


def make_do() -> None:
    """Use numpy until :func:`warm` has run: the first picture of a server needn't wait for numba to be imported."""
    _warming.set()


def warm() -> None:
    """Compile the kernels, or load what an earlier process compiled; for a background thread.

    Until a kernel is ready, calls from other threads make do with numpy rather than wait for it.
    """
    _warming.set()
    for dtype in ("f4", "f8"):
        for name in (*_KERNELS.values(), "sums", "every"):
            _kernel(name, dtype)
            _ready.add((name, dtype))
    _warming.clear()


def _check(plane: npt.NDArray[Any], rows: Bins, cols: Bins) -> None:
    if plane.ndim != 2 or plane.dtype.kind not in "biuf":
        raise RequestError(
            f"A {plane.ndim}-D array of {plane.dtype} can't be drawn",
            expected="two dimensions of real numbers",
            remedy="Choose amplitude, phase, real or imaginary for complex data",
        )
    for bins, size in ((rows, plane.shape[0]), (cols, plane.shape[1])):
        if len(bins.start) != len(bins.stop) or (bins.stop < bins.start).any():
            raise RequestError("Bins must run from start to stop")
        first, last = bins.extent
        if first < 0 or last > size:
            raise RequestError(f"Bins reach from cell {first} to {last} of {size} cells")


def _reduce(name: str, plane: npt.NDArray[Any], rows: Bins, cols: Bins) -> Parts:
    """A kernel's outputs for a whole plane, (len(rows), len(cols)) each; the inner loop runs along memory."""
    if abs(plane.strides[0]) < abs(plane.strides[1]):
        return tuple(np.ascontiguousarray(part.T) for part in _reduce(name, plane.T, cols, rows))
    dtype = _dtype(plane)
    outs = _outputs(name, dtype, (len(rows), len(cols)))
    tiles = list(_groups(cols, _TILE))
    if len(tiles) == 1:
        _rows(name, plane, rows, cols, tiles[0][2:], outs)
        return outs
    for first, last, low, high in tiles:
        tile = _outputs(name, dtype, (len(rows), last - first))
        _rows(name, plane, rows, cols[first:last], (low, high), tile)
        for out, part in zip(outs, tile, strict=True):
            out[:, first:last] = part
    return outs


def _outputs(name: str, dtype: np.dtype[Any], shape: tuple[int, int]) -> Parts:
    """Arrays for a kernel to fill, as if every bin were empty."""
    if name == "means":
        return (np.full(shape, np.nan, np.float32),)
    sums = np.zeros(shape), np.zeros(shape, np.int64)
    if name == "sums":
        return sums
    extremes = tuple(np.full(shape, np.nan, dtype) for _ in range(2))
    return sums + extremes if name == "every" else extremes[:1]


def _groups(bins: Bins, most: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of pixels that reach over at most ``most`` cells (or one pixel): first, last, low cell, high cell."""
    filled = bins.stop > bins.start
    if not filled.any():
        return
    extent = int(bins.start[filled].min()), int(bins.stop[filled].max())
    if extent[1] - extent[0] <= most:
        yield 0, len(bins), *extent
        return
    first, low, high = 0, -1, -1
    for k, (start, stop) in enumerate(zip(bins.start.tolist(), bins.stop.tolist(), strict=True)):
        if start == stop:
            continue
        if low >= 0 and max(high, stop) - min(low, start) > most:
            yield first, k, low, high
            first, low, high = k, start, stop
        low, high = (start, stop) if low < 0 else (min(low, start), max(high, stop))
    yield first, len(bins), low, high


def _rows(name: str, plane: npt.NDArray[Any], rows: Bins, cols: Bins, span: tuple[int, int], outs: Parts) -> None:
    """Run a kernel over one tile of columns; what isn't native and contiguous is converted a piece at a time."""
    dtype, (low, high) = _dtype(plane), span
    if plane.dtype == dtype and plane.flags.c_contiguous and plane.flags.aligned:
        _call(name, plane, rows, cols, span, outs)
        return
    most = max(1, _SCRATCH // (dtype.itemsize * (high - low)))
    if len(rows) and int((rows.stop - rows.start).max()) > most:
        _split(name, plane, rows, cols, span, outs, most)
        return
    scratch, cols = np.empty((most, high - low), dtype), cols.shifted(low)
    for first, last, top, bottom in _groups(rows, most):
        band = scratch[: bottom - top]
        np.copyto(band, plane[top:bottom, low:high])
        part = tuple(out[first:last] for out in outs)
        _call(name, band, rows[first:last].shifted(top), cols, (0, high - low), part)


def _split(
    name: str, plane: npt.NDArray[Any], rows: Bins, cols: Bins, span: tuple[int, int], outs: Parts, most: int
) -> None:
    """Pixels taller than the scratch buffer: reduce pieces of each, then join the pieces."""
    if name == "means":
        sums = _outputs("sums", _dtype(plane), outs[0].shape)
        _split("sums", plane, rows, cols, span, sums, most)
        outs[0][...] = plain.mean(*sums)
        return
    for k, (start, stop) in enumerate(zip(rows.start.tolist(), rows.stop.tolist(), strict=True)):
        begins = np.arange(start, stop, most)
        pieces = Bins(begins, np.minimum(begins + most, stop))
        if len(pieces):
            parts = _outputs(name, _dtype(plane), (len(pieces), len(cols)))
            _rows(name, plane, pieces, cols, span, parts)
            plain.join(name, parts, tuple(out[k] for out in outs))


def _call(name: str, plane: npt.NDArray[Any], rows: Bins, cols: Bins, span: tuple[int, int], outs: Parts) -> None:
    """Call a kernel with arguments of one set of types, so that it is compiled once a dtype."""
    bins = tuple(
        _frozen(np.ascontiguousarray(cells, np.int64)) for cells in (rows.start, rows.stop, cols.start, cols.stop)
    )
    dtype = plane.dtype.str[1:]
    wait = not _warming.is_set() or (name, dtype) in _ready
    kernel = _kernel(name, dtype) if wait else partial(plain.run, name)
    kernel(_frozen(plane), *bins, *span, outs)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: numba takes read-only and writable arrays for two types."""
    view = array.view()
    view.flags.writeable = False
    return view


def _dtype(plane: npt.NDArray[Any]) -> np.dtype[Any]:
    """The dtype that a plane's cells are compared in: float32 where that holds them exactly, else float64."""
    return np.dtype("f4" if plane.dtype.str[1:] in _SINGLES else "f8")


def _single(values: npt.NDArray[Any]) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


@cache
def _kernel(name: str, dtype: str) -> Kernel:
    """A compiled kernel that has been tried on one cell, or the slower numpy version where compiling fails."""
    cell = _frozen(np.zeros((1, 1), dtype))
    bins = tuple(_frozen(np.array([edge])) for edge in (0, 1, 0, 1))
    try:
        from skydeck.reduce import kernels

        kernel: Kernel = getattr(kernels, name)
        kernels.compiled(kernel, cell, *bins, 0, 1, _outputs(name, cell.dtype, (1, 1)))
    except Exception:  # numba fails in many ways (versions, LLVM, a full disk); a picture matters more than its speed
        log.warning("Block reduction runs without compiled code", exc_info=True)
        return partial(plain.run, name)
    return kernel
