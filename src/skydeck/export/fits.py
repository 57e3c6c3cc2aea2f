"""FITS: a cut-out as a FITS file whose pixels lie where they lay in the cube."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.errors import RequestError
from skydeck.export.cutout import MAX_BYTES, STEP, celestial_dims, check_size
from skydeck.sky.cards import cards
from skydeck.sky.clock import MJD_OF_1970
from skydeck.sky.wcs import Celestial

Array = npt.NDArray[Any]
Card = tuple[str, Any, str]

EVEN = 1e-4  # a coordinate is written as linear while no value is off by more than this part of a step
STOKES = {
    "I": 1,
    "Q": 2,
    "U": 3,
    "V": 4,
    "RR": -1,
    "LL": -2,
    "RL": -3,
    "LR": -4,
    "XX": -5,
    "YY": -6,
    "XY": -7,
    "YX": -8,
}
_TYPES = {"frequency": "FREQ", "wavelength": "WAVE", "velocity": "VELO", "time": "TIME", "stokes": "STOKES"}
_KEPT = re.compile(
    r"OBJECT|TELESCOP|INSTRUME|OBSERVER|DATE-OBS|MJD-OBS|RESTFRQ|RESTFREQ|RESTWAV|SPECSYS|VELREF|BMAJ|BMIN|BPA|CTYPE\d"
)


def fits_bytes(ds_cut: xr.Dataset, variable: str, limit: int = MAX_BYTES) -> bytes:
    """A FITS file of one variable: celestial axes first, then the others in the variable's order reversed.

    Even numeric coordinates and Stokes labels become linear axes. Any other coordinate gets a pixel axis and a table of
    its values in an extension named after it. Complex data become the primary image (real) and an extension IMAGINARY.
    NaN stays NaN. Raises TooBig above ``limit`` bytes before reading, RequestError for data FITS can't hold (text,
    objects).
    """
    from astropy.io.fits import HDUList, ImageHDU, PrimaryHDU

    if variable not in ds_cut.data_vars:
        raise RequestError(f"There is no variable '{variable}'", expected=", ".join(map(str, ds_cut.data_vars)))
    array = ds_cut[variable]
    check_size(array, limit)
    celestial, dims = celestial_dims(ds_cut)
    celestial = celestial if set(dims) <= set(array.dims) else None
    order = _order(array, dims if celestial is not None else None)
    header = _header(ds_cut, array, celestial, order)
    data = np.asarray(array.transpose(*reversed(order)).values)
    planes = _planes(data)
    hdus = [PrimaryHDU(planes[0], header), *(ImageHDU(plane, header, name="IMAGINARY") for plane in planes[1:])]
    buffer = io.BytesIO()
    HDUList([*hdus, *_tables(ds_cut, order)]).writeto(buffer, output_verify="exception")
    return buffer.getvalue()


def _order(array: xr.DataArray, dims: tuple[str, str] | None) -> list[str]:
    """Dimensions in FITS axis order."""
    names = [str(dim) for dim in reversed(array.dims)]
    return names if dims is None else [*dims, *(name for name in names if name not in dims)]


def _planes(data: Array) -> list[Array]:
    """Arrays of types FITS has; complex as real and imaginary."""
    kind, size = data.dtype.kind, data.dtype.itemsize
    if kind == "c":
        return [_planes(data.real)[0], _planes(data.imag)[0]]
    if kind == "b":
        return [data.astype(np.uint8)]
    if kind == "f":
        return [np.ascontiguousarray(data, dtype=np.float32 if size <= 4 else np.float64)]
    if kind in "iu":
        return [np.ascontiguousarray(data)]
    if kind == "m":
        return [np.where(np.isnat(data), np.nan, data / np.timedelta64(1, "s"))]
    raise RequestError(f"FITS images can't hold {data.dtype} data", expected="numbers", remedy="Save it as Zarr")


def _header(ds: xr.Dataset, array: xr.DataArray, celestial: Celestial | None, order: list[str]) -> Any:
    from astropy.io.fits import Header

    original = _original(ds)
    header = Header()
    unit = _ascii(array.attrs.get("units", ""))
    if unit:
        header["BUNIT"] = unit
    header.extend((key, value) for key, value in original.items() if not key.startswith("CTYPE"))
    header["WCSAXES"] = len(order)
    if celestial is not None:
        cards_of_sky = Header.fromstring(celestial.header, sep="\n").cards
        header.extend(card for card in cards_of_sky if not card.keyword.startswith("NAXIS"))
    for axis, dim in enumerate(order, start=1):
        if celestial is None or axis > 2:
            for key, value, comment in _axis_cards(ds, array, dim, original):
                header[f"{key}{axis}"] = (value, comment)
    if any(ds[dim].dtype.kind == "M" for dim in order if dim in ds.coords):
        header.extend([("TIMESYS", "UTC"), ("MJDREF", float(MJD_OF_1970)), ("DATEREF", "1970-01-01")])
    header["ORIGIN"] = ("Skydeck", "cut out of a larger cube")
    return header


def _original(ds: xr.Dataset) -> dict[str, Any]:
    """Cards of the source's own header that stay true of a piece of it."""
    text = ds.attrs.get("header")
    found = cards(text, _KEPT) if isinstance(text, str) else {}
    return {key: _ascii(value) if isinstance(value, str) else value for key, value in found.items()}


