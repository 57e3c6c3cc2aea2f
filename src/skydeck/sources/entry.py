"""Entry: a line of a folder as a file browser shows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from skydeck.core.errors import NotAllowed
from skydeck.sources.failure import errors_of
from skydeck.sources.magic import kind_of_path
from skydeck.sources.roots import confine

MAX_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder: ``size`` in bytes (0 for folders and stores), ``mtime`` in seconds since 1970 UTC."""

    name: str
    kind: Literal["source", "directory", "other"]
    size: int
    mtime: float


def listing(directory: str | Path, roots: Sequence[Path]) -> list[Entry]:
    """The first 5000 entries of a folder inside ``roots``: folders, then files, by name.

    "source" is what begins like a format of ours; Zarr stores are sources, not folders. Links that lead out of the
    roots are "other". Raises NotAllowed, SourceMissing.
    """
    folder = confine(directory, roots)
    with errors_of(str(folder)), os.scandir(folder) as entries:
        found = [_entry(entry, roots) for entry in islice(entries, MAX_ENTRIES)]
    return _sorted(found)


def _entry(entry: os.DirEntry[str], roots: Sequence[Path]) -> Entry:
    try:
        status = entry.stat()
        if entry.is_symlink():
            confine(entry.path, roots)
        is_folder = entry.is_dir()
    except (OSError, NotAllowed):  # a dangling link, a link out, gone since
        return Entry(entry.name, "other", 0, 0.0)
    if kind_of_path(entry.path):
        return Entry(entry.name, "source", 0 if is_folder else status.st_size, status.st_mtime)
    return Entry(entry.name, "directory" if is_folder else "other", 0 if is_folder else status.st_size, status.st_mtime)


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.kind != "directory", entry.name.casefold(), entry.name))
