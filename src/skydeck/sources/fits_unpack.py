"""Unpack: .fits.gz and .fits.bz2 can't be read by section, so they are unpacked once into a bounded cache."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from skydeck.core.errors import SourceError, TooBig
from skydeck.sources.pread import Pinned, pinned

Progress = Callable[[float], None]

CACHE_BYTES = 20_000_000_000
MAX_UNPACKED = 200_000_000_000
KEEP_FREE = 1_000_000_000
_BLOCK = 1 << 20
_SPACE_EVERY = 64  # blocks between two looks at the free space
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, OSError)


def default_cache() -> Path:
    """Where unpacked files are kept when nothing else is said: $XDG_CACHE_HOME or ~/.cache, skydeck/unpacked."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skydeck" / "unpacked"


def packing(file: Pinned) -> str:
    """ "gzip", "bzip2", or "" by a file's first bytes."""
    start = file.read(0, 4)
    return "gzip" if start[:3] == b"\x1f\x8b\x08" else "bzip2" if start[:3] == b"BZh" else ""


def first_bytes(file: Pinned, count: int) -> bytes:
    """The first unpacked bytes; fewer, or none, of what is damaged or short."""
    try:
        with _unpacker(file) as (stream, _):
            return stream.read(count)
    except _DAMAGED:
        return b""


def unpacked(
    file: Pinned,
    cache: Path | None = None,
    progress: Progress | None = None,
    *,
    cache_bytes: int = CACHE_BYTES,
    max_bytes: int = MAX_UNPACKED,
) -> Pinned:
    """The file itself, or its unpacked copy where it is packed; made once for each path, size and modification time.

    ``progress`` gets fractions from 0 to 1. Copies used longest ago are removed beyond ``cache_bytes`` in all. Raises
    SourceError for what is damaged, no FITS or can't be kept, TooBig for more than ``max_bytes`` or the disk holds.
    """
    if not packing(file):
        return file
    if not first_bytes(file, 9).startswith(b"SIMPLE"):
        raise SourceError(f"{file.shown} doesn't unpack to a FITS file", remedy="It may be damaged; copy it again")
    folder = cache or default_cache()
    name = hashlib.sha256(repr((file.path, file.signature[1:])).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    copy = folder / f"{name}.fits"
    with _locked(folder, copy):
        if not copy.exists():
            _unpack(file, copy, progress, max_bytes)
            _evict(folder, copy, cache_bytes)
        if progress:
            progress(1.0)
        return replace(pinned(copy), origin=file.shown)


@contextmanager
def _locked(folder: Path, copy: Path) -> Iterator[None]:
    """Keep other threads and processes from the same copy; the lock's modification time says when it was used last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(_mark(copy), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SourceError(
            f"The folder {folder} for unpacked files can't be written: {error.strerror}",
            remedy="Make it writable, set XDG_CACHE_HOME, or unpack the file yourself",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.utime(descriptor)
        yield
    finally:
        os.close(descriptor)


def _mark(copy: Path) -> Path:
    return copy.with_suffix(".used")


@contextmanager
def _unpacker(file: Pinned) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The unpacking stream and the packed one under it."""
    opener = gzip.open if packing(file) == "gzip" else bz2.open
    with file.opened() as descriptor, os.fdopen(os.dup(descriptor), "rb") as packed:
        packed.seek(0)
        with opener(packed, "rb") as stream:
            yield stream, packed  # type: ignore[misc]  # both are binary: mode "rb"


def _unpack(file: Pinned, copy: Path, progress: Progress | None, max_bytes: int) -> None:
    """Unpack beside the copy's place, then move it there whole."""
    descriptor, aside = tempfile.mkstemp(dir=copy.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as target, _unpacker(file) as (stream, packed):
            for done in _pour(stream, target, copy.parent, file, max_bytes):
                if progress and done:
                    progress(min(1.0, packed.tell() / max(1, file.size)))
        os.replace(aside, copy)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(aside)
        if isinstance(error, _DAMAGED) and not isinstance(error, SourceError):
            what = f"{file.shown} can't be unpacked: {error}"
            raise SourceError(what, remedy="It may be cut short, or the disk full") from error
        raise


def _pour(stream: BinaryIO, target: BinaryIO, folder: Path, file: Pinned, max_bytes: int) -> Iterator[int]:
    """Copy block by block and say how many bytes there are; raises TooBig before a bomb fills the disk."""
    done = 0
    for count, block in enumerate(iter(lambda: stream.read(_BLOCK), b"")):
        done += len(block)
        full = count % _SPACE_EVERY == 0 and shutil.disk_usage(folder).free < KEEP_FREE + _SPACE_EVERY * _BLOCK
        if done > max_bytes or full:
            why = "the disk is full" if full else f"more than {max_bytes / 1e9:g} GB come out of it"
            raise TooBig(f"{file.shown} can't be unpacked: {why}", remedy="Unpack it yourself where there is room")
        target.write(block)
        yield done


def _evict(folder: Path, keep: Path, cache_bytes: int) -> None:
    """Remove the copies used longest ago until the rest fits; never the one just made."""
    copies = []
    for copy in folder.glob("*.fits"):
        with suppress(OSError):
            copies.append((_used(copy), copy.stat().st_size, copy))
    total = sum(size for _, size, _ in copies)
    for _, size, copy in sorted(copies):
        if total <= cache_bytes:
            return
        if copy != keep:
            for path in (copy, _mark(copy)):
                path.unlink(missing_ok=True)
            total -= size


def _used(copy: Path) -> int:
    mark = _mark(copy)
    return (mark if mark.exists() else copy).stat().st_mtime_ns
