"""Block reduction in numpy alone: what :mod:`skydeck.reduce.kernels` does, for where numba can't compile."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Outputs = tuple[Array, ...]

_JOINS: dict[str, tuple[np.ufunc, ...]] = {
    "sums": (np.add, np.add),
    "least": (np.fmin,),
    "greatest": (np.fmax,),
    "every": (np.add, np.add, np.fmin, np.fmax),
}


def run(
    name: str,
    plane: Array,
    row0: Indices,
    row1: Indices,
    col0: Indices,
    col1: Indices,
    low: int,
    high: int,
    out: Outputs,
) -> None:
    """Fill ``out`` as the compiled kernel ``name`` does, one row of pixels at a time."""
    if name == "means":
        shape = (len(row0), len(col0))
        parts = np.zeros(shape), np.zeros(shape, np.int64)
        run("sums", plane, row0, row1, col0, col1, low, high, parts)
        out[0][...] = mean(*parts)
        return
    for k in range(len(row0)):
        band = plane[row0[k] : row1[k], low:high]
        for target, ufunc, cells in zip(out, _JOINS[name], _cells(name, band), strict=True):
            _fold(ufunc, ufunc.reduce(cells, axis=0), col0 - low, col1 - low, target[k])


def mean(total: Array, count: Array) -> npt.NDArray[np.float32]:
    """Sums over counts; NaN where nothing was counted, or where both infinities met."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return (total / count).astype(np.float32)


def join(name: str, pieces: Outputs, out: Outputs) -> None:
    """Join what a kernel found in pieces of one row of pixels, (pieces, pixels) each, into ``out``, (pixels,) each."""
    for target, ufunc, part in zip(out, _JOINS[name], pieces, strict=True):
        target[...] = ufunc.reduce(part, axis=0)


def _cells(name: str, band: Array) -> Outputs:
    """What a kernel adds up or compares, cell by cell; a row more than ``band``, so that no band is empty."""
    padded = np.concatenate([band, np.full((1, band.shape[1]), np.nan, band.dtype)])
    valid = ~np.isnan(padded)
    sums = np.where(valid, padded, 0).astype(np.float64), valid.astype(np.int64)
    return sums if name == "sums" else (*sums, padded, padded) if name == "every" else (padded,)


def _fold(ufunc: np.ufunc, cells: Array, col0: Indices, col1: Indices, out: Array) -> None:
    """Fold one row of cells into the pixels that aren't empty."""
    filled = np.flatnonzero(col1 > col0)
    if len(filled):
        pairs = np.stack([col0[filled], col1[filled]], axis=1).ravel()
        out[filled] = ufunc.reduceat(np.append(cells, cells[:1]), pairs)[::2]
