"""Opened: a source this process has open, with its axes, until the source changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.core.axis import Axis, Uniform, axis_of, plain_axis
from skydeck.core.errors import RequestError, SourceChanged, SourceMissing
from skydeck.core.raster import Plane
from skydeck.fetch.line import with_lines
from skydeck.sources import errors_of, open_source, redact, signature_of

Options = tuple[tuple[str, str], ...]

KEPT_OPEN = 32
CHECK_SECONDS = 1.0
COORDINATE_CELLS = 16_000_000
MESH_CELLS = 1024  # a mesh has no cells along an axis; as many stand in for them
TURN, HALF_TURN = 360.0, 180.0


@dataclass(slots=True)
class Opened:
    """One open source: its lazy Dataset, its change signature, and the axes made of it so far."""

    location: str
    options: Options
    dataset: xr.Dataset
    signature: object
    checked: float
    axes: dict[str, Axis] = field(default_factory=dict)

    def variable(self, name: str) -> xr.DataArray:
        """A data variable; raises RequestError naming those there are."""
        if name not in self.dataset.data_vars:
            names = ", ".join(str(key) for key in self.dataset.data_vars)
            raise RequestError(f"{self.location} has no variable {name!r}", expected=f"It has {names or 'none'}")
        return self.dataset[name]

    def axis(self, dim: str) -> Axis:
        """The Axis of a dimension, made once."""
        if dim not in self.axes:
            with errors_of(self.location):
                self.axes[dim] = _axis(self.dataset, dim)
        return self.axes[dim]

    def plane_axes(self, plane: Plane) -> tuple[Axis, Axis]:
        """The two displayed axes (x, y): those of the dimensions, or of the mesh of 2-D coordinates."""
        if plane.mesh is None:
            return self.axis(plane.x), self.axis(plane.y)
        return self._mesh_axis(plane.mesh[0]), self._mesh_axis(plane.mesh[1])

    def _mesh_axis(self, name: str) -> Axis:
        if name not in self.axes:
            with errors_of(self.location):
                self.axes[name] = _mesh_axis(self.dataset[name])
        return self.axes[name]


_kept: OrderedDict[tuple[str, Options], Opened] = OrderedDict()
_lock = Lock()


def opened(location: str, options: Options = ()) -> Opened:
    """The source, opened once for this process.

    A source that changed on disk since raises SourceChanged, once; the next call opens what is there now.
    Raises SourceError or SourceMissing as its reader does.
    """
    key = (location, options)
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
    if found is None:
        return _open(key)
    if time.monotonic() - found.checked > CHECK_SECONDS:
        _check(found)
    return found


def release(location: str) -> None:
    """Forget what is open of a location."""
    with _lock:
        for key in [key for key in _kept if key[0] == location]:
            del _kept[key]


def _open(key: tuple[str, Options]) -> Opened:
    location, options = key
    signature = signature_of(location)
    with errors_of(location):
        dataset = with_lines(open_source(location, dict(options)), redact(location))
    fresh = Opened(location, options, dataset, signature, time.monotonic())
    with _lock:
        _kept[key] = fresh
        while len(_kept) > KEPT_OPEN:
            _kept.popitem(last=False)
    return fresh


def _check(found: Opened) -> None:
    try:
        now = signature_of(found.location)
    except (OSError, ValueError) as error:
        release(found.location)
        raise SourceMissing(
            f"{found.location} is no longer there", remedy="Put it back, or open another source"
        ) from error
    found.checked = time.monotonic()
    if now != found.signature:
        release(found.location)
        raise SourceChanged(f"{found.location} changed while it was shown", remedy="What is there now is shown instead")


def _axis(dataset: xr.Dataset, dim: str) -> Axis:
    if dim not in dataset.sizes:
        raise RequestError(f"There is no dimension {dim!r}", expected=f"It has {', '.join(map(str, dataset.sizes))}")
    size = dataset.sizes[dim]
    coordinate = _coordinate(dataset, dim)
    if coordinate is None or size > COORDINATE_CELLS:
        sky = dim in str(dataset.attrs.get("wcs_dims", "")).split()
        return plain_axis(dim, size, f"{dim} pixel" if sky else dim)
    return axis_of(dim, size, coordinate.values, dict(coordinate.attrs))


def _coordinate(dataset: xr.Dataset, dim: str) -> xr.DataArray | None:
    """The coordinate that names a dimension's cells: its own, else the only 1-D one along it."""
    if dim in dataset.coords:
        return dataset.coords[dim] if dataset.coords[dim].ndim == 1 else None
    along = [coordinate for coordinate in dataset.coords.values() if coordinate.dims == (dim,)]
    return along[0] if len(along) == 1 else None


def _mesh_axis(coordinate: xr.DataArray) -> Axis:
    if coordinate.size > COORDINATE_CELLS:
        raise RequestError(f"The coordinate {coordinate.name} has too many cells to draw a mesh on")
    values: np.ndarray[Any, np.dtype[np.float64]] = coordinate.values.astype(float)
    finite = values[np.isfinite(values)]
    unit = str(coordinate.attrs.get("units", "")).replace("degrees_east", "deg").replace("degrees_north", "deg")
    low, high, wrap = _extent(finite, unit)
    title = str(coordinate.attrs.get("long_name", coordinate.name))
    edges = Uniform(low, ((high - low) or 1.0) / MESH_CELLS, MESH_CELLS)
    return Axis(str(coordinate.name), MESH_CELLS, "number", title, unit, edges, wrap=wrap)


def _extent(values: npt.NDArray[np.float64], unit: str) -> tuple[float, float, float]:
    """Lowest, highest, and the turn at which labels wrap (0: none): degrees across 0 begin after their widest gap."""
    if values.size == 0:
        return 0.0, 1.0, 0.0
    low, high = float(values.min()), float(values.max())
    if unit not in ("deg", "degree", "degrees") or high - low < HALF_TURN:
        return low, high, 0.0
    round_the_turn = np.unique(values % TURN)
    gaps = np.diff(round_the_turn, append=round_the_turn[0] + TURN)
    widest = int(gaps.argmax())
    if gaps[widest] <= TURN - (high - low) or widest == len(gaps) - 1:
        return low, high, 0.0
    return float(round_the_turn[widest + 1]), float(round_the_turn[widest] + TURN), TURN
