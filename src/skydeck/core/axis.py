"""Axis: one dimension as a screen shows it. Any coordinate becomes edges to draw on and texts to read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["number", "time", "label", "index"]
Floats = npt.NDArray[np.float64]

UNEVEN = 0.01  # a coordinate is taken as even while no value is off by more than this part of a step
TELLING = 4  # floating-point steps that neighbouring cells must be apart, so that edges fit between them
_MS = np.timedelta64(1, "ms")
_INSTANT = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?")
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_PREFIXED = frozenset({"Hz", "s", "m", "V", "m/s"})
_UNIT_NAMES = {"m s-1": "m/s", "m s^-1": "m/s", "degrees": "deg", "degree": "deg", "hz": "Hz", "seconds": "s", "1": ""}


@dataclass(frozen=True, slots=True)
class Uniform:
    """Edges ``start + step * k`` for k = 0 … size; ``step`` may be negative, never 0."""

    start: float
    step: float
    size: int

    def at(self, position: npt.ArrayLike) -> Floats:
        """Where a fractional cell position (0 at the first edge, ``size`` at the last) lies, in axis units."""
        return np.asarray(self.start + self.step * np.asarray(position, dtype=float))

    def position(self, value: npt.ArrayLike) -> Floats:
        """The fractional cell position of a place on the axis; continues beyond the ends."""
        with np.errstate(over="ignore"):
            return np.asarray((np.asarray(value, dtype=float) - self.start) / self.step)


@dataclass(frozen=True, slots=True)
class Table:
    """Uneven edges, (size + 1,) float64, strictly increasing or strictly decreasing."""

    edges: Floats = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.edges) - 1

    def at(self, position: npt.ArrayLike) -> Floats:
        """Where a fractional cell position lies, in axis units; clipped to the ends."""
        return np.asarray(np.interp(np.asarray(position, dtype=float), np.arange(len(self.edges)), self.edges))

    def position(self, value: npt.ArrayLike) -> Floats:
        """The fractional cell position of a place on the axis; continues beyond the ends at the last cell's width."""
        value, edges = np.asarray(value, dtype=float), self.edges
        if edges[0] > edges[-1]:
            value, edges = -value, -edges
        inside = np.interp(value, edges, np.arange(len(edges), dtype=float))
        before = (value - edges[0]) / (edges[1] - edges[0])
        after = self.size + (value - edges[-1]) / (edges[-1] - edges[-2])
        return np.asarray(np.where(value < edges[0], before, np.where(value > edges[-1], after, inside)))


