"""Readers: which one opens a source, decided by its content, then by its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import xarray as xr

from skydeck.core.errors import SourceError, SourceMissing
from skydeck.sources import magic
from skydeck.sources.failure import errors_of
from skydeck.sources.files import beginning
from skydeck.sources.location import Location, parse, redact
from skydeck.sources.quiet import noted
from skydeck.sources.remote import OPEN_SECONDS, filesystem, within

Options = Mapping[str, str]
KNOWN_OPTIONS = frozenset({"hdu", "group", "observation", "endpoint_url", "anon", "engine"})
_FITS_NAMES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz", ".fits.bz2")
_HDF5_NAMES = (".h5", ".hdf5", ".hdf", ".nc", ".nc4", ".netcdf", ".cdf")
_KNOWN = "Expected FITS, HDF5, NetCDF or Zarr, or a format whose xarray engine is installed"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was seen of a source: the format of its first bytes or marker files, or "" ."""

    location: Location
    kind: magic.Kind

    def named(self, *suffixes: str) -> bool:
        return self.location.name.lower().endswith(suffixes)


@dataclass(frozen=True, slots=True)
class Reader:
    """One way of opening. ``name`` is its xarray engine; ``choices`` lists what its options may name."""

    name: str
    accepts: Callable[[Probe], bool]
    open: Callable[[Location, Options], xr.Dataset]
    choices: Callable[[Location, Options], list[tuple[str, str]]]


def open_source(location: str, options: Mapping[str, str] | None = None) -> xr.Dataset:
    """Open a path or URL as a lazy Dataset in Skydeck's conventions; nothing but coordinates is read.

    ``options``: ``hdu`` (FITS), ``group`` (HDF5, Zarr, beam recordings), ``engine`` (an xarray engine by name,
    instead of sniffing), ``endpoint_url`` and ``anon`` (S3). Raises SourceError, SourceMissing, NotAllowed.
    """
    place, chosen = parse(location), dict(options or {})
    _check_options(chosen)
    if "engine" in chosen:
        return _by_engine(chosen.pop("engine"), place, chosen)
    dataset = _reader(place, chosen).open(place, chosen)
    dataset.encoding["source"] = place.shown
    return dataset


def sniff(location: str, options: Mapping[str, str] | None = None) -> str:
    """The name of the engine that opens a source. Raises SourceError where none does."""
    place = parse(location)
    return _reader(place, options or {}).name


