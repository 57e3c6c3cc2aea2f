"""Opening HDF5 files: finished, growing (SWMR), or behind a URL."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skydeck.sources.location import parse
from skydeck.sources.remote import filesystem

_MAX_REMOTE = 8
_BLOCK = 2**20
_remote: OrderedDict[str, Any] = OrderedDict()
_remote_lock = threading.Lock()


@contextmanager
def hdf5_file(address: str) -> Iterator[Any]:
    """An open h5py.File for reading.

    Local files are opened for each use (1 ms), so that no stale handle outlives a writer's flush, and are opened in
    SWMR mode while somebody records them. Files behind URLs stay open: the eight last used. Raises h5py's OSError.
    """
    location = parse(address)
    if not location.is_local:
        yield _remote_file(location.path)
        return
    file = _local_file(location.path)
    try:
        yield file
    finally:
        file.close()


def _local_file(path: str) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise
    except OSError as first:
        try:
            return h5py.File(path, "r", libver="latest", swmr=True)
        except (OSError, ValueError):
            raise first from None


def _remote_file(url: str) -> Any:
    import h5py

    with _remote_lock:
        if url in _remote:
            _remote.move_to_end(url)
            return _remote[url]
    system, path = filesystem(parse(url), {})
    stream = system.open(path, mode="rb", block_size=_BLOCK, cache_type="blockcache", cache_options={"maxblocks": 64})
    file = h5py.File(stream, "r")
    with _remote_lock:
        _remote[url] = file
        if len(_remote) > _MAX_REMOTE:
            _remote.popitem(last=False)  # not closed: somebody may be reading; h5py closes what nobody holds
    return file


def forget(address: str) -> None:
    """Let the next use of a URL open it anew, so that opening a source again shows what is there now."""
    with _remote_lock:
        _remote.pop(address, None)