Edges = Uniform | Table


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension on screen.

    ``kind``: "number" (axis units are ``unit``), "time" (milliseconds since 1970-01-01 UTC), "label" and "index"
    (cell i is centred on i: text, flags, foreign calendars, no coordinate, or values that don't run one way).
    ``edges`` are in axis units; ``values`` the coordinate as it was given, or None.
    """

    name: str
    size: int
    kind: Kind
    title: str
    unit: str
    edges: Edges
    values: npt.NDArray[Any] | None = field(default=None, repr=False)
    factor: float = 1.0
    source_unit: str = ""
    wrap: float = 0.0

    @property
    def caption(self) -> str:
        """Title and unit, as an axis label: ``Frequency (GHz)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest edge, in axis units."""
        first, last = (float(self.edges.at(k)) for k in (0, self.size))
        return min(first, last), max(first, last)

    def centre(self, index: int) -> float:
        """The middle of a cell, in axis units."""
        return float(self.edges.at(index + 0.5))

    def cell(self, value: float) -> int | None:
        """The cell that holds a place on the axis, or None outside."""
        position = float(self.edges.position(value))
        return int(position) if 0 <= position < self.size else None

    def text(self, index: int) -> str:
        """One coordinate as a person writes it, with its unit."""
        if self.values is None:
            return str(index)
        value, kind = self.values[index], self.values.dtype.kind
        if kind == "M":
            spaced = self.kind == "time" and self.size > 1
            return time_text(value, self._spacing() / 1000 if spaced else _digits_of(value))
        if kind in "iu" and self.factor == 1.0:
            return f"{int(value)} {self.unit}".rstrip()
        if kind in "fium":
            return self._number_text(float(_numbers(self.values[index : index + 1])[0]) * self.factor)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def find(self, text: str) -> int | None:
        """The index a typed value means: a label, a date (UTC), or the nearest number in axis units; None for none."""
        text = text.strip()
        if self.values is None:
            return self._index(text)
        if self.kind == "label":
            return self._find_label(self.values, text)
        if self.values.dtype.kind == "M":
            return _find_time(self.values, text)
        return self._find_number(self.values, text)

    def _find_number(self, values: npt.NDArray[Any], text: str) -> int | None:
        try:
            wanted = float(text.split()[0])
        except (ValueError, IndexError):
            return None
        numbers = _numbers(values) * self.factor
        if not np.isfinite(numbers).any() or not math.isfinite(wanted):
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.abs(numbers - wanted)
            away = np.minimum(away % self.wrap, -away % self.wrap) if self.wrap else away
        return int(np.nanargmin(away))

    def _find_label(self, values: npt.NDArray[Any], text: str) -> int | None:
        for index in range(len(values)):
            if self.text(index).casefold() == text.casefold():
                return index
        return self._index(text)

    def _index(self, text: str) -> int | None:
        """A typed index, where there is such a cell."""
        index = int(text) if text.isdecimal() and len(text) < 20 else self.size
        return index if index < self.size else None

    def _spacing(self) -> float:
        """Mean distance of neighbouring cells, axis units; 0 for a single cell."""
        low, high = self.limits
        return (high - low) / self.size if self.size > 1 else 0.0

    def _number_text(self, number: float) -> str:
        if not math.isfinite(number):
            return "no value"
        if self.wrap:
            number %= self.wrap
        spacing = self._spacing() if self.kind == "number" else 0.0
        return f"{decimal_text(number, spacing)} {self.unit}".rstrip()


def decimal_text(number: float, spacing: float = 0.0) -> str:
    """A number with just enough digits to tell it from one ``spacing`` away (0: six significant digits)."""
    if number == 0:
        return "0"
    if number == int(number) and abs(number) < 1e7:
        return str(int(number))
    if spacing > 0 and 1e-4 <= abs(number) < 1e7:
        decimals = min(15, max(0, math.ceil(-math.log10(spacing)) + 1))
        text = f"{number:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text and decimals > 6 else text
    digits = 6
    if spacing > 0:
        digits = min(15, max(6, math.ceil(math.log10(max(1.0, abs(number) / spacing))) + 2))
    return f"{number:.{digits}g}"


def time_text(value: np.datetime64, resolution: float) -> str:
    """A UTC instant to the digits that ``resolution`` (seconds) makes meaningful."""
    if np.isnat(value):
        return "no time"
    if resolution >= 86400:
        return str(value.astype("datetime64[D]"))
    unit = "s" if resolution >= 1 else "ms" if resolution >= 1e-3 else "us" if resolution >= 1e-6 else "ns"
    return str(value.astype(f"datetime64[{unit}]")).replace("T", " ")


def _digits_of(value: np.datetime64) -> float:
    """The coarsest resolution (seconds) that writes a time in full."""
    exact = (size for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)) if value == value.astype(f"M8[{unit}]"))
    return next(exact, 1e-9)


def _find_time(values: npt.NDArray[Any], text: str) -> int | None:
    """The index of the time nearest to a typed one."""
    text = text.removesuffix("Z").removesuffix("UTC").strip()
    if not _INSTANT.fullmatch(text):
        return None
    try:
        wanted = np.array([text.replace(" ", "T")], "datetime64")
    except ValueError:
        return None
    away = np.abs(_milliseconds(values) - _milliseconds(wanted))
    if np.isnan(away).all():
        return None
    if np.nanmin(away) > 1:
        return int(np.nanargmin(away))
    near = np.flatnonzero(away <= np.nanmin(away) + 1e-3)  # a float of milliseconds tells no nanoseconds apart
    return int(near[np.argmin(np.abs(values[near] - wanted.astype(values.dtype)))])


def plain_axis(name: str, size: int, title: str = "") -> Axis:
    """An axis without a coordinate: cell i is centred on i (0-based)."""
    return Axis(name, size, "index", title or name, "", Uniform(-0.5, 1.0, size))


def axis_of(name: str, size: int, values: npt.ArrayLike | None = None, attrs: dict[str, Any] | None = None) -> Axis:
    """The Axis of a dimension from its 1-D coordinate, whatever that holds.

    ``values``: (size,) numbers, flags, text, datetime64, timedelta64 or cftime objects, in any order, with NaN or
    without; None where there is no coordinate. ``attrs`` may name ``units`` and ``long_name``. Never raises for odd
    values: what can't be placed along an axis is placed by index and keeps its text.
    """
    attrs = attrs or {}
    title = _title(name, attrs)
    if values is None:
        return plain_axis(name, size, title)
    array = np.asarray(values)
    if array.dtype.kind == "M":
        return _time_axis(name, title, array)
    if array.dtype.kind in "fium":
        unit = "s" if array.dtype.kind == "m" else _attribute(attrs, "units") or _attribute(attrs, "unit")
        return _number_axis(name, title, array, _UNIT_NAMES.get(unit.strip(), unit.strip()))
    return Axis(name, size, "label", title, "", Uniform(-0.5, 1.0, size), array)


def _time_axis(name: str, title: str, array: npt.NDArray[Any]) -> Axis:
    edges = edges_of(_milliseconds(array), alone=1000.0)
    if edges is None:
        return Axis(name, len(array), "index", title, "", Uniform(-0.5, 1.0, len(array)), array)
    return Axis(name, len(array), "time", title, "UTC", edges, array)


def _number_axis(name: str, title: str, array: npt.NDArray[Any], unit: str) -> Axis:
    numbers = _numbers(array)
    turned = _unwrapped(numbers) if unit == "deg" else None
    wrap = 0.0 if turned is None else 360.0
    numbers = numbers if turned is None else turned
    factor, shown = display_unit(numbers, unit)
    edges = edges_of(numbers * factor)
    if edges is None:
        return Axis(name, len(array), "index", title, shown, Uniform(-0.5, 1.0, len(array)), array, factor, unit)
    return Axis(name, len(array), "number", title, shown, edges, array, factor, unit, wrap)


def edges_of(centres: Floats, alone: float = 1.0) -> Edges | None:
    """Edges half way between cell centres, or None where the centres don't run strictly one way or hold NaN.

    None too where they lie so close (or so far apart) that floating point has no room for edges. A single centre gets
    a cell of width ``alone``.
    """
    size = len(centres)
    if size == 0 or not np.isfinite(centres).all():
        return None
    if size == 1:
        return Uniform(float(centres[0]) - alone / 2, alone, 1) if abs(centres[0]) < alone / 2**-50 else None
    with np.errstate(over="ignore", invalid="ignore"):
        return _even(centres) or _uneven(centres) if _one_way(centres) else None


def _one_way(centres: Floats) -> bool:
    """Whether numbers run strictly up or strictly down, further apart than rounding reaches."""
    larger = np.maximum(np.abs(centres[:-1]), np.abs(centres[1:]))
    with np.errstate(over="ignore", invalid="ignore"):
        steps, grain = np.diff(centres), TELLING * np.spacing(larger)
    return bool((steps >= grain).all() or (-steps >= grain).all())


def _even(centres: Floats) -> Uniform | None:
    size = len(centres)
    step = float(centres[-1] - centres[0]) / (size - 1)
    off = np.abs(centres - (centres[0] + step * np.arange(size))).max()
    rounding = np.spacing(np.abs(centres).max())
    return Uniform(float(centres[0]) - step / 2, step, size) if off <= max(UNEVEN * abs(step), rounding) else None


def _uneven(centres: Floats) -> Table | None:
    steps = np.diff(centres)
    edges = np.concatenate([[centres[0] - steps[0] / 2], centres[:-1] + steps / 2, [centres[-1] + steps[-1] / 2]])
    return Table(edges) if np.isfinite(edges).all() else None


def display_unit(numbers: Floats, unit: str) -> tuple[float, str]:
    """Factor and unit that bring numbers to between 1 and 1000: 1.42e9 Hz is shown as 1.42 GHz."""
    finite = np.abs(numbers[np.isfinite(numbers)])
    if unit not in _PREFIXED or finite.size == 0 or finite.max() == 0:
        return 1.0, unit
    largest = float(finite.max())
    prefixes = ((1e3, "k"), (1.0, "")) if unit == "m/s" else _PREFIXES
    for scale, prefix in prefixes:
        if largest >= scale:
            return _inverse(scale), prefix + unit
    return _inverse(prefixes[-1][0]), prefixes[-1][1] + unit


def _inverse(scale: float) -> float:
    return 1.0 / scale if scale > 1 else float(round(1.0 / scale))  # 1 / 1e-9 is not quite 1e9


def _numbers(array: npt.NDArray[Any]) -> Floats:
    return _seconds(array) if array.dtype.kind == "m" else array.astype(float)


def _seconds(array: npt.NDArray[Any]) -> Floats:
    return np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "ns") / 1e9)


def _milliseconds(array: npt.NDArray[Any]) -> Floats:
    """Milliseconds since 1970 of datetime64 of any unit; NaN where there is no time."""
    return np.where(np.isnat(array), np.nan, (array - np.datetime64(0, "ms")) / _MS)


def _unwrapped(numbers: Floats) -> Floats | None:
    """Degrees going on past a full turn, where they run one way but for a single jump of about one; else None."""
    if len(numbers) < 3 or not np.isfinite(numbers).all() or _one_way(numbers):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        jumps = int((np.abs(np.diff(numbers)) > 180).sum())
        turned = np.unwrap(numbers, period=360.0)
    if jumps != 1 or not np.isfinite(turned).all():
        return None
    return turned if _one_way(turned) else None


def _attribute(attrs: dict[str, Any], name: str) -> str:
    """An attribute, which may be of any type, as text."""
    value = attrs.get(name)
    return "" if value is None else str(value)


def _title(name: str, attrs: dict[str, Any]) -> str:
    title = _attribute(attrs, "long_name") or name.replace("_", " ")
    return title if len(title) < 2 or title.isupper() else title[0].upper() + title[1:]
