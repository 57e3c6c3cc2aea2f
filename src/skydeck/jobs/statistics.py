"""Statistics: extremes, mean and gaps of any variable, read once, block by block."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.cancel import Check, never, stop_if

BLOCK_BYTES = 128_000_000
PIECE_CELLS = 1 << 20  # float64 copies of a block are made of so many cells at a time: 8 MB
NUMBERS = "biufc"

Progress = Callable[[int, int], None]
Block = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a variable holds: ``count`` finite cells, ``nans`` and ``infinities`` beside them.

    ``low``, ``high`` and ``mean`` are of the finite cells, in the variable's unit; NaN where there is none. Extremes
    of integers stay exact. Of complex numbers it is the amplitude.
    """

    count: int = 0
    nans: int = 0
    infinities: int = 0
    low: float = math.nan
    high: float = math.nan
    mean: float = math.nan

    def __add__(self, other: Statistics) -> Statistics:
        """Statistics of both together (the mean as in Chan, Golub & LeVeque 1979, which can't overflow)."""
        nans, infinities = self.nans + other.nans, self.infinities + other.infinities
        if not (self.count and other.count):
            some = self if self.count else other
            return Statistics(some.count, nans, infinities, some.low, some.high, some.mean)
        count = self.count + other.count
        mean = self.mean * (self.count / count) + other.mean * (other.count / count)
        return Statistics(count, nans, infinities, min(self.low, other.low), max(self.high, other.high), mean)


def has_statistics(data: xr.DataArray) -> bool:
    """Whether a variable holds numbers; text, objects and times have no mean."""
    return data.dtype.kind in NUMBERS


def dataset_statistics(
    dataset: xr.Dataset,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress | None = None,
    cancelled: Check = never,
) -> dict[str, Statistics]:
    """Statistics of every numeric data variable, by name; ``progress`` is told bytes done and bytes in all."""
    wanted = {str(name): data for name, data in dataset.data_vars.items() if has_statistics(data)}
    total = sum(data.nbytes for data in wanted.values())
    found, before = {}, 0
    for name, data in wanted.items():
        report = _offset(progress, before, total)
        found[name] = statistics(data, block_bytes=block_bytes, progress=report, cancelled=cancelled)
        before += data.nbytes
    return found


def statistics(
    data: xr.DataArray,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress | None = None,
    cancelled: Check = never,
) -> Statistics:
    """Statistics of a numeric variable of any shape, lazy or not, reading at most ``block_bytes`` at a time.

    Sums run in float64, pairwise within a piece of a block. ``progress`` is told bytes done and bytes in all after each
    block. Raises Cancelled between blocks once ``cancelled()`` says so, TypeError for what holds no numbers.
    """
    if not has_statistics(data):
        raise TypeError(f"{data.name} holds {data.dtype}, not numbers")
    result, done = Statistics(), 0
    for block in blocks_of(data, block_bytes):
        stop_if(cancelled)
        values = np.asarray(data.variable[block].values)
        result += block_statistics(values)
        done += values.nbytes
        if progress is not None:
            progress(done, data.nbytes)
    return result


def block_statistics(values: npt.NDArray[Any]) -> Statistics:
    """Statistics of an array in memory, in pieces, so that temporary copies stay small."""
    flat = np.ravel(values, order="K")
    pieces = (flat[start : start + PIECE_CELLS] for start in range(0, flat.size, PIECE_CELLS))
    return sum(map(_piece, pieces), start=Statistics())


def _piece(values: npt.NDArray[Any]) -> Statistics:
    if values.dtype.kind == "c":
        with np.errstate(over="ignore", invalid="ignore"):  # an amplitude beyond float64 counts as infinite
            values = np.abs(values.astype(np.complex128, copy=False))
    if values.dtype.kind != "f":
        return _finite(values)
    finite = np.isfinite(values)
    count = int(np.count_nonzero(finite))
    if count == values.size:
        return _finite(values)
    nans = int(np.count_nonzero(np.isnan(values)))
    return _finite(values[finite]) + Statistics(nans=nans, infinities=values.size - count - nans)


def _finite(values: npt.NDArray[Any]) -> Statistics:
    """Statistics of finite numbers."""
    if values.size == 0:
        return Statistics()
    low, high = _number(values.min()), _number(values.max())
    if max(abs(low), abs(high)) > 1e300:  # their sum might not fit float64
        mean = float(np.sum(values / values.size, dtype=np.float64))
    else:
        mean = float(np.sum(values, dtype=np.float64)) / values.size
    return Statistics(values.size, 0, 0, low, high, mean)


def _number(value: Any) -> float:
    """A Python number: an int where the data are integers, so that int64 stays exact."""
    return int(value) if value.dtype.kind in "biu" else float(value)


def blocks_of(data: xr.DataArray, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Slices that together cover a variable once, in storage order; whole chunks, where one fits ``block_bytes``."""
    if data.size == 0:
        return iter(())
    shape = block_shape(data.shape, chunks_of(data), max(1, block_bytes // data.dtype.itemsize))
    starts = (range(0, size, step) for size, step in zip(data.shape, shape, strict=True))
    return (
        tuple(slice(start, start + step) for start, step in zip(corner, shape, strict=True))
        for corner in itertools.product(*starts)
    )


def block_shape(shape: tuple[int, ...], chunks: tuple[int, ...], cells: int) -> tuple[int, ...]:
    """The largest block of at most ``cells`` cells: whole chunks, grown from the last dimension as they lie in storage.

    A chunk that is too large itself is cut along its first dimensions.
    """
    block = [min(chunk, size) for chunk, size in zip(chunks, shape, strict=True)]
    for axis, step in enumerate(block):
        block[axis] = max(1, min(step, cells * step // math.prod(block)))
    for axis in reversed(range(len(block))):
        times = max(1, cells // math.prod(block))
        block[axis] = min(shape[axis], block[axis] * times)
        if block[axis] < shape[axis]:
            break
    return tuple(block)


def chunks_of(data: xr.DataArray) -> tuple[int, ...]:
    """Cells of a stored chunk along each dimension; 1 where the storage has no chunks."""
    preferred: Mapping[str, Any] = data.encoding.get("preferred_chunks") or {}
    stored = data.encoding.get("chunks") or data.encoding.get("chunksizes") or ()
    if data.chunks is not None:
        stored = tuple(max(sizes, default=1) for sizes in data.chunks)
    elif set(map(str, data.dims)) <= set(preferred):
        stored = tuple(_largest(preferred[str(dim)]) for dim in data.dims)
    if len(stored) != data.ndim:
        return (1,) * data.ndim
    return tuple(max(1, int(chunk)) for chunk in stored)


def _largest(chunk: Any) -> int:
    return int(max(chunk, default=1)) if isinstance(chunk, tuple | list) else int(chunk)


def _offset(progress: Progress | None, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    report = progress
    return lambda done, _: report(before + done, total)
