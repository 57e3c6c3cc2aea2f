"""Angles as texts: hours and degrees with as many digits as the pixels deserve, and never 60 seconds."""

from __future__ import annotations

import math

MAX_DECIMALS = 9


def hms(deg: float, precision_deg: float = 1 / 36000) -> str:
    """A right ascension in degrees as ``03h25m38.9s``, wrapped into a day; empty for NaN.

    Digits end where ``precision_deg`` (degrees) makes them meaningless; whole minutes or hours where it is that coarse.
    """
    if not math.isfinite(deg):
        return ""
    return "".join(_fields(deg / 15.0, precision_deg / 15.0, "hms", 24))


def dms(deg: float, precision_deg: float = 1 / 36000) -> str:
    """A latitude or an angle in degrees as ``+30°44′05.4″``; empty for NaN. Digits as in :func:`hms`."""
    if not math.isfinite(deg):
        return ""
    return "".join(_fields(deg, precision_deg, "°′″", 0, signed=True))


def decimal(deg: float, precision_deg: float = 1e-5, *, wrap: bool = False) -> str:
    """An angle as ``158.0688°``; ``wrap`` brings it into 0 to 360. Empty for NaN."""
    if not math.isfinite(deg):
        return ""
    digits = _decimals(precision_deg)
    rounded = round(deg % 360.0 if wrap else deg, digits) + 0.0
    return f"{rounded % 360.0 if wrap else rounded:.{digits}f}°"


def hms_fields(deg: float, precision_deg: float) -> tuple[str, ...]:
    """:func:`hms` field by field: ``("03h", "25m", "38.9s")``."""
    return _fields(deg / 15.0, precision_deg / 15.0, "hms", 24)


def dms_fields(deg: float, precision_deg: float) -> tuple[str, ...]:
    """:func:`dms` field by field: ``("+30°", "44′", "05.4″")``."""
    return _fields(deg, precision_deg, "°′″", 0, signed=True)


def _fields(value: float, precision: float, marks: str, wrap: int, *, signed: bool = False) -> tuple[str, ...]:
    """The sexagesimal fields of ``value``, rounded as whole units of the last digit so that nothing rounds up to 60."""
    seconds = 3600.0 * abs(precision)
    parts = 1 if seconds >= 3600 else 2 if seconds >= 60 else 3
    decimals = _decimals(seconds) if parts == 3 else 0
    unit = 60 ** (parts - 1) * 10**decimals
    count = round(abs(value) * unit) * (-1 if value < 0 else 1)
    if wrap:
        count %= wrap * unit
    sign = ("-" if count < 0 else "+") if signed else ""
    whole, rest = divmod(abs(count), unit)
    fields = [f"{sign}{whole:02d}{marks[0]}"]
    if parts > 1:
        minutes, rest = divmod(rest, unit // 60)
        fields.append(f"{minutes:02d}{marks[1]}")
    if parts > 2:
        fields.append(f"{_with_point(rest, decimals)}{marks[2]}")
    return tuple(fields)


def _with_point(count: int, decimals: int) -> str:
    whole, fraction = divmod(count, 10**decimals)
    return f"{whole:02d}.{fraction:0{decimals}d}" if decimals else f"{whole:02d}"


def _decimals(precision: float) -> int:
    """Digits behind the point that tell values ``precision`` apart."""
    if not (precision > 0 and math.isfinite(precision)):
        return MAX_DECIMALS
    return min(MAX_DECIMALS, max(0, math.ceil(-math.log10(precision) - 1e-9)))
