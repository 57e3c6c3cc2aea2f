"""The compiled loops of block reduction; imports numba, so it is itself imported on first use.

Every kernel takes (plane, row0, row1, col0, col1, low, high, out): ``plane`` is C-contiguous float32 or float64, the
bins are int64, all columns lie in ``low`` to ``high``, and ``out`` is a tuple of (rows, cols) arrays to fill.
One row of running sums for a row of pixels, folded into pixels at its end, keeps the inner loops free of branches, so
that they vectorise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# No "nnan" or "ninf": NaN and infinities mean something here. "reassoc" lets the folds vectorise.
_FAST = {"reassoc", "contract", "nsz"}

_ROWS = 16  # rows that are still in the cache when the next of several loops over them begins
_SAVES = 8  # a kernel and the functions that it calls are saved one by one

log = logging.getLogger(__name__)


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled on its first call, kept on disk where some directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")(function)
    except RuntimeError as error:  # numba found no place for its cache: then every process compiles for itself
        log.info("Compiled code can't be kept: %s", error)
        return numba.njit(nogil=True, fastmath=_FAST, error_model="numpy")(function)


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
def means(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """The mean (float32) of what isn't NaN in each bin; NaN where nothing is valid."""
    (mean,) = out
    running, valid = np.empty(high - low, np.float64), np.empty(high - low, np.int32)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            mean[k] = mean[k - 1]
            continue
        running[:], valid[:] = 0, 0
        _add(plane, row0[k], row1[k], low, high, running, valid)
        _fold_means(running, valid, col0, col1, low, mean[k])


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
        _add(plane, row0[k], row1[k], low, high, running, valid)
        _fold_sums(running, valid, col0, col1, low, total[k], count[k])


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
        _sink(plane, row0[k], row1[k], low, high, running)
        _fold_least(running, col0, col1, low, lowest[k])


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
        _rise(plane, row0[k], row1[k], low, high, running)
        _fold_greatest(running, col0, col1, low, highest[k])


@_compiled
def every(plane: Any, row0: Any, row1: Any, col0: Any, col1: Any, low: int, high: int, out: Any) -> None:
    """Sum, count, lowest and highest of each bin in one pass over the plane."""
    total, count, lowest, highest = out
    running, valid = np.empty(high - low, np.float64), np.empty(high - low, np.int32)
    under, over = np.empty(high - low, plane.dtype), np.empty(high - low, plane.dtype)
    for k in range(len(row0)):
        if k > 0 and row0[k] == row0[k - 1] and row1[k] == row1[k - 1]:
            total[k], count[k], lowest[k], highest[k] = total[k - 1], count[k - 1], lowest[k - 1], highest[k - 1]
            continue
        running[:], valid[:], under[:], over[:] = 0, 0, np.nan, np.nan
        for first in range(row0[k], row1[k], _ROWS):
            last = min(first + _ROWS, row1[k])
            _add(plane, first, last, low, high, running, valid)
            _sink(plane, first, last, low, high, under)
            _rise(plane, first, last, low, high, over)
        _fold_sums(running, valid, col0, col1, low, total[k], count[k])
        _fold_least(under, col0, col1, low, lowest[k])
        _fold_greatest(over, col0, col1, low, highest[k])


@_compiled
def _add(plane: Any, first: int, last: int, low: int, high: int, running: Any, valid: Any) -> None:
    """Add rows to running sums, four at a time as far as they go: a third less time than one by one."""
    fours = first + (last - first) // 4 * 4
    for i in range(first, fours, 4):
        a, b, c, d = plane[i, low:high], plane[i + 1, low:high], plane[i + 2, low:high], plane[i + 3, low:high]
        for j in range(high - low):
            running[j] += (_value(a[j]) + _value(b[j])) + (_value(c[j]) + _value(d[j]))
            valid[j] += (_good(a[j]) + _good(b[j])) + (_good(c[j]) + _good(d[j]))
    for i in range(fours, last):
        cells = plane[i, low:high]
        for j in range(high - low):
            running[j] += _value(cells[j])
            valid[j] += _good(cells[j])


@_compiled
def _sink(plane: Any, first: int, last: int, low: int, high: int, running: Any) -> None:
    for i in range(first, last):
        cells = plane[i, low:high]
        for j in range(high - low):
            running[j] = _lower(running[j], cells[j])


@_compiled
def _rise(plane: Any, first: int, last: int, low: int, high: int, running: Any) -> None:
    for i in range(first, last):
        cells = plane[i, low:high]
        for j in range(high - low):
            running[j] = _higher(running[j], cells[j])


@_compiled
def _fold_sums(running: Any, valid: Any, col0: Any, col1: Any, low: int, total: Any, count: Any) -> None:
    for c in range(len(col0)):
        added, counted = 0.0, 0
        for j in range(col0[c] - low, col1[c] - low):
            added += running[j]
            counted += valid[j]
        total[c], count[c] = added, counted


@_compiled
def _fold_means(running: Any, valid: Any, col0: Any, col1: Any, low: int, mean: Any) -> None:
    """Most pixels of a picture near its own resolution are one or two cells wide, for which a loop is dear."""
    for c in range(len(col0)):
        first, last = col0[c] - low, col1[c] - low
        if last - first == 1:
            added, counted = running[first], valid[first]
        elif last - first == 2:
            added, counted = running[first] + running[first + 1], valid[first] + valid[first + 1]
        else:
            added, counted = 0.0, np.int32(0)
            for j in range(first, last):
                added += running[j]
                counted += valid[j]
        mean[c] = np.float32(added / counted) if counted > 0 else np.float32(np.nan)


@_compiled
def _fold_least(running: Any, col0: Any, col1: Any, low: int, lowest: Any) -> None:
    for c in range(len(col0)):
        first, last = col0[c] - low, col1[c] - low
        kept = running[first] if first < last else running.dtype.type(np.nan)
        for j in range(first + 1, last):
            kept = _lower(kept, running[j])
        lowest[c] = kept


@_compiled
def _fold_greatest(running: Any, col0: Any, col1: Any, low: int, highest: Any) -> None:
    for c in range(len(col0)):
        first, last = col0[c] - low, col1[c] - low
        kept = running[first] if first < last else running.dtype.type(np.nan)
        for j in range(first + 1, last):
            kept = _higher(kept, running[j])
        highest[c] = kept


@_compiled
def _value(cell: Any) -> Any:
    return np.float64(cell) if cell == cell else 0.0


@_compiled
def _good(cell: Any) -> Any:
    return np.int32(cell == cell)


@_compiled
def _lower(kept: Any, value: Any) -> Any:
    return kept if (kept <= value) | (value != value) else value


@_compiled
def _higher(kept: Any, value: Any) -> Any:
    return kept if (kept >= value) | (value != value) else value
