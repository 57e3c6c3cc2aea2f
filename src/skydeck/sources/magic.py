"""Magic: what the first bytes of a file, or the marker files of a directory, say that it is."""

from __future__ import annotations

import bz2
import os
import stat
import zlib
from typing import Literal

Kind = Literal["fits", "hdf5", "netcdf3", "zarr", ""]
HEAD = 4096
MARKERS = ("zarr.json", ".zmetadata", ".zgroup", ".zarray")

_FITS = b"SIMPLE  ="
_HDF5 = b"\x89HDF\r\n\x1a\n"
_NETCDF3 = (b"CDF\x01", b"CDF\x02", b"CDF\x05")


def kind_of_head(head: bytes) -> Kind:
    """The format of a file that begins with ``head`` (4096 bytes, or the whole of a shorter file); "" if unknown."""
    if _unpacked(head).startswith(_FITS):
        return "fits"
    if any(head[offset : offset + 8] == _HDF5 for offset in (0, 512, 1024, 2048)):
        return "hdf5"
    return "netcdf3" if head.startswith(_NETCDF3) else ""


def _unpacked(head: bytes) -> bytes:
    """The first bytes inside gzip or bzip2, or ``head`` itself."""
    try:
        if head.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(head, 80)
        if head.startswith(b"BZh"):
            # A bzip2 block of up to 900 kB comes whole or not at all: more than a head is needed to look inside.
            return bz2.BZ2Decompressor().decompress(head, 80) or _FITS
    except (zlib.error, OSError, EOFError, ValueError):
        return b""
    return head


def kind_of_path(path: str | os.PathLike[str]) -> Kind:
    """The format of a local file or directory by its first bytes; "" if unknown, unreadable or no regular file."""
    try:
        if os.path.isdir(path):
            return "zarr" if marker_of(path) else ""
        return kind_of_head(read_head(path))
    except OSError:
        return ""


def marker_of(path: str | os.PathLike[str]) -> str:
    """The first Zarr marker file in a directory, or ""."""
    return next((name for name in MARKERS if os.path.isfile(os.path.join(path, name))), "")


def read_head(path: str | os.PathLike[str]) -> bytes:
    """The first bytes of a regular file; b"" for pipes, sockets and devices, which may block. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, HEAD, 0) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
