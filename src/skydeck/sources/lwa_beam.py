"""OVRO-LWA beam recordings: spectra of one tuning of one observation, also while they are recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendEntrypoint

from skydeck.core.errors import SourceError
from skydeck.sources.decode import with_notes
from skydeck.sources.failure import errors_of
from skydeck.sources.hdf5_file import hdf5_file
from skydeck.sources.lazy import Key, lazy_variable
from skydeck.sources.location import Location, parse, redact
from skydeck.sources.magic import kind_of_path

# mnc_python: 196 MHz clock, 8192-point transforms; each of 32 pipelines makes 96 channels.
CHANNEL_WIDTH = 196e6 / 8192
PIPELINE = 96
_BLOCK = 4 * 2**20  # bytes looked at at once when searching the last written row
_NS = 1_000_000_000
_NAME = re.compile(r"(\d{6})_(\d{2})(\d{2})(\d{2})(\d{6})")
_GROUP = re.compile(r"(?:Observation)?(\d+)(?:/(?:Tuning)?(\d+))?")
_EPOCH = np.datetime64("1858-11-17T00:00:00", "ns")
_LABELS = {
    "XX": "XX",
    "YY": "YY",
    "XY_real": "Re XY",
    "XY_imag": "Im XY",
    "I": "Stokes I",
    "Q": "Stokes Q",
    "U": "Stokes U",
    "V": "Stokes V",
}


class BeamCells:
    """Rows of one product: unwritten rows and dead pipelines read as NaN.

    A pipeline is dead in a row when all of its ``block`` channels are exactly 0 there; so whole blocks are read.
    ``empty`` are the row numbers that were never written although later ones were.
    """

    dtype: np.dtype[Any] = np.dtype("f4")

    def __init__(
        self, location: str, address: str, path: str, shape: tuple[int, int], block: int, empty: npt.NDArray[Any]
    ) -> None:
        self.location = location
        self.address = address
        self.path = path
        self.shape: tuple[int, ...] = shape
        self.block = block
        self.empty = empty

    def read(self, key: Key) -> npt.NDArray[Any]:
        rows, channels = key
        columns = np.atleast_1d(np.arange(self.shape[1])[channels])
        if columns.size == 0:
            return np.empty(self.shape, self.dtype)[rows, channels]
        first = int(columns.min()) // self.block * self.block
        last = min(self.shape[1], (int(columns.max()) // self.block + 1) * self.block)
        whole = slice(rows, rows + 1) if not isinstance(rows, slice) else rows
        with hdf5_file(self.address) as file:
            data = np.asarray(file[self.path][whole, first:last], dtype=self.dtype)
        masked = self._masked(data, np.arange(self.shape[0])[whole])
        found = masked[:, columns - first]
        return found if isinstance(rows, slice) and isinstance(channels, slice) else _squeezed(found, rows, channels)

    def _masked(self, data: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        starts = np.arange(0, data.shape[1], self.block)
        alive = np.logical_or.reduceat(data != 0, starts, axis=1)
        widths = np.diff(np.append(starts, data.shape[1]))
        data[~np.repeat(alive, widths, axis=1)] = np.nan
        data[np.isin(rows, self.empty)] = np.nan
        return data


def _squeezed(found: npt.NDArray[Any], rows: Any, channels: Any) -> npt.NDArray[Any]:
    dropped = tuple(axis for axis, key in enumerate((rows, channels)) if not isinstance(key, slice))
    return np.asarray(np.squeeze(found, axis=dropped))


def is_lwa_beam(address: str) -> bool:
    """Whether an HDF5 file has the groups of a beam recording."""
    with hdf5_file(address) as file:
        return "Observation1/Tuning1/freq" in file


def open_lwa_beam(location: Location, options: Mapping[str, str]) -> xr.Dataset:
    """Spectra over dims (time, frequency), float32, NaN where nothing was received.

    ``options["group"]`` (or ``"observation"``) names another observation or tuning: ``2``, ``Observation2/Tuning1``.
    ``time`` is the middle of each integration (the file has its start), ``frequency`` the channel centres in Hz. Rows
    not yet written are cut off and counted in ``attrs["unwritten_rows"]``; opening again sees more. Raises
    SourceError, SourceMissing.
    """
    with errors_of(location), hdf5_file(location.path) as file:
        observation, tuning = _chosen(file, options, location.shown)
        return _dataset(file, observation, tuning, location)


def _chosen(file: Any, options: Mapping[str, str], shown: str) -> tuple[str, str]:
    wanted = options.get("group") or options.get("observation") or "1"
    matched = _GROUP.fullmatch(wanted.strip("/"))
    observation = f"Observation{matched.group(1)}" if matched else ""
    tuning = f"{observation}/Tuning{matched.group(2) or 1}" if matched else ""
    if not matched or f"{tuning}/freq" not in file:
        known = ", ".join(name for name, _ in _choices(file))
        raise SourceError(f"{shown} has no observation “{wanted}”", expected=f"Expected one of {known}")
    return observation, tuning


def lwa_beam_choices(location: Location) -> list[tuple[str, str]]:
    """Observations and tunings that ``options["group"]`` may name, with shape and products."""
    with errors_of(location), hdf5_file(location.path) as file:
        return _choices(file)


def _choices(file: Any) -> list[tuple[str, str]]:
    found = []
    for observation in sorted((name for name in file if name.startswith("Observation")), key=_number):
        for tuning in sorted((name for name in file[observation] if name.startswith("Tuning")), key=_number):
            products = _products(file[observation][tuning])
            shape = next(iter(products.values())).shape if products else (0, 0)
            text = f"{shape[0]} × {shape[1]}, {', '.join(products)}"
            found.append((f"{observation}/{tuning}", text))
    return found


def _number(name: str) -> int:
    digits = re.sub(r"\D", "", name)
    return int(digits) if digits else 0


def _products(tuning: Any) -> dict[str, Any]:
    """The 2-D datasets with as many columns as there are channels."""
    channels = tuning["freq"].shape[0]
    items = {name: tuning[name] for name in tuning if name != "freq"}
    found = {n: item for n, item in items.items() if getattr(item, "ndim", 0) == 2 and item.shape[1] == channels}
    return {
        name: found[name] for name in (*(n for n in _LABELS if n in found), *(n for n in found if n not in _LABELS))
    }


@dataclass(frozen=True)
class Rows:
    """Which rows are there: ``count`` from the start, of which those numbered in ``empty`` hold nothing."""

    count: int
    times: npt.NDArray[np.datetime64] | None
    empty: npt.NDArray[np.int64]
    note: str = ""


def _dataset(file: Any, observation: str, tuning: str, location: Location) -> xr.Dataset:
    products = _products(file[tuning])
    if not products:
        raise SourceError(
            f"{tuning} of {location.shown} holds no spectra", expected="Expected XX, YY, XY_real, XY_imag, I, Q, U or V"
        )
    frequency = np.asarray(file[tuning]["freq"][()], dtype=float)
    about = _about(file, observation)
    rows = _rows(file, observation, products, about, location)
    total = max(item.shape[0] for item in products.values())
    block = block_of(float(about.get("RBW") or CHANNEL_WIDTH))
    variables = {
        name: _variable(name, item, rows, block, location)
        for name, item in products.items()
        if item.shape[0] >= rows.count
    }
    coords: dict[str, Any] = {"frequency": ("frequency", frequency, {"units": "Hz"})}
    if rows.times is not None:
        coords["time"] = ("time", rows.times)
    dataset = xr.Dataset(
        variables, coords=coords, attrs=about | {"observation": tuning, "unwritten_rows": total - rows.count}
    )
    return with_notes(dataset, [rows.note])


def block_of(channel_width: float) -> int:
    """Channels of one X-engine pipeline (or of two, a subband) after averaging to ``channel_width`` Hz."""
    average = max(1, round(channel_width / CHANNEL_WIDTH))
    return PIPELINE // average if PIPELINE % average == 0 else max(1, 2 * PIPELINE // average)


def _variable(name: str, item: Any, rows: Rows, block: int, location: Location) -> xr.Variable:
    shape = (rows.count, item.shape[1])
    cells = BeamCells(location.shown, location.path, item.name, shape, block, rows.empty)
    return lazy_variable(("time", "frequency"), cells, {"long_name": _LABELS.get(name, name)}, item.chunks)


def _about(file: Any, observation: str) -> dict[str, Any]:
    """Attributes of file and observation as texts and numbers, secrets taken out."""
    found: dict[str, Any] = {}
    for item in (file, file[observation]):
        for name in item.attrs:
            value = item.attrs[name]
            value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            found[name] = redact(value) if isinstance(value, str) else np.asarray(value).tolist()
    return found


def _rows(
    file: Any, observation: str, products: Mapping[str, Any], about: Mapping[str, Any], location: Location
) -> Rows:
    step = _integration(about)
    try:
        stamps = file[observation]["time"][()]
        whole, part = stamps["int"].astype("int64"), stamps["frac"].astype(float)
    except (OSError, KeyError, ValueError, RuntimeError, IndexError):
        # HDF5 2.0 refuses the contiguous time axis of a file that is being recorded.
        return _rows_by_data(products, about, step, location)
    written = np.flatnonzero(whole > 0)
    if written.size == 0:
        return _rows_by_data(products, about, step, location)
    count = min(int(written[-1]) + 1, *(item.shape[0] for item in products.values()))
    written = written[written < count]
    starts = whole[written] * _NS + np.rint(part[written] * _NS).astype("int64")
    # Rows nobody wrote lie between those that were; their times too, so that the axis stays an axis.
    filled = _filled(np.arange(count), written, starts)
    times = (filled + int(step * _NS / 2)).astype("datetime64[ns]")
    return Rows(count, times, np.setdiff1d(np.arange(count), written))


def _filled(wanted: npt.NDArray[Any], known: npt.NDArray[Any], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Integers interpolated at ``wanted``, exact at ``known`` (doubles would lose 256 ns at today's dates)."""
    origin = values[0]
    between = np.interp(wanted, known, (values - origin).astype(float))
    found = origin + np.rint(between).astype("int64")
    found[known] = values
    return np.asarray(found)


