"""Info: what a source holds, as a person or a script wants to know it before opening a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from skydeck.core.axis import axis_of
from skydeck.core.cancel import Check, never
from skydeck.jobs.statistics import Progress, Statistics, chunks_of, dataset_statistics
from skydeck.sky.angle import decimal, dms, hms
from skydeck.sky.wcs import Celestial, celestial_of, why_not
from skydeck.sources import errors_of, list_choices, open_source, redact

COORDINATE_CELLS = 16_000_000  # longer coordinates are told by their ends only
MAX_LABELS = 16
MAX_ATTRIBUTES = 40
MAX_TEXT = 200
_HEADERS = frozenset({"fits_wcs_header", "header", "wcs_dims"})


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One coordinate. ``low`` and ``high`` are in ``units``, None for text and times; ``text`` says its range."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    units: str
    low: float | int | None
    high: float | int | None
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """One data variable; ``chunks`` is () where the storage has none, ``bytes`` counts it unpacked in memory."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    units: str
    chunks: tuple[int, ...]
    bytes: int
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class Sky:
    """Where the picture lies: its centre in ``frame`` (degrees, NaN off the sphere), arcseconds a pixel by ``dims``."""

    frame: str
    projection: str
    dims: tuple[str, ...]
    lon: float
    lat: float
    centre: str
    arcsec_per_pixel: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Info:
    """What a source holds; ``bytes`` counts all data variables unpacked in memory.

    ``choices`` are the HDUs, groups or observations (name, description) one may ask for instead.
    """

    location: str
    sizes: dict[str, int]
    coordinates: tuple[Coordinate, ...]
    variables: tuple[Variable, ...]
    sky: Sky | None
    sky_problem: str
    attributes: dict[str, str | int | float | bool]
    bytes: int
    choices: tuple[tuple[str, str], ...] = ()


def source_info(
    location: str,
    options: Mapping[str, str] | None = None,
    *,
    detailed: bool = False,
    progress: Progress | None = None,
    cancelled: Check = never,
) -> Info:
    """Open a source and tell what it holds; ``detailed`` also reads every number of it, in bounded memory.

    Raises SourceError and its kinds as the reader does.
    """
    with errors_of(location):
        dataset = open_source(location, dict(options or {}))
    try:
        with errors_of(location, opened=True):
            found = dataset_statistics(dataset, progress=progress, cancelled=cancelled) if detailed else {}
            choices = tuple((str(name), str(text)) for name, text in list_choices(location))
            return replace(dataset_info(dataset, location, found), choices=choices)
    finally:
        dataset.close()


def dataset_info(dataset: xr.Dataset, location: str, statistics: Mapping[str, Statistics] | None = None) -> Info:
    """What an open Dataset in Skydeck's conventions holds."""
    found = statistics or {}
    header = str(dataset.attrs.get("fits_wcs_header", ""))
    celestial = celestial_of(header) if header else None
    return Info(
        location=redact(location),
        sizes={str(dim): int(size) for dim, size in dataset.sizes.items()},
        coordinates=tuple(_coordinate(str(name), data) for name, data in dataset.coords.items()),
        variables=tuple(_variable(str(name), data, found.get(str(name))) for name, data in dataset.data_vars.items()),
        sky=_sky(celestial, dataset) if celestial is not None else None,
        sky_problem=why_not(header) if header and celestial is None else str(dataset.attrs.get("wcs_problem", "")),
        attributes=_attributes(dataset.attrs),
        bytes=sum(int(data.nbytes) for data in dataset.data_vars.values()),
    )


def info_json(info: Info) -> dict[str, Any]:
    """The same as strict JSON holds it: NaN and infinities are null, tuples lists."""
    plain: dict[str, Any] = strict(asdict(info))
    return plain


def strict(value: Any) -> Any:
    """A value as strict JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _variable(name: str, data: xr.DataArray, statistics: Statistics | None) -> Variable:
    chunks = chunks_of(data)
    return Variable(
        name,
        _dims(data),
        data.shape,
        _dtype(data),
        _units(data),
        () if set(chunks) <= {1} else chunks,
        int(data.nbytes),
        statistics,
    )


def _coordinate(name: str, data: xr.DataArray) -> Coordinate:
    low, high = _extremes(data)
    return Coordinate(name, _dims(data), data.shape, _dtype(data), _units(data), low, high, _range_text(name, data))


def _extremes(data: xr.DataArray) -> tuple[float | int | None, float | int | None]:
    if data.dtype.kind not in "biuf" or not 0 < data.size <= COORDINATE_CELLS:
        return None, None
    values = data.values[np.isfinite(data.values)]
    if values.size == 0:
        return None, None
    return values.min().item(), values.max().item()


def _range_text(name: str, data: xr.DataArray) -> str:
    """First and last value as an axis writes them; all labels where they are few."""
    if data.size == 0:
        return "no values"
    if data.ndim > 1:
        low, high = _extremes(data)
        return "" if low is None else f"{low:g} to {high:g} {_units(data)}".rstrip()
    if data.dtype.kind not in "biufmM" and data.size <= MAX_LABELS:
        return ", ".join(str(value) for value in np.atleast_1d(data.values))
    values = data.values if data.size <= COORDINATE_CELLS else data[[0, -1]].values
    axis = axis_of(name, np.size(values), np.atleast_1d(values), dict(data.attrs))
    first, last = axis.text(0), axis.text(axis.size - 1)
    return first if axis.size == 1 else f"{first} to {last}"


def _sky(celestial: Celestial, dataset: xr.Dataset) -> Sky:
    dims = tuple(str(dataset.attrs.get("wcs_dims", "x y")).split())
    sizes = [dataset.sizes.get(dim, 1) for dim in dims]
    lon, lat = celestial.world(*((size - 1) / 2 for size in sizes[:2]))
    along_x, along_y = (3600 * scale for scale in celestial.scale)
    return Sky(
        celestial.frame,
        _projection(celestial.header),
        dims,
        float(lon),
        float(lat),
        _centre(celestial, float(lon), float(lat)),
        (along_x, along_y),
    )


def _centre(celestial: Celestial, lon: float, lat: float) -> str:
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "outside the sphere"
    names, precision = celestial.names, min(celestial.scale)
    if names[0] == "RA":
        return f"{names[0]} {hms(lon, precision)}, {names[1]} {dms(lat, precision)}"
    return f"{names[0]} {decimal(lon, precision, wrap=True)}, {names[1]} {decimal(lat, precision)}"


def _projection(header: str) -> str:
    """The three letters of CTYPE1, such as TAN."""
    for card in header.splitlines():
        if card.startswith("CTYPE1"):
            return card.split("'")[1].strip()[5:8]
    return ""


def _attributes(attrs: Mapping[Any, Any]) -> dict[str, str | int | float | bool]:
    """Short attributes, without headers and without the secrets of URLs."""
    found: dict[str, str | int | float | bool] = {}
    for key, value in attrs.items():
        plain = value.item() if isinstance(value, np.generic) else value
        if str(key) in _HEADERS or not isinstance(plain, str | int | float) or len(found) >= MAX_ATTRIBUTES:
            continue
        found[str(key)] = redact(plain[:MAX_TEXT]) if isinstance(plain, str) else plain
    return found


def _dims(data: xr.DataArray) -> tuple[str, ...]:
    return tuple(str(dim) for dim in data.dims)


def _dtype(data: xr.DataArray) -> str:
    return "text" if data.dtype.kind in "UTS" else str(data.dtype)


def _units(data: xr.DataArray) -> str:
    return str(data.attrs.get("units", data.attrs.get("unit", "")) or "")[:MAX_TEXT]