def list_choices(location: str, options: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(name, description) of the HDUs, groups or observations one may choose; empty where there is no choice."""
    place = parse(location)
    return _reader(place, options or {}).choices(place, options or {})


def _check_options(options: Options) -> None:
    unknown = sorted(set(options) - KNOWN_OPTIONS)
    if unknown:
        raise SourceError(
            f"Sources have no option “{unknown[0]}”", expected=f"Expected one of {', '.join(sorted(KNOWN_OPTIONS))}"
        )


def _reader(location: Location, options: Options) -> Reader:
    probe = Probe(location, _kind(location, options))
    for reader in READERS:
        with errors_of(location):
            if reader.accepts(probe):
                return reader
    engine = _installed_engine(location)
    if engine is not None:
        return Reader(engine, lambda probe: True, partial(_by_engine, engine), lambda location, options: [])
    raise SourceError(f"{location.shown} is in no format that can be read", expected=_KNOWN)


def _kind(location: Location, options: Options) -> magic.Kind:
    if not location.is_local:
        return within(OPEN_SECONDS, location, lambda: _remote_kind(location, options))
    with errors_of(location):
        if os.path.isdir(location.path):
            return "zarr" if magic.marker_of(location.path) else ""
        if os.path.getsize(location.path) == 0 and os.path.isfile(location.path):
            raise SourceError(f"{location.shown} is empty (0 bytes)", remedy="Copy it again from where it came from")
        return magic.kind_of_head(magic.read_head(location.path))


def _remote_kind(location: Location, options: Options) -> magic.Kind:
    """The format behind a URL: marker files first, unless its name says that it is a single file."""
    system, path = filesystem(location, options)
    single = location.name.lower().endswith((*_FITS_NAMES, *_HDF5_NAMES))
    steps = (_head_kind, _store_kind) if single else (_store_kind, _head_kind)
    missing: SourceMissing | None = None
    for step in steps:
        try:
            with errors_of(location):
                kind = step(system, path)
        except SourceMissing as error:
            if not isinstance(error.__cause__, FileNotFoundError | PermissionError) and _status(error) not in {
                401,
                403,
                404,
            }:
                raise
            missing = missing if missing is not None and _status(missing) in {401, 403} else error
            continue
        if kind:
            return kind
    if missing is not None:
        raise missing
    return ""


def _status(error: BaseException) -> int | None:
    return getattr(error.__cause__, "status", None)


def _store_kind(system: Any, path: str) -> magic.Kind:
    refused: Exception | None = None
    for name in magic.MARKERS:
        try:
            beginning(system, f"{path}/{name}", 1)
        except (FileNotFoundError, IsADirectoryError):
            continue
        except Exception as error:  # aiohttp and botocore share no base class; S3 says "forbidden" of what isn't there
            if getattr(error, "status", None) not in {401, 403} and not isinstance(error, PermissionError):
                raise
            refused = error
        else:
            return "zarr"
    if refused is not None:
        raise refused
    return ""


def _head_kind(system: Any, path: str) -> magic.Kind:
    return magic.kind_of_head(beginning(system, path, magic.HEAD))


def _open_fits(location: Location, options: Options) -> xr.Dataset:
    from skydeck.sources.fits import open_fits

    if not location.is_local:
        raise SourceError(
            f"{location.shown} is a FITS file, which isn't read over a network",
            remedy="Download it, or convert it to Zarr",
        )
    with errors_of(location):
        dataset: xr.Dataset = open_fits(location.path, options.get("hdu"))
        return dataset


def _fits_choices(location: Location, options: Options) -> list[tuple[str, str]]:
    from skydeck.sources.fits import list_hdus

    with errors_of(location):
        found = [hdu for hdu in list_hdus(location.path) if hdu.is_image]
    texts = [(str(hdu.index), f"{hdu.name} {'×'.join(map(str, hdu.shape))} {hdu.dtype}".strip()) for hdu in found]
    return texts if len(texts) > 1 else []


def _is_beam(probe: Probe) -> bool:
    from skydeck.sources.lwa_beam import is_lwa_beam

    return probe.kind == "hdf5" and probe.location.is_local and is_lwa_beam(probe.location.path)


def _open_beam(location: Location, options: Options) -> xr.Dataset:
    from skydeck.sources.lwa_beam import open_lwa_beam

    return open_lwa_beam(location, options)


def _beam_choices(location: Location, options: Options) -> list[tuple[str, str]]:
    from skydeck.sources.lwa_beam import lwa_beam_choices

    found = lwa_beam_choices(location)
    return found if len(found) > 1 else []


def _open_hdf5(location: Location, options: Options) -> xr.Dataset:
    from skydeck.sources.hdf5 import open_hdf5

    return open_hdf5(location, options)


def _hdf5_choices(location: Location, options: Options) -> list[tuple[str, str]]:
    from skydeck.sources.hdf5 import hdf5_choices

    return hdf5_choices(location)


def _open_netcdf3(location: Location, options: Options) -> xr.Dataset:
    from skydeck.sources.netcdf3 import open_netcdf3

    return open_netcdf3(location, options)


def _open_tree(location: Location, options: Options) -> xr.Dataset:
    from skydeck.sources.tree import open_tree

    return open_tree(location, options)


def _tree_choices(location: Location, options: Options) -> list[tuple[str, str]]:
    from skydeck.sources.tree import tree_choices

    return tree_choices(location, options)


def _none(location: Location, options: Options) -> list[tuple[str, str]]:
    return []


# The one list: content first, then names, so that a damaged file meets the reader that can say what is wrong with it.
READERS: tuple[Reader, ...] = (
    Reader("skydeck-fits", lambda probe: probe.kind == "fits", _open_fits, _fits_choices),
    Reader("skydeck-lwa-beam", _is_beam, _open_beam, _beam_choices),
    Reader("skydeck-hdf5", lambda probe: probe.kind == "hdf5", _open_hdf5, _hdf5_choices),
    Reader("skydeck-netcdf3", lambda probe: probe.kind == "netcdf3", _open_netcdf3, _none),
    Reader("skydeck-tree", lambda probe: probe.kind == "zarr", _open_tree, _tree_choices),
    Reader("skydeck-tree", lambda probe: probe.named(".zarr", ".dt", ".qc"), _open_tree, _tree_choices),
    Reader("skydeck-fits", lambda probe: probe.named(*_FITS_NAMES), _open_fits, _fits_choices),
    Reader("skydeck-hdf5", lambda probe: probe.named(*_HDF5_NAMES), _open_hdf5, _hdf5_choices),
)


def _installed_engine(location: Location) -> str | None:
    """The first engine installed by somebody else that says it can open a source."""
    ours = {reader.name for reader in READERS}
    for name, engine in xr.backends.list_engines().items():
        if name in ours or type(engine).__module__.startswith(("xarray.", "skydeck.")):
            continue
        try:
            if engine.guess_can_open(location.path):
                return name
        except Exception:
            continue
    return None


def _by_engine(engine: str, location: Location, options: Options) -> xr.Dataset:
    known = xr.backends.list_engines()
    for reader in READERS:
        if reader.name == engine:
            return reader.open(location, options)
    if engine not in known:
        raise SourceError(
            f"There is no xarray engine “{redact(engine)}” here", expected=f"Expected one of {', '.join(sorted(known))}"
        )
    backend_options = {key: value for key, value in options.items() if key == "group"}
    with errors_of(location), noted():
        dataset = xr.open_dataset(location.path, engine=engine, cache=False, backend_kwargs=backend_options)
    dataset.encoding["source"] = location.shown
    return dataset
