"""Profiles: a line of numbers out of a cube, and long lines drawn on few pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError

Floats = npt.NDArray[np.float64]
_BATCH = 1 << 20  # values added up at a time


def mean_profile(block: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None) -> Floats:
    """The mean of each plane of ``block`` (n, h, w) where ``mask`` (h, w) is true, (n,) float64.

    NaN cells are left out; NaN where a plane has no others. Sums are float64. Raises RequestError for shapes that don't
    fit and for what isn't real numbers.
    """
    if block.ndim != 3 or block.dtype.kind not in "biuf":
        raise RequestError(f"A {block.ndim}-D array of {block.dtype} has no profile", expected="(n, h, w) real numbers")
    if mask is not None and mask.shape != block.shape[1:]:
        raise RequestError(f"A mask of {mask.shape} doesn't fit planes of {block.shape[1:]}")
    if mask is not None:
        block, mask = _cropped(block, mask)
    planes = max(1, _BATCH // max(1, block.shape[1] * block.shape[2]))
    parts = [_means(block[start : start + planes], mask) for start in range(0, len(block), planes)]
    return np.concatenate(parts) if parts else np.empty(0)


def trace(values: npt.NDArray[Any], pixels: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[Any]]:
    """Lowest and highest value of a line (n,) on each of at most ``pixels`` pixels, so that no spike is lost.

    Answers the first sample of each pixel (int64), lowest and highest (the dtype of ``values``); NaN only where a pixel
    has nothing else. A line no longer than ``pixels`` comes back as it is. Raises RequestError for what isn't a line of
    real numbers.
    """
    if values.ndim != 1 or values.dtype.kind not in "biuf" or pixels < 1:
        raise RequestError(f"A {values.ndim}-D array of {values.dtype} can't be drawn as a line on {pixels} pixels")
    count = min(len(values), pixels)
    index = np.arange(count, dtype=np.int64) * len(values) // max(1, count)
    if count == 0:
        return index, values.copy(), values.copy()
    return index, np.fmin.reduceat(values, index), np.fmax.reduceat(values, index)


def _cropped(block: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The smallest rectangle that holds the mask, so that a small region of a large plane is quick."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return block[:, :0, :0], mask[:0, :0]
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    return block[:, *box], mask[box]


def _means(block: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None) -> Floats:
    cells = block.reshape(len(block), -1) if mask is None else block[:, mask]
    valid = ~np.isnan(cells) if cells.dtype.kind == "f" else np.ones(cells.shape, bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(cells.sum(axis=1, dtype=np.float64, where=valid) / valid.sum(axis=1))
