"""HDF5 and NetCDF-4 files of any program: one group as a lazy Dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendEntrypoint
from xarray.core.indexing import IndexingSupport

from skydeck.core.errors import SourceChanged, SourceError
from skydeck.sources.conventions import conventional
from skydeck.sources.decode import MAX_TEXT, dataset_of, with_notes
from skydeck.sources.failure import brief, errors_of
from skydeck.sources.hdf5_file import forget, hdf5_file
from skydeck.sources.lazy import Key, distinct, lazy_variable
from skydeck.sources.location import Location, parse, redact
from skydeck.sources.remote import OPEN_SECONDS, within

MAX_OBJECTS = 20_000
MAX_DEPTH = 16
MAX_ATTRIBUTE = 10_000  # elements
_PRIVATE = frozenset(["DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "DIMENSION_LABELS"])
_NAMELESS = "?"
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"


class HdfCells:
    """Cells of one dataset, or of one field of a compound one; the file is opened for each read."""

    def __init__(
        self, location: str, address: str, path: str, shape: tuple[int, ...], dtype: np.dtype[Any], field: str = ""
    ) -> None:
        self.location = location
        self.address = address
        self.path = path
        self.shape = shape
        self.dtype = dtype
        self.field = field

    def read(self, key: Key) -> npt.NDArray[Any]:
        with hdf5_file(self.address) as file:
            if self.path not in file or file[self.path].shape != self.shape:
                raise SourceChanged(f"{self.path} of {self.location} changed while it was open", remedy="Open it again")
            dataset = file[self.path]
            return np.asarray(dataset.fields(self.field)[key] if self.field else dataset[key])


def open_hdf5(location: Location, options: Mapping[str, str]) -> xr.Dataset:
    """A group of an HDF5 file as a Dataset: ``options["group"]``, or the first (depth first) that holds arrays.

    Dimension scales (NetCDF-4) name dimensions and give coordinates; dimensions without get ``dim_0`` …, one a size.
    Fields of compound datasets are variables of their own. References, opaque data and links to other files are left
    out, with a note. Raises SourceError, SourceMissing.
    """
    if location.is_local:
        return _opened(location, options.get("group", ""))
    return within(OPEN_SECONDS, location, lambda: _opened(location, options.get("group", "")))


def _opened(location: Location, group: str) -> xr.Dataset:
    notes: list[str] = []
    forget(location.path)
    with errors_of(location), hdf5_file(location.path) as file:
        path = _found_group(file, group, location.shown)
        raw = _raw(file[path], location, notes)
        attrs = _attributes(file, {}) | _attributes(file[path], {})
    dataset = dataset_of(_with_dims(raw), attrs, location.shown)
    return conventional(with_notes(dataset, notes), location.shown)


def _found_group(file: Any, wanted: str, shown: str) -> str:
    found = [path for path, _ in _groups(file)]
    if wanted:
        path = "/" + wanted.strip("/")
        if path not in found:
            raise SourceError(
                f"{shown} has no group “{wanted}” with arrays",
                expected=f"Expected one of {', '.join(found[:20]) or 'none'}",
            )
        return path
    if not found:
        raise SourceError(
            f"{shown} holds no arrays", expected="Expected an HDF5 file with at least one array of numbers"
        )
    return found[0]


def hdf5_choices(location: Location) -> list[tuple[str, str]]:
    """Groups that ``options["group"]`` may name, with what they hold; empty where there is only one."""
    with errors_of(location), hdf5_file(location.path) as file:
        found = list(_groups(file))
    return found if len(found) > 1 else []


def _groups(file: Any) -> Iterator[tuple[str, str]]:
    """(path, description) of every group that holds an array of one dimension or more, depth first."""
    seen: set[Any] = set()
    stack = [("/", 0)]
    while stack and len(seen) < MAX_OBJECTS:
        path, depth = stack.pop()
        group = file[path]
        if depth > MAX_DEPTH or group.id in seen:  # equal identifiers are the same object: a loop of hard links
            continue
        seen.add(group.id)
        below, texts = [], []
        for name, item in _members(group):
            if _is_group(item):
                below.append((f"{path.rstrip('/')}/{name}", depth + 1))
            elif item.shape:
                texts.append(f"{name} {'×'.join(map(str, item.shape))}")
        if texts:
            yield path, ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")
        stack += reversed(below)


def _members(group: Any, notes: list[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Groups and datasets of a group by name; what leads to other files, or nowhere, is left out."""
    import h5py

    for name in islice(group, MAX_OBJECTS):
        item, problem = _member(group, name)
        if isinstance(item, h5py.Group | h5py.Dataset):
            yield name, item
        elif notes is not None and problem:
            notes.append(f"{name} was left out: {problem}")


def _member(group: Any, name: str) -> tuple[Any, str]:
    """What a link leads to, or None and why not."""
    import h5py

    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        return None, "it is in another file"
    try:
        item = group[name]
        return (None, "its cells are in another file") if _reaches_out(item) else (item, "")
    except (KeyError, OSError, ValueError, RuntimeError) as error:
        return None, brief(error)


def _is_group(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Group)


def _reaches_out(item: Any) -> bool:
    """Whether a dataset keeps its cells in files elsewhere, which nobody allowed to be read."""
    import h5py

    if not isinstance(item, h5py.Dataset):
        return False
    files = [entry[0] for entry in item.external or ()]
    if item.is_virtual:
        files += [source.file_name for source in item.virtual_sources()]
    return any(os.path.isabs(name) or ".." in str(name).split("/") for name in files)


