"""Spectral axes: frequency, velocity, wavelength and their kin, in SI units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from skydeck.core.errors import SourceError
from skydeck.sources.fits_header import astropy_at_work, number, text

if TYPE_CHECKING:
    import numpy.typing as npt

    from skydeck.sources.fits_wcs import World


class Spectral(NamedTuple):
    """What a spectral axis type is called, its SI unit and what it is in words."""

    name: str
    unit: str
    title: str


# FITS standard 4.0, table 25; FELO is the AIPS convention; the long names are what some programs write.
SPECTRAL = {
    "FREQ": Spectral("frequency", "Hz", "frequency"),
    "ENER": Spectral("energy", "J", "photon energy"),
    "WAVN": Spectral("wavenumber", "1/m", "wavenumber"),
    "VRAD": Spectral("velocity", "m/s", "radio velocity"),
    "WAVE": Spectral("wavelength", "m", "wavelength"),
    "VOPT": Spectral("velocity", "m/s", "optical velocity"),
    "ZOPT": Spectral("redshift", "", "redshift"),
    "AWAV": Spectral("wavelength", "m", "wavelength in air"),
    "VELO": Spectral("velocity", "m/s", "velocity"),
    "FELO": Spectral("velocity", "m/s", "optical velocity"),
    "BETA": Spectral("beta", "", "velocity / c"),
    "LAMB": Spectral("wavelength", "m", "wavelength"),
}
_LONG = {"FREQUENC": "FREQ", "FREQUENCY": "FREQ", "VELOCITY": "VELO", "WAVELENG": "WAVE", "WAVELENGTH": "WAVE"}
_LONG |= {"LAMBDA": "LAMB", "ENERGY": "ENER"}


def spectral_kind(world: World, axis: int) -> str:
    """The key of SPECTRAL for an axis (1-based), or "" when it is none: VELO-LSR is VELO, VRAD when the WCS says so."""
    ctype = text(world.original, f"CTYPE{axis}").upper()
    if ctype in _LONG:
        return _LONG[ctype]
    head, _, tail = ctype.partition("-")
    return head if head in SPECTRAL and len(tail) <= 3 else ""


def spectral_variable(
    world: World, axis: int, name: str, size: int, linear: npt.NDArray[np.float64] | None, notes: list[str]
) -> xr.Variable | None:
    """The coordinate of a spectral axis, (size,) float64 in SI units; None, with a note, where it can't be told.

    Through wcslib where it knows the axis (algorithms such as -F2W, -LOG included), else ``linear`` with its unit.
    """
    kind = SPECTRAL[spectral_kind(world, axis)]
    values = None if axis in world.mended else _through_wcs(world, axis, size)
    unit = kind.unit
    if values is None and linear is not None and (size == 1 or _is_linear(world, axis)):
        values, unit = _to_si(linear, text(world.original, f"CUNIT{axis}"), kind.unit)
    if values is None or not np.isfinite(values).all():
        notes.append(f"The coordinates of the axis {name} can't be computed from the header")
        return None
    return xr.Variable((name,), values, _attributes(world, kind, unit))


def _attributes(world: World, kind: Spectral, unit: str) -> dict[str, str | float]:
    attributes: dict[str, str | float] = {"units": unit, "long_name": kind.title}
    rest = number(world.original, "RESTFRQ", number(world.original, "RESTFREQ"))
    if np.isfinite(rest) and rest > 0:
        attributes["rest_frequency"] = rest
    frame = text(world.original, "SPECSYS")
    if frame:
        attributes["frame"] = frame
    return attributes


def _is_linear(world: World, axis: int) -> bool:
    algorithm = text(world.original, f"CTYPE{axis}").upper().partition("-")[2]
    return re.fullmatch(r"LOG|TAB|GRI|GRA|[FWVA]2[FWVA]", algorithm) is None


def _through_wcs(world: World, axis: int, size: int) -> npt.NDArray[np.float64] | None:
    """What wcslib makes of the axis; None where it doesn't take it for a spectral one, or fails."""
    wcs = world.wcs
    if wcs is None or wcs.wcs.spec != axis - 1:
        return None
    try:
        with astropy_at_work("spectral axis"):
            pixels = np.tile(np.asarray(wcs.wcs.crpix, dtype=float) - 1, (size, 1))
            pixels[:, axis - 1] = np.arange(size)
            return np.asarray(wcs.wcs_pix2world(pixels, 0), dtype=float)[:, axis - 1]
    except SourceError:
        return None


def _to_si(values: npt.NDArray[np.float64], given: str, wanted: str) -> tuple[npt.NDArray[np.float64], str]:
    """Values in the wanted unit and that unit; as they are, with their own, where that can't be converted."""
    from astropy.units import Unit, UnitConversionError

    if not given:
        return values, wanted
    try:
        with astropy_at_work("unit"):
            return values * float(Unit(given).to(Unit(wanted))), wanted
    except (SourceError, UnitConversionError):
        return values, given
