"""Line: a 1-D variable as a cube of planes of one cell, so that a spectrum is a profile like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.sources.lazy import Key, lazy_variable

_DRAWN = "biufcmM"


class LineCells:
    """The cells of a lazy 1-D variable as (n, 1, 1)."""

    def __init__(self, location: str, line: xr.Variable) -> None:
        self.location = location
        self.line = line
        self.shape = (line.size, 1, 1)
        self.dtype: np.dtype[Any] = line.dtype

    def read(self, key: Key) -> npt.NDArray[Any]:
        """Cells by an int or a slice a dimension; reads those of the line that are wanted."""
        values = np.asarray(self.line[key[0]].values)
        return values[..., None, None][..., key[1], key[2]]


def with_lines(dataset: xr.Dataset, location: str) -> xr.Dataset:
    """The Dataset itself where it has something over two dimensions to draw; else one whose 1-D variables of numbers
    are (n, 1, 1), with a ``row`` and a ``column``, unread: the picture is one cell, the profile the whole line.
    """
    drawn = [variable for variable in dataset.data_vars.values() if variable.dtype.kind in _DRAWN]
    if any(variable.ndim >= 2 for variable in drawn):
        return dataset
    added = [_free(dataset, name) for name in ("row", "column")]
    lines = {str(one.name): _line(location, one, added) for one in drawn if one.ndim == 1}
    if not lines:
        return dataset
    made = dataset.assign(lines)
    made.encoding = dataset.encoding
    made.set_close(dataset.close)
    return made


def _line(location: str, data: xr.DataArray, added: list[str]) -> xr.Variable:
    stored = data.variable
    chunks = stored.encoding.get("chunks")
    sizes = (*chunks, 1, 1) if chunks and len(chunks) == 1 else None
    return lazy_variable([str(data.dims[0]), *added], LineCells(location, stored), stored.attrs, sizes)


def _free(dataset: xr.Dataset, name: str) -> str:
    """A name that nothing in the Dataset has."""
    while name in dataset.sizes or name in dataset.variables:
        name += "_"
    return name