def _axis_cards(ds: xr.Dataset, array: xr.DataArray, dim: str, original: dict[str, Any]) -> Iterator[Card]:
    """CTYPE, CRPIX, CRVAL, CDELT and CUNIT of an axis without sky."""
    values, unit = _numbers(ds, dim)
    linear = None if values is None else _linear(values, ds[dim].attrs.get(STEP))
    if linear is None:
        yield from (("CTYPE", _ascii(dim).upper()[:8], "by pixel"), ("CRPIX", 1.0, ""), ("CRVAL", 1.0, ""))
        yield "CDELT", 1.0, "" if dim not in ds.coords else f"values: extension {_extension(dim)}"
        return
    yield "CTYPE", _type(dim, original), ""
    yield from (("CRPIX", 1.0, ""), ("CRVAL", linear[0], ""), ("CDELT", linear[1], ""))
    if _is_fits_unit(unit):
        yield "CUNIT", unit, "since 1970-01-01T00:00:00 UTC" if ds[dim].dtype.kind == "M" else ""


def _is_fits_unit(unit: str) -> bool:
    """Whether readers will understand a CUNIT; many refuse the whole header for one they don't."""
    from astropy.units import Unit

    try:
        return bool(unit) and bool(Unit(unit, format="fits"))
    except (ValueError, TypeError):
        return False


def _numbers(ds: xr.Dataset, dim: str) -> tuple[npt.NDArray[np.float64] | None, str]:
    """A coordinate as numbers and their unit; None where it isn't any."""
    if dim not in ds.coords:
        return None, ""
    values = ds[dim].values
    if values.dtype.kind in "fiu":
        return values.astype(float), _ascii(ds[dim].attrs.get("units", ""))
    if values.dtype.kind == "M":
        return values.astype("datetime64[ns]").astype(np.int64) / 1e9, "s"
    codes = [STOKES.get(str(value).strip().upper()) for value in values.ravel()] if dim == "stokes" else [None]
    return (None if None in codes else np.array(codes, dtype=float)), ""


def _linear(values: npt.NDArray[np.float64], step: Any) -> tuple[float, float] | None:
    """First value and step of an even coordinate, or None."""
    if len(values) == 1:
        usable = isinstance(step, int | float) and np.isfinite(step) and step != 0
        return (float(values[0]), float(step) if usable else 1.0) if np.isfinite(values[0]) else None
    found = float(values[-1] - values[0]) / (len(values) - 1)
    if not np.isfinite(values).all() or found == 0:
        return None
    even = values[0] + found * np.arange(len(values))
    return (float(values[0]), found) if np.abs(values - even).max() <= EVEN * abs(found) else None


def _type(dim: str, original: dict[str, Any]) -> str:
    """CTYPE of a dimension, the source's own word where velocity may be radio or optical."""
    if dim == "velocity":
        for key, value in original.items():
            if key.startswith("CTYPE") and str(value)[:4] in ("VRAD", "VOPT", "VELO", "FELO"):
                return str(value)
    return _TYPES.get(dim, _ascii(dim).upper()[:8])


def _tables(ds: xr.Dataset, order: list[str]) -> Iterator[Any]:
    """A table for each coordinate that no linear axis can hold."""
    from astropy.io.fits import BinTableHDU, Column

    for dim in order:
        if dim not in ds.coords:
            continue
        values, unit = _numbers(ds, dim)
        if values is not None and _linear(values, ds[dim].attrs.get(STEP)) is not None:
            continue
        texts = [_ascii(value) for value in ds[dim].values.ravel()]
        width = max(1, *(len(text) for text in texts))
        column = (
            Column(_ascii(dim), f"{width}A", array=np.array(texts))
            if values is None or ds[dim].dtype.kind == "M"
            else Column(_ascii(dim), "D", unit=unit or None, array=values)
        )
        yield BinTableHDU.from_columns([column], name=_extension(dim))


def _extension(dim: str) -> str:
    return f"AXIS_{_ascii(dim).upper()}"[:60]


def _ascii(text: Any) -> str:
    """Text as FITS cards can hold it."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in str(text))[:60]
