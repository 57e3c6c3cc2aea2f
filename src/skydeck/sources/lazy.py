"""Lazy: a variable whose cells are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends.common import BackendArray
from xarray.core import indexing

from skydeck.sources.failure import errors_of

Key = tuple[Any, ...]


class Cells(Protocol):
    """What a reader offers: cells by one int or slice (positive step) a dimension, thread-safe, and picklable."""

    @property
    def location(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def read(self, key: Key) -> npt.NDArray[Any]:
        """Cells as numpy would give them for ``key``: ints drop their dimension."""
        ...


class LazyArray(BackendArray):
    """Cells behind xarray's lazy indexing; every failure to read is one of ours."""

    def __init__(self, cells: Cells, support: indexing.IndexingSupport) -> None:
        self.cells = cells
        self.support = support
        self.shape = cells.shape
        self.dtype = cells.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        key = type(key)(tuple(_bounded(part, size) for part, size in zip(key.tuple, self.shape, strict=True)))
        return indexing.explicit_indexing_adapter(key, self.shape, self.support, self._read)

    def _read(self, key: Key) -> npt.NDArray[Any]:
        with errors_of(self.cells.location, opened=True):
            return np.asarray(self.cells.read(key))


def lazy_variable(
    dims: Sequence[str],
    cells: Cells,
    attrs: Mapping[str, Any],
    chunks: Sequence[int] | None = None,
    support: indexing.IndexingSupport = indexing.IndexingSupport.BASIC,
) -> xr.Variable:
    """An unread variable; ``chunks``, where known, go to ``encoding`` for whoever aligns reads to them.

    ``support`` says what keys ``cells.read`` takes besides ints and slices (arrays of indices, one or several).
    """
    dims = distinct(dims)
    variable = xr.Variable(dims, indexing.LazilyIndexedArray(LazyArray(cells, support)), dict(attrs))
    if chunks:
        variable.encoding = {"chunks": tuple(chunks), "preferred_chunks": dict(zip(dims, chunks, strict=True))}
    return variable


def _bounded(part: Any, size: int) -> Any:
    """A slice with its ends spelled out; an empty one forward, as xarray stumbles over empty ones that run backward."""
    if not isinstance(part, slice):
        return part
    places = range(*part.indices(size))
    if not places:
        return slice(0, 0, 1)
    return slice(places.start, places.stop, places.step) if places.step > 0 else part


def distinct(dims: Sequence[str]) -> list[str]:
    """Names of which none comes twice: ``antenna, antenna`` becomes ``antenna, antenna_1``."""
    names: list[str] = []
    for dim in dims:
        count, name = 0, dim
        while name in names:
            count += 1
            name = f"{dim}_{count}"
        names.append(name)
    return names
