"""The compiled loops of painting; imports numba, so it is itself imported on first use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

BUCKETS = 1 << 15
DEEPEST = 4  # steps in one bucket; where more crowd together halving is quicker
_SAVES = 8  # a kernel and the functions that it calls are saved one by one

log = logging.getLogger(__name__)


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled on its first call, kept on disk where some directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError as error:  # numba found no place for its cache: then every process compiles for itself
        log.info("Compiled code can't be kept: %s", error)
        return numba.njit(nogil=True)(function)


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
def paint(values: Any, steps: Any, scale: Any, colours: Any, out: Any) -> None:
    """Fill ``out`` (h, w, 3) uint8, top row first, from ``values`` (h, w) float32, bottom row first.

    ``steps``: (256,) float32, never falling, NaN at the end; ``colours``: (257, 3) uint8, the last for NaN. ``scale``:
    float32, buckets per unit from ``steps[0]`` on, which take less than half the time of halving; 0 to do without.
    """
    height, width = values.shape
    index = np.empty(width, np.uint32)
    first = np.zeros(BUCKETS, np.uint32)
    depth = _fill(first, steps, scale) if scale > 0 else DEEPEST + 1
    for i in range(height):
        row, line = values[height - 1 - i], out[i]
        if depth > DEEPEST:
            _halve(row, steps, index)
        else:
            _look_up(row, steps, scale, first, depth, index)
        for j in range(width):
            colour = index[j]
            line[j, 0] = colours[colour, 0]
            line[j, 1] = colours[colour, 1]
            line[j, 2] = colours[colour, 2]


@_compiled
def _bucket(value: Any, origin: Any, scale: Any) -> Any:
    """The bucket of a value; never falls as the value rises, so that order between buckets is order between values."""
    place = (value - origin) * scale
    place = place if place > 0 else np.float32(0)
    return np.uint32(place if place < BUCKETS - 1 else np.float32(BUCKETS - 1))


@_compiled
def _fill(first: Any, steps: Any, scale: Any) -> int:
    """How many steps lie in buckets before each bucket, and the most that lie in one."""
    depth, before = 0, 0
    for k in range(len(steps) - 1):
        bucket = _bucket(steps[k], steps[0], scale)
        first[bucket] += np.uint32(1)
    for bucket in range(BUCKETS):
        inside = int(first[bucket])
        first[bucket] = before
        before += inside
        depth = max(depth, inside)
    return depth


@_compiled
def _look_up(row: Any, steps: Any, scale: Any, first: Any, depth: int, index: Any) -> None:
    """The steps in the buckets before a value's are at or below it; those in its own are compared."""
    for j in range(len(row)):
        value = row[j]
        found = first[_bucket(value, steps[0], scale)]
        for _ in range(depth):
            found += np.uint32(steps[found] <= value)
        index[j] = found if value == value else np.uint32(256)


@_compiled
def _halve(row: Any, steps: Any, index: Any) -> None:
    """Eight halvings of 255 steps, without branches."""
    for j in range(len(row)):
        value = row[j]
        found = np.uint32(0)
        for half in (128, 64, 32, 16, 8, 4, 2, 1):
            found += np.uint32(half) if steps[found + np.uint32(half - 1)] <= value else np.uint32(0)
        index[j] = found if value == value else np.uint32(256)
