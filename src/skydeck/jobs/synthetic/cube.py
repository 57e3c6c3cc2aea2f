"""Cube: simulated planes into a Zarr store, one chunk after the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

Floats = npt.NDArray[np.float32]
Simulate = Callable[[tuple[int, ...]], Floats]

MOST_THREADS = 4
_CODEC = {
    "name": "blosc",
    "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "bitshuffle", "typesize": 4, "blocksize": 0},
}


def labels(*texts: str) -> npt.NDArray[np.object_]:
    """Texts as objects: fixed-width text has no stable form in Zarr 3, which warns of it."""
    return np.array(texts, dtype=object)


def rounded(values: npt.ArrayLike, step: float) -> Floats:
    """The nearest multiples of ``step``, a power of 2: noise that is kept to 1/16 of its width packs to a third.

    The error is at most half a step, ``step / sqrt(12)`` rms (Pence et al. 2010, PASP 122, 1065).
    """
    scaled = np.rint(np.asarray(values, dtype=np.float32) * np.float32(1 / step))
    return np.asarray(scaled * np.float32(step))


def write_cube(cube: xr.Dataset, name: str, simulate: Simulate, chunks: tuple[int, ...], path: Path) -> None:
    """Write a Zarr 3 store: ``cube`` with the variable ``name``, float32, made chunk by chunk in a few threads.

    ``cube[name]`` is a broadcast placeholder that gives dimensions, shape and attributes; ``simulate`` is called with
    the number of the chunk along each dimension and returns that chunk.
    """
    import dask
    import dask.array as da

    def block(block_info: Any = None) -> Floats:
        return simulate(tuple(block_info[None]["chunk-location"]))

    shape = cube[name].shape
    meta = np.empty((0,) * len(shape), np.float32)
    array = da.map_blocks(
        block, name=f"simulated-{name}", chunks=da.core.normalize_chunks(chunks, shape), dtype="f4", meta=meta
    )
    lazy = cube.assign({name: (cube[name].dims, array, cube[name].attrs)})
    encoding: dict[str, dict[str, Any]] = {name: {"compressors": [_CODEC]}}
    if "time" in cube.coords:
        encoding["time"] = {"units": "milliseconds since 1970-01-01", "dtype": "int64"}
    with dask.config.set(scheduler="threads", num_workers=min(MOST_THREADS, os.cpu_count() or 1)):
        lazy.to_zarr(path, mode="w-", zarr_format=3, consolidated=False, encoding=encoding)


def placeholder(dims: tuple[str, ...], shape: tuple[int, ...], attrs: dict[str, str]) -> xr.Variable:
    """A variable of any shape that takes no memory."""
    return xr.Variable(dims, np.broadcast_to(np.float32(0), shape), attrs)
