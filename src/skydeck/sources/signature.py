"""Signature: a cheap way to see that a source has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from skydeck.sources.failure import errors_of
from skydeck.sources.location import Location, parse
from skydeck.sources.magic import MARKERS, marker_of

_METADATA = frozenset((*MARKERS, ".zattrs"))
_MAX_FOLDERS = 2000


def signature_of(location: str | Location) -> tuple[object, ...] | None:
    """A value that differs once a local file, or a metadata file of a local store, was written; None for URLs.

    Stores: (path, modified ns, bytes) of the metadata files of at most 2000 groups and arrays, without looking at
    chunks. Files: inode, modified ns, bytes. Raises SourceMissing.
    """
    place = parse(location) if isinstance(location, str) else location
    if not place.is_local:
        return None
    with errors_of(place):
        if os.path.isdir(place.path):
            return tuple(_metadata_files(place.path))
        status = os.stat(place.path)
        return (status.st_ino, status.st_mtime_ns, status.st_size)


def _metadata_files(root: str) -> Iterator[tuple[str, int, int]]:
    folders, seen = [root], 0
    while folders and seen < _MAX_FOLDERS:
        folder = folders.pop()
        seen += 1
        for name in sorted(_METADATA):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                status = os.stat(path)
                yield (os.path.relpath(path, root), status.st_mtime_ns, status.st_size)
        folders += _groups_below(folder)


def _groups_below(folder: str) -> list[str]:
    """Folders with metadata directly below a group; an array's folders hold chunks and are not looked at."""
    if os.path.isfile(os.path.join(folder, ".zarray")):
        return []
    with os.scandir(folder) as entries:
        below = sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    return [path for path in below if marker_of(path)]
