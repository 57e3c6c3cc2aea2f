"""Beam: how many pixels a telescope's beam covers, and the flux of a sum over pixels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from skydeck.core.errors import SourceError
from skydeck.sky.cards import cards, lines, number

BOLTZMANN = 1.380649e-23  # J/K, exact (SI 2019)
LIGHT = 299792458.0  # m/s, exact
JANSKY = 1e-26  # W m⁻² Hz⁻¹

_WANTED = re.compile(r"BMAJ|BMIN|BPA")
_AIPS = re.compile(r"BMAJ *= *([0-9.eEdD+-]+) +BMIN *= *([0-9.eEdD+-]+)(?: +BPA *= *([0-9.eEdD+-]+))?")
_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "k": 1e3}
_PER_BEAM = re.compile(r"([munkµμ]?)jy(?:/|\.| )*(?:beam|bm)(?:\^?-1)?", re.IGNORECASE)
_PER_PIXEL = re.compile(r"([munkµμ]?)jy(?:(?:/|\.| )*(?:pixel|pix)(?:\^?-1)?)", re.IGNORECASE)
_KELVIN = re.compile(r"(m?)(?:K|(?i:kelvin))(?: *\([^)]*\))?")


@dataclass(frozen=True, slots=True)
class Beam:
    """Full widths at half maximum and position angle (north through east), degrees."""

    major: float
    minor: float
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Flux:
    """A flux density in Jy and how it was made of the sum, for people to read."""

    jansky: float
    how: str


def beam_of(header_text: str) -> Beam | None:
    """The beam of FITS header text: BMAJ, BMIN, BPA in degrees, or the last AIPS history line that names them.

    None where there is none, where it isn't positive, or where a table of beams (CASA) holds one a channel.
    """
    try:
        found = cards(header_text, _WANTED)
        numbers = [number(found.get(key), math.nan) for key in ("BMAJ", "BMIN", "BPA")]
        if math.isnan(numbers[0]):
            numbers = _aips_beam(header_text)
    except SourceError:
        return None
    major, minor, angle = numbers
    if math.isnan(minor) and "BMIN" not in found:
        minor = major
    return Beam(major, minor, 0.0 if math.isnan(angle) else angle) if major > 0 and minor > 0 else None


def beam_pixels(bmaj: float, bmin: float, cell_x_deg: float, cell_y_deg: float) -> float:
    """Pixels a Gaussian beam covers: π / (4 ln 2) · bmaj · bmin / |dx · dy|, all in degrees.

    The integral of an elliptical Gaussian of height 1 and these widths at half height, over the area of a pixel.
    Raises ValueError for a pixel without area.
    """
    area = abs(cell_x_deg * cell_y_deg)
    if not area > 0:
        raise ValueError(f"A pixel of {cell_x_deg} by {cell_y_deg} degrees has no area")
    return math.pi / (4.0 * math.log(2.0)) * bmaj * bmin / area


def flux(sum_jy_per_beam: float, pixels_per_beam: float) -> float:
    """Flux density in Jy of a sum over pixels in Jy/beam: each beam's worth of pixels counts once."""
    return sum_jy_per_beam / pixels_per_beam


def kelvin_flux(sum_kelvin: float, frequency_hz: float, cell_x_deg: float, cell_y_deg: float) -> float:
    """Flux density in Jy of a sum over pixels of brightness temperature: S = 2 k ν² / c² · Σ T · Ω of a pixel.

    The Rayleigh-Jeans law summed over solid angle: Condon & Ransom, Essential Radio Astronomy, chapter 2. The beam
    doesn't matter.
    """
    pixel = math.radians(abs(cell_x_deg)) * math.radians(abs(cell_y_deg))
    return 2.0 * BOLTZMANN * (frequency_hz / LIGHT) ** 2 * sum_kelvin * pixel / JANSKY


def flux_of(
    total: float,
    unit: str,
    cell_deg: tuple[float, float],
    beam: Beam | None = None,
    frequency_hz: float | None = None,
) -> Flux | None:
    """The flux density of a sum over pixels whose values are in ``unit`` (BUNIT), or None where it has none.

    Jy/beam (any spelling, with m, u, n or k) needs the beam, K the frequency, Jy/pixel neither. An all-capitals
    MJY/BEAM may mean milli or mega, and so means nothing here.
    """
    unit = unit.strip()
    if (match := _PER_BEAM.fullmatch(unit)) and beam is not None and _prefix(match[1], unit):
        per_beam = beam_pixels(beam.major, beam.minor, *cell_deg)
        return Flux(flux(total * _prefix(match[1], unit), per_beam), f"sum / {per_beam:.4g} pixels a beam")
    if (match := _PER_PIXEL.fullmatch(unit)) and _prefix(match[1], unit):
        return Flux(total * _prefix(match[1], unit), "sum of Jy/pixel")
    if (match := _KELVIN.fullmatch(unit)) and frequency_hz and frequency_hz > 0:
        milli = 1e-3 if match[1] else 1.0
        what = f"Rayleigh-Jeans at {frequency_hz / 1e9:.6g} GHz"
        return Flux(kelvin_flux(total * milli, frequency_hz, *cell_deg), what)
    return None


def _prefix(letter: str, unit: str) -> float:
    """The factor of a unit's prefix, or 0 where it can't be told."""
    if letter == "M":
        return 0.0 if unit == unit.upper() else 1e6
    return _PREFIXES.get(letter) or _PREFIXES[letter.lower()]


def _aips_beam(header_text: str) -> list[float]:
    found = [math.nan] * 3
    for line in lines(header_text):
        match = _AIPS.search(line) if line.startswith("HISTORY") else None
        if match:
            found = [number((word or "").replace("D", "E"), math.nan) for word in match.groups()]
    return found
