"""Zarr stores: open one group, or one array, of a store as a lazy Dataset."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.core.indexing import IndexingSupport

from skydeck.core.errors import SourceError, SourceMissing, TooBig
from skydeck.sources.decode import dataset_of, with_notes
from skydeck.sources.failure import brief, errors_of
from skydeck.sources.files import Files, LocalFiles, RemoteFiles
from skydeck.sources.lazy import Key, lazy_variable
from skydeck.sources.location import Location
from skydeck.sources.nodes import Json, Node, Nodes, read_nodes
from skydeck.sources.quiet import noted
from skydeck.sources.remote import filesystem, storage_options

MAX_CHUNK = 2 * 2**30  # bytes; one cell costs a whole chunk
# What only zarr-writing libraries put into attributes.
_PRIVATE = ("_ARRAY_DIMENSIONS", "__daskms_zarr_attr__", "_nczarr_array")


@dataclass(frozen=True)
class Store:
    """A store that was looked at: where it is, zarr's handle of it, and its nodes."""

    location: Location
    nodes: Nodes = field(repr=False)
    handle: Any = field(repr=False)
    files: Files = field(repr=False)

    @property
    def shown(self) -> str:
        return self.location.shown


class ZarrCells:
    """Cells of one Zarr array; missing chunks hold its fill value. Pickles with the store's address."""

    def __init__(self, location: str, handle: Any, node: Node) -> None:
        self.location = location
        self._handle = handle
        self._node = node
        self.shape: tuple[int, ...] = tuple(self.array.shape)
        self.dtype: np.dtype[Any] = np.dtype(self.array.dtype)

    @cached_property
    def array(self) -> Any:
        import zarr
        from zarr.storage import StorePath

        meta: Any = self._node.meta
        # Made from the metadata at hand: a remote store is not asked again for every array.
        return zarr.Array(zarr.AsyncArray(metadata=meta, store_path=StorePath(self._handle, self._node.path)))

    def read(self, key: Key) -> npt.NDArray[Any]:
        chunk = math.prod(self.array.chunks) * self.dtype.itemsize
        if chunk > MAX_CHUNK:
            raise TooBig(
                f"{self._node.path or 'The array'} of {self.location} is stored in chunks of {chunk / 2**30:.1f} GiB",
                remedy="Rechunk it",
            )
        return np.asarray(self.array.oindex[key]) if key else np.asarray(self.array[()])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "array"}


def look(location: Location, options: Mapping[str, str]) -> Store:
    """Read a store's metadata. Raises SourceMissing, or SourceError where there is no store."""
    from zarr.storage import FsspecStore, LocalStore

    with errors_of(location), noted():
        if location.is_local:
            files: Files = LocalFiles(location.path)
            handle: Any = LocalStore(location.path, read_only=True)
        else:
            files = RemoteFiles(*filesystem(location, options), location)
            handle = FsspecStore.from_url(
                location.path, storage_options=storage_options(location, options), read_only=True
            )
        nodes = read_nodes(files)
        if not nodes:
            raise _no_store(location, files)
    return Store(location, nodes, handle, files)


def _no_store(location: Location, files: Files) -> SourceError:
    refused = getattr(files, "refused", None)
    if refused is not None:
        return SourceMissing(f"{location.shown} refused access", remedy="Check the address and the credentials")
    if not location.is_local:
        return SourceMissing(f"There is no Zarr store at {location.shown}", remedy="Check the address")
    return SourceError(
        f"{location.shown} is a directory but no Zarr store", expected="Expected a zarr.json, .zgroup or .zarray in it"
    )


def open_group(store: Store, path: str = "") -> xr.Dataset:
    """The arrays directly in one group as a Dataset; arrays that don't name their dimensions get ``dim_0`` …

    Arrays that zarr can't decode are left out, with a note. Raises SourceError for a path that isn't in the store.
    """
    node = store.nodes.get(path)
    if node is None:
        raise SourceError(
            f"{store.shown} has no group “{path}”",
            expected=f"Expected one of {', '.join(groups(store.nodes)) or 'none'}",
        )
    raw, notes = _raw(store, path)
    attrs = node.attrs if node.kind == "group" else {}
    return with_notes(dataset_of(raw, plain_attrs(attrs), store.shown), notes)


