"""pfb-imaging's ``.dt`` stores: one node a band and time, stacked into one cube."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.sources.conventions import LABELS
from skydeck.sources.decode import with_notes
from skydeck.sources.direction import Direction, header_text, with_header
from skydeck.sources.lazy import Key, lazy_variable
from skydeck.sources.nodes import Node, Nodes
from skydeck.sources.zarr_store import Store, open_group, plain_attrs

_NAME = re.compile(r"band(\d+)_time(\d+)")
_ANGLE_LIMIT = 2 * math.pi + 1e-6

Grid = Mapping[tuple[int, int], xr.Dataset]


class StackCells:
    """One variable of many nodes as (band, time, …); nodes that aren't there, or lack it, are NaN.

    ``parts`` are lazy variables of one shape by (band, time) index.
    """

    def __init__(self, location: str, parts: Mapping[tuple[int, int], xr.Variable], outer: tuple[int, int]) -> None:
        self.location = location
        self.parts = dict(parts)
        first = next(iter(self.parts.values()))
        self.shape: tuple[int, ...] = (*outer, *first.shape)
        self.dtype = _with_room_for_nan(first.dtype, len(self.parts) < outer[0] * outer[1])

    def read(self, key: Key) -> npt.NDArray[Any]:
        bands, times = (np.atleast_1d(np.arange(size)[k]) for size, k in zip(self.shape, key[:2], strict=False))
        inner = tuple(key[2:])
        blocks = [[self._block(band, time, inner) for time in times.tolist()] for band in bands.tolist()]
        shape = (len(bands), len(times), *self._inner_shape(inner))
        stacked = np.array(blocks, dtype=self.dtype).reshape(shape)
        dropped = tuple(axis for axis in (0, 1) if not isinstance(key[axis], slice))
        return np.squeeze(stacked, axis=dropped)

    def _block(self, band: int, time: int, inner: Key) -> npt.NDArray[Any]:
        part = self.parts.get((band, time))
        if part is None:
            return np.full(self._inner_shape(inner), np.nan, dtype=self.dtype)
        return np.asarray(part[inner].values, dtype=self.dtype)

    def _inner_shape(self, inner: Key) -> tuple[int, ...]:
        return tuple(len(range(size)[k]) for size, k in zip(self.shape[2:], inner, strict=True) if isinstance(k, slice))


def _with_room_for_nan(dtype: np.dtype[Any], gaps: bool) -> np.dtype[Any]:
    """A dtype that holds NaN as well, where there are gaps."""
    if not gaps or dtype.kind in "fc":
        return dtype
    return np.dtype("f8") if dtype.itemsize > 2 else np.dtype("f4")


@dataclass(frozen=True, slots=True)
class Cell:
    """A node's place in the stack."""

    node: Node
    band: int
    time: int


def is_pfb(nodes: Nodes) -> bool:
    return any(_NAME.fullmatch(node.name) for node in nodes.children("") if node.kind == "group")


def open_pfb(store: Store) -> xr.Dataset:
    """The cube of all bands and times: dims (frequency, time, …) and, where it has labels, ``stokes``.

    Frequencies are the nodes' own (Hz, uneven); times their ``time_out`` (unix seconds). Combinations that don't
    exist are NaN. Variables that have another shape in some band are left out there, with a note.
    """
    cells = _cells(store.nodes)
    bands, times = sorted({cell.band for cell in cells}), sorted({cell.time for cell in cells})
    grid = {(bands.index(cell.band), times.index(cell.time)): open_group(store, cell.node.path) for cell in cells}
    attrs = {(bands.index(cell.band), times.index(cell.time)): cell.node.attrs for cell in cells}
    notes: list[str] = []
    variables = _stacked(store.shown, grid, (len(bands), len(times)), notes)
    dataset = xr.Dataset(variables, coords=_inner_coords(grid))
    dataset = dataset.assign_coords(_outer_coords(attrs, len(bands), len(times), notes))
    root = store.nodes[""].attrs if "" in store.nodes else {}
    dataset.attrs = plain_attrs(root) | _product(dataset, root)
    notes += [line for part in grid.values() for line in str(part.attrs.get("notes", "")).splitlines()]
    return with_notes(_celestial(_labelled(dataset, root), next(iter(attrs.values())) | root), notes)


def _cells(nodes: Nodes) -> list[Cell]:
    found = []
    for node in nodes.children(""):
        matched = _NAME.fullmatch(node.name)
        if matched and node.kind == "group":
            found.append(Cell(node, int(matched.group(1)), int(matched.group(2))))
    return found


