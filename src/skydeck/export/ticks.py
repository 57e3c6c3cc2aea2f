"""Ticks: round places on an axis and their texts, for numbers, instants, labels and indices."""

from __future__ import annotations

import math

import numpy as np

from skydeck.core.axis import Axis

MAX_LABEL = 18
_CLOCK = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0]
_CLOCK += [3600.0 * hours for hours in (1, 2, 3, 6, 12, 24)]

Ticks = list[tuple[float, str]]


def ticks_of(axis: Axis, low: float, high: float, count: int = 7) -> Ticks:
    """About ``count`` round places from ``low`` to ``high`` (axis units), ascending, with their texts.

    Instants carry the date under the first and wherever it changes; labels and indices stand at whole cells inside.
    """
    if axis.kind == "time":
        return _times(low / 1000.0, high / 1000.0, count)
    if axis.kind == "number":
        return _numbers(low, high, count, axis.wrap)
    return _cells(axis, low, high, count)


def nice_step(wanted: float) -> float:
    """The least of 1, 2, 5 · 10ⁿ that isn't below ``wanted``."""
    decade = 10.0 ** math.floor(math.log10(wanted))
    return next((m * decade for m in (1.0, 2.0, 5.0) if m * decade >= wanted * (1 - 1e-3)), 10.0 * decade)


def _multiples(low: float, high: float, step: float) -> range:
    return range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)


def _numbers(low: float, high: float, count: int, wrap: float) -> Ticks:
    step = nice_step((high - low) / count)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    plain = decimals <= 9 and max(abs(low), abs(high)) < 1e7
    texts = []
    for k in _multiples(low, high, step):
        shown = k * step % wrap if wrap else k * step
        texts.append((k * step, f"{shown:.{decimals}f}" if plain else f"{shown:.9g}"))
    return texts


def _cells(axis: Axis, low: float, high: float, count: int) -> Ticks:
    step = max(1, round(nice_step(max((high - low) / count, 1.0))))
    places = _multiples(max(low, -0.5), min(high, axis.size - 0.5), step)
    return [(float(k * step), axis.text(k * step)[:MAX_LABEL]) for k in places if 0 <= k * step < axis.size]


def _times(low: float, high: float, count: int) -> Ticks:
    """Ticks of seconds since 1970 at whole clock times, returned in milliseconds."""
    wanted = (high - low) / count
    step = next((step for step in _CLOCK if step >= wanted), 86400.0 * nice_step(wanted / 86400.0))
    step = nice_step(wanted) if wanted < 0.5 else step
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    places: Ticks = []
    previous = ""
    for k in _multiples(low, high, step):
        date, clock = _date_and_clock(k, step, decimals)
        text = date if step >= 86400.0 else clock if date == previous else f"{clock}\n{date}"
        places.append((k * step * 1000.0, text))
        previous = date
    return places


def _date_and_clock(k: int, step: float, decimals: int) -> tuple[str, str]:
    """Counted in whole nanoseconds: a float of seconds since 1970 has but seven right digits behind the point."""
    nanoseconds = k * round(step * 1e9)
    date, _, clock = str(np.datetime64(nanoseconds, "ns")).partition("T")
    return date, clock[:5] if step >= 60 else clock[:8] if decimals == 0 else clock[: 9 + decimals]