def _raw(store: Store, path: str) -> tuple[dict[str, xr.Variable], list[str]]:
    variables: dict[str, xr.Variable] = {}
    with errors_of(store.location), noted() as notes:
        for node in store.nodes.arrays(path):
            try:
                variables[node.name or "data"] = _variable(store, node)
            except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
                notes.append(f"{node.path or 'the array'} was left out: {brief(error)}")
        if not variables and notes:
            raise SourceError(f"{store.shown}: {notes[0]}", remedy="Install the codec it needs, or convert it")
    return variables, notes


def _variable(store: Store, node: Node) -> xr.Variable:
    dims = node.dims or tuple(f"dim_{axis}" for axis in range(len(node.shape)))
    attrs = plain_attrs(node.attrs)
    if node.meta.get("dtype") == "|O":
        labels = json_labels(store.files, node)
        if labels is not None:
            return xr.Variable(dims, labels, attrs)
    cells = ZarrCells(store.shown, store.handle, node)
    fill = fill_of(node, cells.dtype)
    attrs.pop("_FillValue", None)
    if fill is not None:
        attrs["_FillValue"] = fill
    return lazy_variable(dims, cells, attrs, cells.array.chunks, IndexingSupport.OUTER)


def plain_attrs(attrs: Json) -> Json:
    return {key: value for key, value in attrs.items() if key not in _PRIVATE}


def fill_of(node: Node, dtype: np.dtype[Any]) -> Any:
    """The value that means "no data", or None.

    Format 3 keeps it in the attribute ``_FillValue`` (floats as base64 of a little-endian double, as xarray writes
    them). Format 2 has only the fill value of missing chunks, which xarray uses for both; a plain 0, "" or false is
    that of other writers and masks nothing, unless the variable is packed.
    """
    if node.format == 3 or "_FillValue" in node.attrs:
        return _decoded_fill(node.attrs.get("_FillValue"), dtype)
    fill = node.meta.get("fill_value")
    packed = "scale_factor" in node.attrs or "add_offset" in node.attrs
    if node.dims is None or dtype.kind not in "iufc" or (not fill and not packed):
        return None
    return _decoded_fill(fill, dtype)


def _decoded_fill(value: Any, dtype: np.dtype[Any]) -> Any:
    try:
        if isinstance(value, str) and dtype.kind == "f":
            named = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
            value = named[value] if value in named else float(np.frombuffer(base64.b64decode(value), "<f8")[0])
        if value is None or dtype.kind not in "iufb" or value != value:  # NaN is NaN without a mask
            return None
        return dtype.type(value)
    except (ValueError, TypeError, IndexError, OverflowError, binascii.Error):
        return None


def json_labels(files: Files, node: Node) -> npt.NDArray[np.str_] | None:
    """Texts stored as numcodecs JSON (dask-ms writes labels so; zarr 3 doesn't read them), or None.

    Only small, 1-D, single-chunk arrays, which labels are.
    """
    import numcodecs  # type: ignore[import-untyped]

    filters = node.meta.get("filters") or []
    if (
        len(node.shape) != 1
        or node.meta.get("chunks") != list(node.shape)
        or [f.get("id") for f in filters] != ["json2"]
    ):
        return None
    data: Any = files.get(f"{node.path}/0" if node.path else "0")
    if data is None:
        return np.full(node.shape, "")
    if node.meta.get("compressor"):
        data = numcodecs.get_codec(node.meta["compressor"]).decode(data)
    values = numcodecs.get_codec(filters[0]).decode(data)
    return np.array([str(value) for value in values.ravel()]).reshape(node.shape)


def groups(nodes: Nodes) -> list[str]:
    """Paths of groups that hold an array of one dimension or more, in the order of the store ("" is the root)."""
    return [node.path for node in nodes.values() if node.kind == "group" and _holds_data(nodes, node.path)]


def _holds_data(nodes: Nodes, path: str) -> bool:
    return any(node.shape for node in nodes.arrays(path))


def group_summary(nodes: Nodes, path: str) -> str:
    """One line about a group for a chooser: ``gains 10×64×7, flags 10×64``."""
    texts = [f"{node.name} {'×'.join(map(str, node.shape))}" for node in nodes.children(path) if node.shape]
    return ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")
