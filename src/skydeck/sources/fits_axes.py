"""The axes of a FITS image: their names as dimensions, and their coordinates."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from skydeck.sources.fits_header import number, text
from skydeck.sources.fits_spectral import SPECTRAL, spectral_kind, spectral_variable
from skydeck.sources.fits_time import is_time, time_variable
from skydeck.sources.fits_wcs import World

if TYPE_CHECKING:
    import numpy.typing as npt
    from astropy.io.fits import Header

MAX_COORDINATE = 1 << 24  # cells of a coordinate that is made (128 MiB): a longer axis stays without

# FITS standard 4.0, table 29.
_STOKES = {
    1: "I",
    2: "Q",
    3: "U",
    4: "V",
    -1: "RR",
    -2: "LL",
    -3: "RL",
    -4: "LR",
    -5: "XX",
    -6: "YY",
    -7: "XY",
    -8: "YX",
}
_PLAIN = frozenset({"", "LINEAR", "PIXEL", "PIXELS", "NONE"})


def dimension_names(world: World, axes: int) -> tuple[str, ...]:
    """A name for each FITS axis (axis 1 first): x and y for the sky, frequency, time, stokes, ... ; all different."""
    names: list[str] = []
    for axis in range(1, axes + 1):
        name = _name(world, axis)
        later = (f"{name}_{count}" for count in itertools.count(2))
        names.append(name if name not in names else next(other for other in later if other not in names))
    return tuple(names)


def _name(world: World, axis: int) -> str:
    if world.celestial and axis in world.celestial:
        return "xy"[world.celestial.index(axis)]
    ctype = ctype_of(world, axis)
    kind = spectral_kind(world, axis)
    if kind:
        return SPECTRAL[kind].name
    if is_time(ctype):
        return "time"
    if ctype in _PLAIN:
        return "xy"[axis - 1] if axis <= 2 and not world.celestial else f"axis{axis}"
    clean = re.sub(r"[^0-9a-z]+", "_", ctype.lower()).strip("_")
    return clean if re.match(r"[a-z]", clean) and clean not in {"x", "y"} else f"axis{axis}"


def ctype_of(world: World, axis: int) -> str:
    """The axis type as the header has it, in capitals."""
    return text(world.original, f"CTYPE{axis}").upper()


def coordinates(
    world: World, names: tuple[str, ...], shape: tuple[int, ...], notes: list[str]
) -> dict[Hashable, xr.Variable]:
    """The coordinate variables of a FITS image; ``names`` and ``shape`` in FITS order (axis 1 first).

    Celestial axes and axes whose type or numbers aren't known have none.
    """
    found: dict[Hashable, xr.Variable] = {}
    for axis, (name, size) in enumerate(zip(names, shape, strict=True), start=1):
        if axis in (world.celestial or ()) or not ctype_of(world, axis):
            continue
        if size > MAX_COORDINATE:
            notes.append(f"The axis {name} has {size} cells, too many to give each its coordinate")
            continue
        variable = _coordinate(world, axis, name, size, notes)
        if variable is not None:
            found[name] = variable
    return found


def _coordinate(world: World, axis: int, name: str, size: int, notes: list[str]) -> xr.Variable | None:
    kind = spectral_kind(world, axis)
    linear = linear_values(world.original, axis, size)
    if kind:
        return spectral_variable(world, axis, name, size, linear, notes)
    if linear is None:
        notes.append(f"The axis {name} has no usable numbers in the header")
        return None
    ctype = ctype_of(world, axis)
    if ctype == "STOKES":
        return xr.Variable((name,), _labels(linear))
    if is_time(ctype):
        return time_variable(world.original, axis, name, linear, notes)
    units = text(world.original, f"CUNIT{axis}")
    return xr.Variable((name,), linear, {"units": units} if units else {})


def _labels(codes: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Names of Stokes codes; what is no code is shown as its number."""
    return np.array([_STOKES.get(round(code), f"{code:g}") if code == round(code) else f"{code:g}" for code in codes])


def linear_values(header: Header, axis: int, size: int) -> npt.NDArray[np.float64] | None:
    """CRVAL + increment × (pixel - CRPIX) for pixels 1 … size, the axis taken alone; None without usable numbers."""
    value, pixel = number(header, f"CRVAL{axis}", 0.0), number(header, f"CRPIX{axis}", 0.0)
    own = number(header, f"CD{axis}_{axis}", 0.0)
    step = own or number(header, f"CDELT{axis}", 1.0) * number(header, f"PC{axis}_{axis}", 1.0)
    if size == 1 and (step == 0 or not math.isfinite(step)):
        step = 0.0
    elif step == 0:
        return None
    if not all(map(math.isfinite, (value, pixel, step))):
        return None
    with np.errstate(all="ignore"):
        values = value + step * (np.arange(1, size + 1, dtype=float) - pixel)
    return values if np.isfinite(values).all() else None
