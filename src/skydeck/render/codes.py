"""Codes: a still picture's numbers as uint16, exact enough to stretch again in the browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError

ZERO = 32768  # the code of the centre
NAN, LOWEST, HIGHEST = 0, 1, 65535  # NaN, minus infinity, infinity
REACH = 32766  # codes on either side of the centre
_FARTHEST = 1e24  # scales; with 1.12 * asinh(1e24) / (2 * 32766) < 1e-3 the error bound holds for all float32 data
_MOST = float(np.finfo(np.float32).max)
_SAMPLE = 32_768
_ROWS = 1 << 16  # numbers coded at a time, so that the float64 in between stay in cache


@dataclass(frozen=True, slots=True)
class Codes:
    """value = centre + scale * sinh(step * (code - 32768)) for codes 2 to 65534; 0 is NaN, 1 -infinity, 65535 infinity.

    ``codes``: (h, w) uint16. ``scale`` and ``step`` are above 0. See :func:`encode` for the error.
    """

    codes: npt.NDArray[np.uint16] = field(repr=False)
    centre: float
    scale: float
    step: float


def encode(values: npt.NDArray[Any]) -> Codes:
    """Numbers as codes, fine around the median and coarser away from it.

    ``centre`` is the median and ``scale`` half the robust spread (1.4826 times the median distance from the centre, of
    those that aren't on it, on an even sample), so beside bright outliers faint noise keeps its steps. A decoded
    value is off by at most ``step / 2 * hypot(scale, |value - centre|)`` and float32 rounding: by at most 1e-3 of the
    spread within one spread of the centre and 1e-3 of the distance from the centre beyond, for all float32 data; where
    they reach 1e6 spreads far by a quarter of that. Raises RequestError for what isn't real numbers.
    """
    if values.dtype.kind not in "biuf":
        raise RequestError(f"{values.dtype} values can't be coded", expected="real numbers")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values, np.float32)
    low, high = _range(single)
    centre, spread = _centre(single)
    far = max(high - centre, centre - low)
    scale = max(spread / 2, far / _FARTHEST) or 1.0
    step = (float(np.arcsinh(far / scale)) or 1.0) / REACH
    codes = np.empty(single.shape, np.uint16)
    flat, out = single.reshape(-1), codes.reshape(-1)
    for start in range(0, flat.size, _ROWS):
        out[start : start + _ROWS] = _coded(flat[start : start + _ROWS], centre, scale, step)
    return Codes(codes, centre, scale, step)


def decode(coded: Codes) -> npt.NDArray[np.float32]:
    """The numbers that codes stand for, (h, w) float32."""
    every = np.sinh(coded.step * np.clip(np.arange(65536.0) - ZERO, -REACH, REACH)) * coded.scale + coded.centre
    table = np.clip(every, -_MOST, _MOST).astype(np.float32)  # finite codes stay finite after rounding
    table[[NAN, LOWEST, HIGHEST]] = np.nan, -np.inf, np.inf
    return np.take(table, coded.codes)


def _coded(values: npt.NDArray[np.float32], centre: float, scale: float, step: float) -> npt.NDArray[np.uint16]:
    steps = values.astype(np.float64)
    steps -= centre
    steps /= scale
    np.arcsinh(steps, out=steps)
    steps /= step
    np.rint(steps, out=steps)
    steps += ZERO
    finite = np.isfinite(steps)
    if not finite.all():
        np.clip(steps, LOWEST, HIGHEST, where=~finite, out=steps)
        steps[np.isnan(steps)] = NAN
    return steps.astype(np.uint16)


def _range(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Lowest and highest finite value; 0, 0 where there is none."""
    low, high = np.fmin.reduce(values, axis=None, initial=np.inf), np.fmax.reduce(values, axis=None, initial=-np.inf)
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return float(low), float(high)


def _centre(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Median and robust spread of a sample; the spread is 0 where all of it is equal."""
    flat = values.reshape(-1)
    sample = flat[:: (flat.size // _SAMPLE) | 1]
    sample = sample[np.isfinite(sample)].astype(np.float64)
    if sample.size == 0:
        sample = flat[np.isfinite(flat)].astype(np.float64)
    if sample.size == 0:
        return 0.0, 0.0
    centre = float(np.median(sample))
    distance = np.abs(sample - centre)
    spread = float(np.median(distance)) or float(np.median(distance[distance > 0])) if distance.any() else 0.0
    return centre, 1.4826 * spread
