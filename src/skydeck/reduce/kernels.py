"""The compiled loops of block reduction; imports numba, so it is itself imported on first use.

Every kernel takes (plane, row0, row1, col0, col1, low, high, out): ``plane`` is C-contiguous float32 or float64, the
bins are int64, all columns lie in ``low`` to ``high``, and ``out`` is a tuple of (rows, cols) arrays to fill.
One row of running sums for a row of pixels, folded into pixels at its end, keeps the inner loop free of
branches, so that it vectorises (0.57 of a memory copy's speed for the mean, 4096² float32 on one core).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# No "nnan" or "ninf": NaN and infinities mean something here. "reassoc" lets the folds vectorise.
_FAST = {"reassoc", "contract", "nsz"}

_SAVES = 8  # a kernel and the functions that it calls are saved one by one

log = logging.getLogger(__name__)


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled on its first call, kept on disk where some directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True, fastmath=_FAST)(function)
    except RuntimeError as error:  # numba found no place for its cache: then every process compiles for itself
        log.info("Compiled code can't be kept: %s", error)
        return numba.njit(nogil=True, fastmath=_FAST)(function)


def compiled(kernel: Callable[..., Any], *arguments: Any) -> None:
    """Call a kernel once, so that it is compiled; a disk that can't take what is compiled doesn't matter."""
    for _ in range(_SAVES):
        try:
            kernel(*arguments)
        except OSError as error:  # numba keeps a function after it failed to save it: the next call goes one further
            log.info("Compiled code can't be kept: %s", error)
        else:
            return
    kernel(*arguments)


@_compiled
def _lower(kept: Any, value: Any) -> Any:
    return kept if (kept <= value) | (value != value) else value


@_compiled
def _higher(kept: Any, value: Any) -> Any:
    return kept if (kept >= value) | (value != value) else value


@_compiled
def sums(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """Sum (float64) and count (int64) of what isn't NaN in each bin."""
    total, count = out
    running, valid = np.empty(high - low, np.float64), np.empty(high - low, np.int32)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            total[k], count[k] = total[k - 1], count[k - 1]
            continue
        running[:], valid[:] = 0, 0
        for i in range(row0[k], row1[k]):
            cells = plane[i, low:high]
            for j in range(high - low):
                value = cells[j]
                good = value == value
                running[j] += value if good else 0
                valid[j] += np.int32(good)
        for c in range(len(col0)):
            added, counted = 0.0, 0
            for j in range(col0[c] - low, col1[c] - low):
                added += running[j]
                counted += valid[j]
            total[k, c], count[k, c] = added, counted


@_compiled
def least(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """The lowest value of each bin, of the plane's own dtype; NaN where nothing is valid."""
    (lowest,) = out
    running = np.empty(high - low, plane.dtype)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            lowest[k] = lowest[k - 1]
            continue
        running[:] = np.nan
        for i in range(row0[k], row1[k]):
            cells = plane[i, low:high]
            for j in range(high - low):
                running[j] = _lower(running[j], cells[j])
        for c in range(len(col0)):
            kept = lowest.dtype.type(np.nan)
            for j in range(col0[c] - low, col1[c] - low):
                kept = _lower(kept, running[j])
            lowest[k, c] = kept


@_compiled
def greatest(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """The highest value of each bin, of the plane's own dtype; NaN where nothing is valid."""
    (highest,) = out
    running = np.empty(high - low, plane.dtype)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            highest[k] = highest[k - 1]
            continue
        running[:] = np.nan
        for i in range(row0[k], row1[k]):
            cells = plane[i, low:high]
            for j in range(high - low):
                running[j] = _higher(running[j], cells[j])
        for c in range(len(col0)):
            kept = highest.dtype.type(np.nan)
            for j in range(col0[c] - low, col1[c] - low):
                kept = _higher(kept, running[j])
            highest[k, c] = kept


@_compiled
def every(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """Sum, count, lowest and highest of each bin in one pass over the plane."""
    total, count, lowest, highest = out
    running, valid = np.empty(high - low, np.float64), np.empty(high - low, np.int32)
    below, above = np.empty(high - low, plane.dtype), np.empty(high - low, plane.dtype)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            total[k], count[k], lowest[k], highest[k] = total[k - 1], count[k - 1], lowest[k - 1], highest[k - 1]
            continue
        running[:], valid[:], below[:], above[:] = 0, 0, np.nan, np.nan
        for i in range(row0[k], row1[k]):
            cells = plane[i, low:high]
            for j in range(high - low):
                value = cells[j]
                good = value == value
                running[j] += value if good else 0
                valid[j] += np.int32(good)
                below[j] = _lower(below[j], value)
                above[j] = _higher(above[j], value)
        for c in range(len(col0)):
            added, counted = 0.0, 0
            under, over = lowest.dtype.type(np.nan), highest.dtype.type(np.nan)
            for j in range(col0[c] - low, col1[c] - low):
                added += running[j]
                counted += valid[j]
                under = _lower(under, below[j])
                over = _higher(over, above[j])
            total[k, c], count[k, c], lowest[k, c], highest[k, c] = added, counted, under, over