def _rows_by_data(products: Mapping[str, Any], about: Mapping[str, Any], step: float, location: Location) -> Rows:
    count = max(written_rows(item) for item in products.values())
    count = min(count, *(item.shape[0] for item in products.values()))
    start = start_of(location.name, str(about.get("FileCreation", "")))
    none = np.empty(0, dtype=np.int64)
    if start is None or step <= 0:
        return Rows(count, None, none, "the file has no times yet; rows are counted")
    offsets = np.rint((np.arange(count) + 0.5) * step * _NS).astype("int64").astype("timedelta64[ns]")
    return Rows(count, start + offsets, none, "the file has no times yet; they are made from its name and tInt")


def written_rows(item: Any) -> int:
    """How many rows up to the last that isn't all zero: the last allocated chunk is searched from its end."""
    end = int(item.shape[0])
    if item.chunks:
        chunks = item.id.get_num_chunks()
        offsets = [item.id.get_chunk_info(index).chunk_offset[0] for index in range(chunks)]
        end = min(end, int(max(offsets) + item.chunks[0])) if offsets else 0
    height = max(1, _BLOCK // max(1, int(item.shape[1]) * int(item.dtype.itemsize)))
    while end > 0:
        start = max(0, end - height)
        filled = np.flatnonzero(np.any(item[start:end] != 0, axis=1))  # NaN counts as written
        if filled.size:
            return start + int(filled[-1]) + 1
        end = start
    return 0


def _integration(about: Mapping[str, Any]) -> float:
    step = about.get("tInt")
    return float(step) if isinstance(step, int | float) and 0 < step < 1e6 else 0.0


def start_of(name: str, created: str) -> np.datetime64[Any] | None:
    """When a recording began: MJD and time of day in its name, or else its attribute ``FileCreation``."""
    if matched := _NAME.match(name):
        day, hours, minutes, seconds, micros = (int(text) for text in matched.groups())
        whole = ((day * 24 + hours) * 60 + minutes) * 60 + seconds
        return _EPOCH + np.timedelta64(whole * _NS + micros * 1000, "ns")
    try:
        begun = datetime.strptime(created.removeprefix("UTC").strip(), "%Y/%m/%d %H:%M:%S")
        return np.datetime64(begun.isoformat(), "ns")
    except ValueError:
        return None


class LwaBeamBackend(BackendEntrypoint):
    """xarray engine ``skydeck-lwa-beam``."""

    description = "OVRO-LWA beam recordings (HDF5)"
    url = "https://github.com/skydeck/skydeck"

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> xr.Dataset:
        dataset = open_lwa_beam(parse(str(filename_or_obj)), {"group": group} if group else {})
        return dataset.drop_vars([drop_variables] if isinstance(drop_variables, str) else list(drop_variables or []))

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        if not isinstance(filename_or_obj, str) or "://" in filename_or_obj or kind_of_path(filename_or_obj) != "hdf5":
            return False
        try:
            return is_lwa_beam(filename_or_obj)
        except (OSError, RuntimeError, ValueError, KeyError):
            return False
