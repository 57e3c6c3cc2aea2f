"""Stretch: how a colour map is spread over the data between low and high."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError
from skydeck.core.style import STRETCHES, Style

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

COLOURS = 256
_LOG = 1000.0
_ASINH = 10.0
_SAMPLE = 65_536  # values that a histogram is made of: its steps are then right to half a colour
_MOST = 1e300  # so that the difference of two is still a number


def stretch(fraction: npt.ArrayLike, style: Style, values: Array | None = None) -> Floats:
    """The place on the colour map (0 to 1) of a place between low and high (0 to 1); beyond the ends it is clipped.

    log: log(1000 x + 1) / log(1001) and asinh: asinh(10 x) / asinh(10), as in the SAOImage DS9 reference manual,
    "Scale", made to end at exactly 1; power: x to the ``gamma``. histogram: the part of the finite ``values`` between
    low and high that lies at or below x; linear without values. NaN stays NaN.
    Raises RequestError for a stretch that isn't known and for a gamma that isn't above 0.
    """
    x = np.clip(np.asarray(fraction, dtype=float), 0, 1)
    kind = _kind(style)
    if kind == "log":
        return np.asarray(np.log1p(_LOG * x) / np.log1p(_LOG))
    if kind == "asinh":
        return np.asarray(np.arcsinh(_ASINH * x) / np.arcsinh(_ASINH))
    if kind == "sqrt":
        return np.asarray(np.sqrt(x))
    if kind == "power":
        return np.asarray(np.power(x, style.gamma))
    return x if kind == "linear" else _ranked(x, style, values)


def unstretch(place: npt.ArrayLike, style: Style, values: Array | None = None) -> Floats:
    """The inverse of :func:`stretch`: from a place on the colour map to a place between low and high, both 0 to 1."""
    y = np.clip(np.asarray(place, dtype=float), 0, 1)
    kind = _kind(style)
    if kind == "log":
        return np.asarray(np.expm1(y * np.log1p(_LOG)) / _LOG)
    if kind == "asinh":
        return np.asarray(np.sinh(y * np.arcsinh(_ASINH)) / _ASINH)
    if kind == "sqrt":
        return np.asarray(np.square(y))
    if kind == "power":
        return np.asarray(np.power(y, 1 / style.gamma))
    return y if kind == "linear" else _quantile(y, style, values)


def thresholds(style: Style, values: Array | None = None) -> Floats:
    """The data values where the colour index steps up: (255,) float64, finite, never falling.

    The index of a value v is ``searchsorted(thresholds, v, side="right")``, 0 to 255, here and in the browser alike.
    Where low equals high what is below has the first colour and the rest the last. ``values`` serve the histogram.
    """
    low, high = ends(style)
    place = unstretch(np.arange(1, COLOURS) / COLOURS, style, values)
    return np.maximum.accumulate(np.clip(low * (1 - place) + high * place, low, high))


def ends(style: Style) -> tuple[float, float]:
    """The style's low and high, low <= high, within ±1e300; a NaN becomes the other one, or 0 and 1."""
    low = style.low if style.low == style.low else style.high if style.high == style.high else 0.0
    high = style.high if style.high == style.high else low if style.low == style.low else 1.0
    low, high = min(max(low, -_MOST), _MOST), min(max(high, -_MOST), _MOST)
    return (low, high) if low <= high else (high, low)


def _kind(style: Style) -> str:
    if style.stretch not in STRETCHES:
        raise RequestError(f"There is no stretch called {style.stretch!r}", expected=f"one of {', '.join(STRETCHES)}")
    if style.stretch == "power" and not 0 < style.gamma < np.inf:
        raise RequestError(f"A gamma of {style.gamma} can't stretch colours", expected="a number above 0")
    return style.stretch


def _sorted(style: Style, values: Array | None) -> Floats:
    """The finite values between low and high, of many an even sample, as fractions of the way, rising."""
    if values is None:
        return np.empty(0)
    low, high = ends(style)
    flat = values.reshape(-1)
    sample = flat[:: (flat.size // _SAMPLE) | 1].astype(np.float64)
    inside = np.sort(sample[(sample >= low) & (sample <= high)])
    if low == high:
        return np.zeros(len(inside))
    return np.asarray((inside - low) / (high - low))


def _ranked(x: Floats, style: Style, values: Array | None) -> Floats:
    known = _sorted(style, values)
    return np.searchsorted(known, x, side="right") / len(known) if len(known) else x


def _quantile(y: Floats, style: Style, values: Array | None) -> Floats:
    known = _sorted(style, values)
    return np.quantile(known, y, method="inverted_cdf") if len(known) else y
