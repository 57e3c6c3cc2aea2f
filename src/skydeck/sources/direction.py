"""Direction: a celestial FITS header made of what a store says about its pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from skydeck.sources.failure import errors_of

_CTYPES = {"galactic": ("GLON", "GLAT"), "gal": ("GLON", "GLAT"), "ecliptic": ("ELON", "ELAT")}
_RADESYS = {"fk5": "FK5", "j2000": "FK5", "fk4": "FK4", "b1950": "FK4", "icrs": "ICRS"}


@dataclass(frozen=True, slots=True)
class Direction:
    """A projected pixel grid: angles in degrees, ``reference_pixel`` counted from 1 as FITS does, first axis first."""

    reference: tuple[float, float]
    step: tuple[float, float]
    reference_pixel: tuple[float, float]
    size: tuple[int, int]
    projection: str = "SIN"
    frame: str = "icrs"
    matrix: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    pole: tuple[float, float] | None = None
    parameters: tuple[float, ...] = ()


def header_text(direction: Direction) -> str:
    """A two-axis FITS header, cards joined by newlines (Calabretta & Greisen 2002, A&A 395, 1077)."""
    from astropy.io import fits  # 0.3 s: on use

    header = fits.Header()
    header["NAXIS"] = 2
    names = _CTYPES.get(direction.frame.lower(), ("RA--", "DEC-"))
    for axis in (0, 1):
        number = axis + 1
        header[f"NAXIS{number}"] = direction.size[axis]
        header[f"CTYPE{number}"] = f"{names[axis]}-{direction.projection}"
        header[f"CUNIT{number}"] = "deg"
        header[f"CRVAL{number}"] = direction.reference[axis]
        header[f"CDELT{number}"] = direction.step[axis]
        header[f"CRPIX{number}"] = direction.reference_pixel[axis]
    _frame_cards(header, direction)
    return str(header.tostring(sep="\n"))


def _frame_cards(header: Any, direction: Direction) -> None:
    if names := _RADESYS.get(direction.frame.lower()):
        header["RADESYS"] = names
        if names != "ICRS":
            header["EQUINOX"] = 2000.0 if names == "FK5" else 1950.0
    if direction.matrix != ((1.0, 0.0), (0.0, 1.0)):
        for row in (0, 1):
            for column in (0, 1):
                header[f"PC{row + 1}_{column + 1}"] = direction.matrix[row][column]
    if direction.pole is not None:
        header["LONPOLE"], header["LATPOLE"] = direction.pole
    for index, value in enumerate(direction.parameters, 1):
        if value:
            header[f"PV2_{index}"] = value


def with_header(dataset: xr.Dataset, text: str, dims: tuple[str, str]) -> xr.Dataset:
    """The dataset saying that ``dims`` are the celestial axes of a header, first FITS axis first."""
    dataset.attrs["fits_wcs_header"] = text
    dataset.attrs["wcs_dims"] = " ".join(dims)
    return dataset


def celestial_header(text: str, location: str) -> str:
    """The two celestial axes of a stored header, cards joined by newlines; "" where it has none.

    The text may be cards of 80 characters in a row or lines.
    """
    from astropy.io import fits
    from astropy.wcs import WCS

    from skydeck.sources.quiet import noted

    with errors_of(location), noted():
        separator = "\n" if "\n" in text else ""
        celestial = WCS(fits.Header.fromstring(text, sep=separator)).celestial
        return str(celestial.to_header().tostring(sep="\n")) if celestial.naxis == 2 else ""


def xradio_direction(info: Mapping[str, Any], dataset: xr.Dataset) -> Direction | None:
    """The pixel grid of an XRADIO image, or None where it isn't described fully.

    ``info`` is its attribute ``coordinate_system_info`` (or ``direction`` of older ones): angles in radians unless
    units say otherwise. ``l`` and ``m`` are the projection plane's coordinates in radians, linear in the pixel (AIPS
    memo 27).
    """
    reference = info.get("reference_direction") or info.get("reference")
    angles = _angles(reference)
    if angles is None or not {"l", "m"} <= set(dataset.coords):
        return None
    grid = [_linear(dataset["l"].values), _linear(dataset["m"].values)]
    if grid[0] is None or grid[1] is None:
        return None
    (step_l, pixel_l), (step_m, pixel_m) = grid[0], grid[1]
    return Direction(
        reference=angles,
        step=(math.degrees(step_l), math.degrees(step_m)),
        reference_pixel=(pixel_l, pixel_m),
        size=(dataset.sizes["l"], dataset.sizes["m"]),
        projection=str(info.get("projection") or "SIN")[:3].upper(),
        frame=_frame(reference),
        matrix=_matrix(info.get("pixel_coordinate_transformation_matrix", info.get("pc"))),
        pole=_angles(info.get("native_pole_direction")),
        parameters=tuple(float(value) for value in info.get("projection_parameters") or ()),
    )


def _angles(described: Any) -> tuple[float, float] | None:
    """Two angles of an XRADIO direction, degrees."""
    if not isinstance(described, Mapping) or len(described.get("data") or ()) != 2:
        return None
    units = _attribute(described, "units") or "rad"
    unit = str(units[0] if isinstance(units, list) else units)
    first, second = (float(value) for value in described["data"])
    return (first, second) if unit.startswith("deg") else (math.degrees(first), math.degrees(second))


def _attribute(described: Mapping[str, Any], name: str) -> Any:
    attrs = described.get("attrs")
    return (attrs.get(name) if isinstance(attrs, Mapping) else None) or described.get(name)


def _frame(described: Any) -> str:
    return str(_attribute(described, "frame") or "icrs") if isinstance(described, Mapping) else "icrs"


def _linear(values: Any) -> tuple[float, float] | None:
    """Step and reference pixel (counted from 1) of evenly spaced values, or None."""
    if len(values) < 2 or values.dtype.kind not in "iuf" or values[-1] == values[0]:
        return None
    step = float(values[-1] - values[0]) / (len(values) - 1)
    return (step, 1.0 - float(values[0]) / step) if math.isfinite(step) else None


def _matrix(rows: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (a, b), (c, d) = rows
        return ((float(a), float(b)), (float(c), float(d)))
    except (TypeError, ValueError):
        return ((1.0, 0.0), (0.0, 1.0))