def _raw(group: Any, location: Location, notes: list[str]) -> dict[str, xr.Variable]:
    variables: dict[str, xr.Variable] = {}
    for name, item in _members(group, notes):
        if _is_group(item) or item.shape is None:
            continue
        try:
            variables |= _variables(name, item, location)
        except (ValueError, TypeError, KeyError, OSError, RuntimeError) as error:
            notes.append(f"{name} was left out: {brief(error)}")
    return variables


def _variables(name: str, item: Any, location: Location) -> dict[str, xr.Variable]:
    """The variables one dataset becomes: none for bare NetCDF dimensions, several for compound ones."""
    import h5py

    attrs = _attributes(item, _PRIVATE)
    if _text(item.attrs.get("NAME", "")).startswith(_NO_VARIABLE):
        return {}
    dims = _dims(name, item)
    if h5py.check_string_dtype(item.dtype) is not None:
        letters = item.dtype == "S1" and dims and not dims[-1].startswith((_NAMELESS, name))
        return {name: xr.Variable(dims, item[()] if letters else _texts(item), attrs)}
    if item.dtype.names:
        return {
            f"{name}_{part}": _lazy(item, dims, attrs, location, part)
            for part in item.dtype.names
            if _plain(item.dtype[part])
        }
    if not _plain(item.dtype):
        raise ValueError(f"cells of type {item.dtype} can't be drawn")
    return {name: _lazy(item, dims, attrs, location)}


def _plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biufcSU" and dtype.subdtype is None


def _lazy(item: Any, dims: list[str], attrs: dict[str, Any], location: Location, field: str = "") -> xr.Variable:
    dtype = np.dtype(item.dtype[field] if field else item.dtype)
    cells = HdfCells(location.shown, location.path, str(item.name), tuple(item.shape), np.dtype(dtype.str), field)
    return lazy_variable(dims, cells, attrs, item.chunks, IndexingSupport.OUTER_1VECTOR)


def _texts(item: Any) -> npt.NDArray[Any]:
    if item.size > MAX_TEXT:
        raise ValueError(f"{item.size:,} texts are too many")
    values = np.asarray(item[()])
    return np.array([_text(value) for value in values.ravel()], dtype=str).reshape(values.shape)


def _dims(name: str, item: Any) -> list[str]:
    """Names of dimensions: of their scales or labels; ``?`` and a number where there are none."""
    scale = item.attrs.get("CLASS", b"") in {b"DIMENSION_SCALE", "DIMENSION_SCALE"}
    if scale and item.ndim == 1:
        return [name]
    return distinct([_dim(item.dims[axis]) or f"{_NAMELESS}{axis}" for axis in range(item.ndim)])


def _dim(dimension: Any) -> str:
    try:
        if len(dimension):
            return str(dimension[0].name).rsplit("/", 1)[-1]
    except (KeyError, RuntimeError, ValueError, OSError):  # a scale that was deleted
        pass
    return str(dimension.label or "")


def _with_dims(raw: Mapping[str, xr.Variable]) -> dict[str, xr.Variable]:
    """Give nameless dimensions the names ``dim_0`` …: equal sizes share one, except within a variable."""
    taken = {dim for variable in raw.values() for dim in variable.dims}
    phony: list[tuple[str, int]] = []
    result = {}
    for name, variable in raw.items():
        dims: list[str] = []
        for dim, size in zip(map(str, variable.dims), variable.shape, strict=True):
            dims.append(_phony(size, dims, phony, taken) if dim.startswith(_NAMELESS) else dim)
        encoding = dict(variable.encoding)
        if "chunks" in encoding:
            encoding["preferred_chunks"] = dict(zip(dims, encoding["chunks"], strict=True))
        result[name] = xr.Variable(dims, variable._data, variable.attrs, encoding)
    return result


def _phony(size: int, own: list[str], phony: list[tuple[str, int]], taken: set[Any]) -> str:
    for name, length in phony:
        if length == size and name not in own:
            return name
    number = len(phony)
    while f"dim_{number}" in taken:
        number += 1
    phony.append((f"dim_{number}", size))
    taken.add(f"dim_{number}")
    return f"dim_{number}"


def _attributes(item: Any, private: Iterable[str]) -> dict[str, Any]:
    """Attributes as plain Python values and small arrays; what h5py can't read, and references, are left out."""
    found: dict[str, Any] = {}
    for name in item.attrs:
        if name in private or name.startswith("_Netcdf4") or name in {"_NCProperties", "_nc3_strict"}:
            continue
        try:
            value = _plain_value(item.attrs[name])
        except (OSError, TypeError, ValueError, KeyError, RuntimeError):
            continue
        if value is not None:
            found[name] = value
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, bytes | str):
        return redact(_text(value))
    array = np.asarray(value)
    if array.size > MAX_ATTRIBUTE or array.dtype.kind not in "biufcSUO" or array.dtype.names:
        return None
    if array.dtype.kind in "SUO":
        texts = [redact(_text(text)) for text in array.ravel().tolist() if isinstance(text, bytes | str)]
        return (texts[0] if len(texts) == 1 else texts) if len(texts) == array.size and texts else None
    return array.ravel()[0] if array.size == 1 else array


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Hdf5Backend(BackendEntrypoint):
    """xarray engine ``skydeck-hdf5``: HDF5 files as :func:`open_hdf5` sees them; never guessed."""

    description = "HDF5 and NetCDF-4 of any program, also while it is written"
    url = "https://github.com/skydeck/skydeck"

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> xr.Dataset:
        dataset = open_hdf5(parse(str(filename_or_obj)), {"group": group} if group else {})
        return dataset.drop_vars([drop_variables] if isinstance(drop_variables, str) else list(drop_variables or []))
