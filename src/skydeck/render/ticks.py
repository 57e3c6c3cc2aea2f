"""Ticks: round data values beside a colour bar, at the places where their colours are."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from skydeck.core.style import Style
from skydeck.render.stretch import COLOURS, ends

Floats = npt.NDArray[np.float64]


def colourbar_ticks(style: Style, thresholds: Floats, count: int = 6) -> list[tuple[float, str]]:
    """About ``count`` ticks, lowest first: the place on the colour bar (0 to 1) and the data value there as text.

    A linear bar has even steps; on others the roundest number near each of ``count`` even places is taken.
    A bar whose low is as good as its high has one tick, in the middle.
    """
    low, high = ends(style)
    count = max(2, count)
    if not high - low > max(1e-12 * max(abs(low), abs(high)), 1e-290):
        return [(0.5, _texts([low], abs(low))[0])]
    values = _even(low, high, count) if style.stretch == "linear" else _round(low, high, thresholds, count)
    spacing = min((b - a for a, b in itertools.pairwise(values)), default=high - low)
    bar = np.concatenate([[low], thresholds, [high]])
    places = np.interp(values, bar, np.arange(COLOURS + 1) / COLOURS)
    texts = _texts(values, spacing) if style.stretch == "linear" else _apart(values)
    return list(zip(places.tolist(), texts, strict=True))


def _even(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from low to high."""
    step = _round_step((high - low) / (count - 1))
    if math.ceil(low / step - 1e-9) > math.floor(high / step + 1e-9):  # 1 to 9 holds no multiple of 10
        step = _round_step((high - low) / (2 * count))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [min(max(k * step, low), high) for k in range(first, last + 1)]


def _round_step(rough: float) -> float:
    """The power of ten times 1, 2, 5 or 10 that is nearest to ``rough`` by ratio."""
    power = 10.0 ** math.floor(math.log10(rough))
    return min((power, 2 * power, 5 * power, 10 * power), key=lambda step: abs(math.log(step / rough)))


def _round(low: float, high: float, thresholds: Floats, count: int) -> list[float]:
    """The roundest value within a third of a tick's distance of each even place on the bar, without repeats."""
    bar = np.concatenate([[low], thresholds, [high]])
    places = np.arange(COLOURS + 1) / COLOURS
    found: list[float] = []
    for place in np.linspace(0, 1, count):
        begin, end = np.interp([place - 0.33 / (count - 1), place + 0.33 / (count - 1)], places, bar)
        value = _roundest(float(begin), float(end), float(np.interp(place, places, bar)))
        if not found or value > found[-1]:
            found.append(value)
    return found


def _roundest(begin: float, end: float, wanted: float) -> float:
    """The number in a range with the fewest digits, of those the nearest to ``wanted``; ``wanted`` if there is none."""
    if begin <= 0 <= end:
        return 0.0
    top = math.floor(math.log10(max(abs(begin), abs(end))))
    for power in range(top, top - 15, -1):
        for factor in (5, 2, 1):
            value = _multiple(wanted, factor, power)
            if begin <= value <= end:
                return value
    return wanted


def _multiple(wanted: float, factor: int, power: int) -> float:
    """The multiple of factor * 10 ** power nearest to ``wanted``, written in decimal so that 0.3 is 0.3."""
    size = factor * 10.0**power
    return wanted if size == 0 else float(f"{round(wanted / size) * factor}e{power}")


def _texts(values: list[float], spacing: float) -> list[str]:
    """Numbers with the same decimals, enough to tell neighbours apart; very large and small ones with an exponent."""
    largest = max(abs(value) for value in values) if values else 0.0
    if spacing <= 0 or largest == 0:
        return [_exponent(f"{value:g}") for value in values]
    finest = math.floor(math.log10(spacing) + 1e-9)
    if 1e-4 <= largest < 1e7 and finest > -12:
        return [f"{value:.{max(0, -finest)}f}".replace("-0", "0", value == 0) for value in values]
    digits = min(15, max(0, math.floor(math.log10(largest)) - finest))
    return ["0" if abs(value) < spacing / 2 else _exponent(f"{value:.{digits}e}") for value in values]


def _apart(values: list[float]) -> list[str]:
    """Numbers as they are, without the last digits that only rounding made, unless these tell them apart."""
    texts = [_exponent(f"{value:.12g}") for value in values]
    return texts if len(set(texts)) == len(texts) else [_exponent(f"{value:.17g}") for value in values]


def _exponent(text: str) -> str:
    """1.5e9 for 1.5e+09."""
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text