def _stacked(location: str, grid: Grid, outer: tuple[int, int], notes: list[str]) -> dict[str, xr.Variable]:
    names = dict.fromkeys(str(name) for part in grid.values() for name in part.data_vars)
    variables = {}
    for name in names:
        parts = {place: part[name].variable for place, part in grid.items() if name in part.data_vars}
        first = next(iter(parts.values()))
        fitting = {
            place: part for place, part in parts.items() if part.dims == first.dims and part.shape == first.shape
        }
        if len(fitting) < len(parts):
            notes.append(
                f"{name} has another shape in {len(parts) - len(fitting)} of {len(parts)} bands and times; NaN there"
            )
        if first.dtype.kind not in "biufc":
            continue
        dims = ("frequency", "time", *map(str, first.dims))
        chunks = first.encoding.get("chunks")
        variables[name] = lazy_variable(
            dims, StackCells(location, fitting, outer), first.attrs, (1, 1, *chunks) if chunks else None
        )
    return variables


def _inner_coords(grid: Grid) -> dict[str, xr.Variable]:
    """Coordinates inside the nodes (corr, bpar …), from whichever node has them first."""
    coords: dict[str, xr.Variable] = {}
    for part in grid.values():
        for name, coord in part.coords.items():
            if str(name) not in {"frequency", "time"}:
                coords.setdefault(str(name), coord.variable)
    return coords


def _outer_coords(
    attrs: Mapping[tuple[int, int], Mapping[str, Any]], bands: int, times: int, notes: list[str]
) -> dict[str, tuple[str, npt.NDArray[Any], dict[str, str]]]:
    frequency, seconds = np.full(bands, np.nan), np.full(times, np.nan)
    for (band, time), values in sorted(attrs.items(), key=lambda item: item[0]):
        _set(frequency, band, values.get("freq_out"), "frequency", notes)
        _set(seconds, time, values.get("time_out"), "time", notes)
    coords: dict[str, tuple[str, npt.NDArray[Any], dict[str, str]]] = {}
    if np.isfinite(frequency).any():
        coords["frequency"] = ("frequency", frequency, {"units": "Hz"})
    if np.isfinite(seconds).any():
        known = np.isfinite(seconds)
        instants = (
            np.rint(np.where(known, seconds, 0) * 1e6).astype("int64").astype("datetime64[us]").astype("datetime64[ns]")
        )
        instants[~known] = np.datetime64("NaT")
        coords["time"] = ("time", instants, {})
    return coords


def _set(values: npt.NDArray[np.float64], index: int, value: Any, what: str, notes: list[str]) -> None:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 9e15:
        return
    if math.isnan(values[index]):
        values[index] = value
    elif not math.isclose(values[index], value, rel_tol=1e-9):
        notes.append(f"{what} {index} isn't the same in all nodes; the first is shown")


def _product(dataset: xr.Dataset, root: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": f"pfb-imaging {root['product']}"} if isinstance(root.get("product"), str) else {}


def _labelled(dataset: xr.Dataset, root: Mapping[str, Any]) -> xr.Dataset:
    """``corr`` as ``stokes`` where its labels are Stokes parameters, which the product's letters may tell."""
    if "corr" not in dataset.sizes or "stokes" in dataset.variables:
        return dataset
    product = str(root.get("product", ""))
    if "corr" not in dataset.coords and len(product) == dataset.sizes["corr"]:
        dataset = dataset.assign_coords(corr=("corr", np.array(list(product))))
    if "corr" in dataset.coords and set(map(str, dataset["corr"].values)) <= LABELS:
        return dataset.rename(corr="stokes")
    return dataset


def _celestial(dataset: xr.Dataset, attrs: Mapping[str, Any]) -> xr.Dataset:
    """A SIN header of ra, dec and cell_rad (radians): east at low x, the reference at pixel n//2 counted from 0."""
    dims = next(((x, y) for x, y in (("x", "y"), ("X", "Y")) if {x, y} <= set(dataset.sizes)), None)
    values = [attrs.get(name) for name in ("ra", "dec", "cell_rad")]
    numbers = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v) and abs(v) <= _ANGLE_LIMIT]
    if dims is None or len(numbers) < 3 or numbers[2] <= 0:
        return dataset
    ra, dec, cell = (math.degrees(number) for number in numbers)
    size = (dataset.sizes[dims[0]], dataset.sizes[dims[1]])
    centre = (1.0 + size[0] // 2, 1.0 + size[1] // 2)
    direction = Direction((ra % 360.0, dec), (-cell, cell), centre, size, frame="fk5")
    return with_header(dataset, header_text(direction), dims)
