"""Cut-out: a piece of a cube as a Dataset or as zipped Zarr, refused before reading where it is too big."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from skydeck.core.errors import RequestError, TooBig
from skydeck.sky.wcs import Celestial, celestial_of

MAX_BYTES = 256 * 2**20
STEP = "cell_step"  # attribute of a cut coordinate: the spacing that a single remaining value no longer shows


def cutout(ds: xr.Dataset, variable: str, ranges: Mapping[str, slice], limit: int = MAX_BYTES) -> xr.Dataset:
    """One variable of a cube, cut to index ranges, lazy, with its coordinates and a header that still points right.

    ``ranges`` are slices without steps of any of its dimensions; parts beyond the ends are left out. The celestial
    header (``fits_wcs_header``) is that of the cut. Raises RequestError for unknown names and empty ranges, TooBig
    above ``limit`` bytes; reads nothing.
    """
    array = _variable(ds, variable)
    spans = {dim: _span(dim, part, array.sizes) for dim, part in ranges.items()}
    cut = array.isel({dim: slice(*span) for dim, span in spans.items()})
    check_size(cut, limit)
    found = cut.to_dataset(name=variable)
    found.attrs = _shifted(ds, spans)
    for dim in spans:
        if dim in found.coords and (step := _step(ds[dim])) is not None:
            found[dim].attrs = {**found[dim].attrs, STEP: step}
    return found


def check_size(array: xr.DataArray, limit: int = MAX_BYTES) -> None:
    """Raise TooBig where an array holds more than ``limit`` bytes."""
    size = math.prod(array.sizes.values()) * array.dtype.itemsize
    if size > limit:
        what = f"The piece is {size / 2**20:.0f} MiB ({' × '.join(map(str, array.sizes.values()))})"
        raise TooBig(what, expected=f"at most {limit / 2**20:.0f} MiB", remedy="Choose smaller ranges")


def _variable(ds: xr.Dataset, name: str) -> xr.DataArray:
    if name not in ds.data_vars:
        raise RequestError(f"There is no variable '{name}'", expected=", ".join(map(str, ds.data_vars)))
    return ds[name]


def _span(dim: str, part: slice, sizes: Mapping[Hashable, int]) -> tuple[int, int]:
    if dim not in sizes:
        raise RequestError(f"There is no dimension '{dim}'", expected=", ".join(map(str, sizes)))
    if part.step not in (None, 1):
        raise RequestError(f"A cut-out keeps every cell, so {dim} can't have a step of {part.step}")
    start, stop, _ = part.indices(sizes[dim])
    if start >= stop:
        raise RequestError(
            f"{dim} from {part.start} to {part.stop} holds nothing", expected=f"a part of 0 to {sizes[dim]}"
        )
    return start, stop


def _shifted(ds: xr.Dataset, spans: Mapping[str, tuple[int, int]]) -> dict[Hashable, Any]:
    """The cube's attributes with the header of the cut's own sky; without one where it can't be used."""
    attrs = {key: value for key, value in ds.attrs.items() if key not in ("fits_wcs_header", "wcs_dims")}
    celestial, dims = celestial_dims(ds)
    if celestial is None:
        return attrs
    x, y = (spans.get(dim, (0, 0))[0] for dim in dims)
    return {**attrs, "fits_wcs_header": celestial.shifted(x, y).header, "wcs_dims": " ".join(dims)}


def celestial_dims(ds: xr.Dataset) -> tuple[Celestial | None, tuple[str, str]]:
    """A cube's celestial axes and the two dimensions they belong to, in FITS order; None without usable ones."""
    dims = str(ds.attrs.get("wcs_dims", "")).split()
    header = ds.attrs.get("fits_wcs_header")
    if len(dims) != 2 or not isinstance(header, str):
        return None, ("", "")
    return celestial_of(header), (dims[0], dims[1])


def _step(coordinate: xr.DataArray) -> float | None:
    """The even spacing of a numeric coordinate, or None."""
    if coordinate.ndim != 1 or coordinate.size < 2 or coordinate.dtype.kind not in "fiu":
        return coordinate.attrs.get(STEP)
    values = coordinate.values.astype(float)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    even = values[0] + step * np.arange(len(values))
    return step if step != 0 and np.abs(values - even).max() <= 1e-4 * abs(step) else None


def zarr_zip(ds_cut: xr.Dataset, limit: int = MAX_BYTES) -> bytes:
    """A Zarr version 3 store in a zip file; ``xr.open_zarr(ZipStore(path), consolidated=False)`` opens it.

    Attributes that JSON can't hold are written as text. Raises TooBig above ``limit`` bytes, before reading.
    """
    from zarr.storage import MemoryStore

    for name in ds_cut.variables:
        check_size(ds_cut[name], limit)
    entries: dict[str, Any] = {}
    plain = _plain(ds_cut)
    plain.to_zarr(MemoryStore(entries), zarr_format=3, consolidated=False, mode="w")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for key in sorted(entries):
            archive.writestr(key, entries[key].to_bytes())
    return buffer.getvalue()


def _plain(ds: xr.Dataset) -> xr.Dataset:
    """Without the encoding of the source, with text as objects: Zarr 3 has no stable fixed-width text."""
    plain = ds.drop_encoding().copy()
    plain.attrs = {str(key): _json(value) for key, value in ds.attrs.items()}
    for name in list(plain.variables):
        if plain[name].dtype.kind in "SU":
            plain[name] = plain[name].astype(str).astype(object)
        own = {"units", "calendar", "dtype"} if plain[name].dtype.kind in "mM" else set()  # xarray writes these itself
        plain[name].attrs = {str(key): _json(value) for key, value in ds[name].attrs.items() if key not in own}
    return plain


def _json(value: Any) -> Any:
    """A value as JSON can hold it; NaN and infinity, which it can't, become text."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
