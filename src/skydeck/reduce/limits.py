"""Limits: the data values that the ends of a colour map stand for, and other sums over a screenful."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.core.style import LIMITS, Limits

_SAMPLE = (
    65_536  # values that percentiles and zscale look at: a percentile of them is off by at most 0.2 % of the ranks
)
_BLOCK = 1 << 20  # values converted to float64 at a time

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sums over the finite values of an array, float64; NaN where there are none.

    ``rms`` is about 0, ``std`` about the mean (population). ``nan_count`` counts NaN, ``inf_count`` both infinities.
    """

    count: int
    nan_count: int
    inf_count: int
    sum: float
    mean: float
    rms: float
    std: float
    median: float
    min: float
    max: float


def limits_of(values: Array, how: Limits) -> tuple[float, float]:
    """Low and high data values for a colour map, low < high, both finite.

    "99.5 %" keeps the central 99.5 % of the finite values, "zscale" is IRAF's as astropy has it, both on an even sample
    of 65 536 values; "min-max" looks at every finite value, and so does "manual" (it is where manual limits start).
    Where these keep one number only (counts, nearly all 0) the whole range is taken. (0, 1) where nothing is finite; a
    constant is widened by half of itself, or by 1 around 0.
    Raises RequestError for a name that isn't known and for what isn't real numbers.
    """
    _check(values)
    if how not in LIMITS:
        raise RequestError(f"There are no limits called {how!r}", expected=f"one of {', '.join(LIMITS)}")
    if how in ("min-max", "manual"):
        return _widened(*_range(values))
    sample = _finite(_sample(values)).astype(np.float64)
    low, high = (
        (math.nan, math.nan) if sample.size == 0 else _zscale(sample) if how == "zscale" else _central(sample, how)
    )
    if (
        not -math.inf < low < high < math.inf
    ):  # nothing but blanks, or one and the same number, in the sample: there may be more beside it
        low, high = _range(values)
    return _widened(low, high)


def histogram_of(
    values: Array, bins: int = 256, low: float | None = None, high: float | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Counts (bins,) int64 of the finite values in equal steps, and the steps' edges (bins + 1,) float64.

    From ``low`` to ``high``, by default the lowest and highest finite value; values beyond aren't counted, those on
    ``high`` are. Raises RequestError for a range or a number of bins that can't be.
    """
    _check(values)
    if bins < 1:
        raise RequestError(f"A histogram of {bins} bins can't be made", expected="1 or more")
    first, last = _widened(*_range(values)) if low is None or high is None else (low, high)
    first, last = (first if low is None else low), (last if high is None else high)
    if not (math.isfinite(first) and math.isfinite(last) and first < last):
        raise RequestError(f"A histogram can't run from {first} to {last}", expected="finite numbers, low < high")
    edges = first * (1 - np.linspace(0, 1, bins + 1)) + last * np.linspace(0, 1, bins + 1)
    counts = np.zeros(bins, np.int64)
    for part in _parts(values):
        inside = part[(part >= edges[0]) & (part <= edges[-1])]
        counts += np.histogram(inside, edges)[0]
    return counts, edges


def statistics_of(values: Array) -> Statistics:
    """Sum, mean, rms, standard deviation, median and extremes of the finite values, in two float64 passes."""
    _check(values)
    sums = [(part.size, float(part.sum())) for part in _parts(values)]
    count, total = sum(size for size, _ in sums), math.fsum(added for _, added in sums)
    nan_count = int(np.count_nonzero(np.isnan(values))) if values.dtype.kind == "f" else 0
    infinite = values.size - count - nan_count
    if count == 0:
        return Statistics(0, nan_count, infinite, 0.0, *(math.nan,) * 6)
    mean = total / count
    with np.errstate(over="ignore"):
        variance = math.fsum(float(np.square(part - mean).sum()) for part in _parts(values)) / count
    low, high = _range(values)
    rms = math.hypot(math.sqrt(variance), mean)
    median = float(np.median(_finite(values.reshape(-1)).astype(np.float64)))
    return Statistics(count, nan_count, infinite, total, mean, rms, math.sqrt(variance), median, low, high)


def _check(values: Array) -> None:
    if values.dtype.kind not in "biuf":
        raise RequestError(f"{values.dtype} values have no limits", expected="real numbers")


def _sample(values: Array) -> Array:
    """About 65 536 values spread evenly; a row's samples don't line up with the next row's."""
    flat = values.reshape(-1)
    step = max(1, flat.size // _SAMPLE)
    while step > 1 and values.ndim > 1 and math.gcd(step, values.shape[-1]) > 1:
        step += 1
    return flat[::step]


def _parts(values: Array) -> Iterator[npt.NDArray[np.float64]]:
    """The finite values, a block at a time."""
    flat = values.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        yield _finite(flat[start : start + _BLOCK]).astype(np.float64)


def _finite(values: Array) -> Array:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _range(values: Array) -> tuple[float, float]:
    """Lowest and highest finite value; NaN, NaN where there is none."""
    if values.size == 0:
        return math.nan, math.nan
    low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
    if math.isfinite(low) and math.isfinite(high):
        return low, high
    finite = _finite(values)
    return (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Limits with room between them."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    margin = abs(low) / 2 or 1.0
    most = float(np.finfo(np.float64).max)
    return max(-most, low - margin), min(most, high + margin)


def _central(sample: Array, how: Limits) -> tuple[float, float]:
    outside = (100 - float(how.removesuffix("%"))) / 2
    low, high = np.percentile(sample, [outside, 100 - outside])
    return float(low), float(high)


def _zscale(sample: Array) -> tuple[float, float]:
    from astropy.visualization import ZScaleInterval

    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # of numbers near the largest there are; they get the whole range
        low, high = ZScaleInterval().get_limits(sample)
    return float(low), float(high)
