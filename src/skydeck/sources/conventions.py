"""Conventions: what stores of radio astronomy call their axes, as Skydeck's names, labels and times."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.errors import SourceError
from skydeck.sources.decode import with_notes
from skydeck.sources.direction import celestial_header, header_text, with_header, xradio_direction
from skydeck.sources.failure import brief

# FITS paper IV / AIPS memo 117, table 29: codes of the STOKES axis.
_CODES = {
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
LABELS = frozenset(_CODES.values())
_MJD = np.datetime64("1858-11-17T00:00:00", "ns")
_DAY = 86_400.0
_NS = 1_000_000_000


def conventional(dataset: xr.Dataset, location: str) -> xr.Dataset:
    """The same data with Skydeck's coordinates: images of XRADIO and the OVRO-LWA portal, QuartiCal's gains, others.

    Modified Julian dates become datetime64[ns] UTC, Stokes codes labels, and a celestial header is taken from where
    such stores keep it. What isn't recognised stays as it is.
    """
    dataset = _with_times(dataset)
    dataset = _with_labels(dataset)
    dataset = _with_units(dataset)
    return _with_celestial(dataset, location)


def _with_times(dataset: xr.Dataset) -> xr.Dataset:
    # Bare numbers are taken as dates only in what writes them so: images over l and m, and gain tables.
    image = {"l", "m"} <= set(dataset.sizes)
    for name, guess in (("time", image), ("gain_time", True)):
        if name in dataset.coords and dataset[name].ndim == 1 and dataset[name].dtype.kind in "iuf":
            times = as_times(dataset[name].values, dataset[name].attrs, guess)
            if times is not None:
                kept = {
                    key: value for key, value in dataset[name].attrs.items() if key not in {"units", "format", "scale"}
                }
                dataset = dataset.assign_coords({name: (name, times, kept)})
    return dataset


def as_times(values: npt.NDArray[Any], attrs: dict[str, Any], guess: bool = True) -> npt.NDArray[np.datetime64] | None:
    """UTC instants of MJD days, MJD seconds or seconds since 1970; None if the numbers are none of these.

    ``format`` and ``units`` of ``attrs`` decide (as XRADIO writes them); without a format, and if ``guess``, numbers of
    this century's size as MJD days (40000 … 90000) or MJD seconds (3.5e9 … 7.8e9), which measurement sets use, are
    taken as such. NaN is NaT.
    """
    finite = values[np.isfinite(values)].astype(float)
    if finite.size == 0:
        return None
    form, unit = str(attrs.get("format", "")).lower(), _unit(attrs)
    low, high = float(finite.min()), float(finite.max())
    if form == "unix":
        return _instants(values, np.datetime64(0, "ns"), 1.0)
    if form == "" and not guess:
        return None
    if (form in {"mjd", ""} and unit in {"d", "day", "days", ""}) and 40_000 <= low <= high <= 90_000:
        return _instants(values, _MJD, _DAY)
    if form == "" and not guess:
        return None
    if (form in {"mjd", ""} and unit in {"s", ""}) and 40_000 * _DAY <= low <= high <= 90_000 * _DAY:
        return _instants(values, _MJD, 1.0)
    return None


def _unit(attrs: dict[str, Any]) -> str:
    unit = attrs.get("units", "")
    return str((unit[0] if unit else "") if isinstance(unit, list) else unit).strip().lower()


def _instants(values: npt.NDArray[Any], origin: np.datetime64, seconds: float) -> npt.NDArray[np.datetime64]:
    """``origin`` plus ``values`` × ``seconds``, whole part and fraction apart so that doubles lose nothing they had."""
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0.0).astype(float)
    whole = np.floor(numbers)
    elapsed = whole.astype("int64") * int(seconds * _NS) + np.rint((numbers - whole) * seconds * _NS).astype("int64")
    times = origin + elapsed.astype("timedelta64[ns]")
    times[~finite] = np.datetime64("NaT")
    return np.asarray(times)


def _with_labels(dataset: xr.Dataset) -> xr.Dataset:
    """Numeric Stokes codes of ``polarization`` or ``stokes`` as text."""
    for name in ("polarization", "stokes"):
        if name in dataset.coords and dataset[name].ndim == 1 and dataset[name].dtype.kind in "iuf":
            codes = [_CODES.get(int(code)) if code == code else None for code in dataset[name].values.tolist()]
            if all(codes):
                dataset = dataset.assign_coords({name: (name, np.array(codes, dtype=str), dict(dataset[name].attrs))})
    return dataset


def _with_units(dataset: xr.Dataset) -> xr.Dataset:
    for name, unit in (("frequency", "Hz"), ("gain_freq", "Hz")):
        if name in dataset.coords and dataset[name].dtype.kind == "f" and "units" not in dataset[name].attrs:
            values = dataset[name].values
            if values.size and np.nanmin(values) > 1e5:  # below, they may be MHz or GHz
                dataset[name].attrs["units"] = unit
    return dataset


def _with_celestial(dataset: xr.Dataset, location: str) -> xr.Dataset:
    dims = _celestial_dims(dataset)
    if dims is None:
        return dataset
    for text in _stored_headers(dataset):
        try:
            celestial = celestial_header(text, location)
        except SourceError as error:
            with_notes(dataset, [f"the stored FITS header can't be used: {brief(error)}"])
            continue
        if celestial:
            return with_header(dataset, celestial, dims)
    info = dataset.attrs.get("coordinate_system_info") or dataset.attrs.get("direction")
    try:
        direction = xradio_direction(info, dataset) if isinstance(info, dict) else None
    except (TypeError, ValueError) as error:
        direction = None
        with_notes(dataset, [f"coordinate_system_info can't be used: {brief(error)}"])
    if direction is not None and dims == ("l", "m"):
        return with_header(dataset, header_text(direction), dims)
    dataset.attrs.pop("fits_wcs_header", None)
    return dataset


def _celestial_dims(dataset: xr.Dataset) -> tuple[str, str] | None:
    """The dimensions that run along a header's two celestial axes."""
    named = str(dataset.attrs.get("wcs_dims", "")).split()
    for first, second in ([tuple(named)] if len(named) == 2 else []) + [("l", "m"), ("x", "y")]:
        if {first, second} <= set(dataset.sizes):
            return first, second
    return None


def _stored_headers(dataset: xr.Dataset) -> list[str]:
    """Header texts of a store, the most trusted first: its attribute, those of variables, texts kept as variables."""
    texts = [dataset.attrs.get("fits_wcs_header")]
    texts += [variable.attrs.get("fits_wcs_header") for variable in dataset.data_vars.values()]
    for name in (
        "wcs_header_str",
        "fits_header_str",
    ):  # the portal's; the second has one a slice, the first of which is read
        if name in dataset.variables and dataset[name].size:
            value = dataset[name][(0,) * dataset[name].ndim].values.item()
            texts.append(value.decode("ascii", "replace") if isinstance(value, bytes) else value)
    return [text for text in texts if isinstance(text, str) and text.strip()]
