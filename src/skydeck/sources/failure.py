"""Failure: what other libraries raise while reading, as sentences of ours."""

from __future__ import annotations

import errno
import lzma
import ssl
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from skydeck.core.errors import SkydeckError, SourceChanged, SourceError, SourceMissing, TooBig
from skydeck.sources.location import Location, redact

# zarr, h5py and numcodecs raise most kinds of builtin on damaged input; what a damaged file can't cause isn't here.
_BUILTIN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, AssertionError, EOFError)
_KINDS = (*_BUILTIN, ArithmeticError, MemoryError, zlib.error, lzma.LZMAError, struct.error)
_LIBRARIES = frozenset(
    [
        "aiohttp",
        "botocore",
        "aiobotocore",
        "fsspec",
        "s3fs",
        "zarr",
        "h5py",
        "numcodecs",
        "yarl",
        "zstandard",
        "google_crc32c",
    ]
)
_TRUNCATED = ("truncated file", "end of file", "unexpected eof", "addr overflow")
_LOCKED = ("unable to lock file", "already open for write", "resource temporarily unavailable")


@contextmanager
def errors_of(location: str | Location, *, opened: bool = False) -> Iterator[None]:
    """Turn what reading ``location`` raises into SourceError, SourceMissing, SourceChanged or TooBig.

    For opening and for later lazy reads (``opened=True``: what has gone since was removed). Errors of ours pass
    through; the original stays the ``__cause__``. Sentences hold no credentials.
    """
    try:
        yield
    except SkydeckError:
        raise
    except Exception as error:  # these libraries share no base class; what isn't theirs is raised again
        if not _is_reading(error):
            raise
        raise explained(error, location, opened) from error


def _is_reading(error: Exception) -> bool:
    return isinstance(error, _KINDS) or type(error).__module__.split(".")[0] in _LIBRARIES


def explained(error: Exception, location: str | Location, opened: bool = False) -> SkydeckError:
    """The sentence for one exception of another library."""
    shown = redact(location) if isinstance(location, str) else location.shown
    for explain in (_web, _missing, _unreachable, _refused, _memory, _damaged):
        found = explain(error, shown, opened)
        if found is not None:
            return found
    return SourceError(
        f"{shown} can't be read: {brief(error)}", remedy="Check that the file is complete, or copy it again"
    )


def brief(error: BaseException) -> str:
    """The first line of an exception's text, without secrets, at most 200 characters."""
    lines = redact(str(error)).strip().splitlines()
    text = lines[0].strip().strip("'\"") if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _web(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        return None
    if status in {401, 403}:
        return SourceMissing(f"{shown} refused access (HTTP {status})", remedy="Check the address and the credentials")
    if status in {404, 410}:
        return SourceMissing(f"{shown} isn't there (HTTP {status})", remedy="Check the address")
    return SourceMissing(f"{shown} answered with HTTP {status}", remedy="Try again later, or ask who runs that server")


def _missing(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    if not isinstance(error, FileNotFoundError):
        return None
    if opened:
        return SourceChanged(f"{shown} was removed or replaced while it was open", remedy="Open it again")
    return SourceMissing(f"{shown} isn't there", remedy="Check the path or the address")


def _unreachable(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    name = type(error).__name__
    if isinstance(error, ssl.SSLError) or "SSL" in name or "Certificate" in name:
        return SourceMissing(f"{shown} has no valid TLS certificate: {brief(error)}", remedy="Check the address")
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return SourceMissing(f"{shown} didn't answer in time", remedy="Try again, or check the network")
    cause = getattr(error, "os_error", error)  # aiohttp wraps what the socket said
    if getattr(cause, "errno", None) == errno.ECONNREFUSED or "refused" in str(error).lower():
        return SourceMissing(f"{shown} can't be reached: connection refused", remedy="Check host and port")
    if isinstance(error, ConnectionError) or "Connect" in name or "Disconnected" in name or "Payload" in name:
        return SourceMissing(f"{shown} can't be reached: {brief(error)}", remedy="Check the address and the network")
    return None


def _refused(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    text = str(error).lower()
    if isinstance(error, BlockingIOError) or any(phrase in text for phrase in _LOCKED):
        return SourceError(f"{shown} is being written by another program", remedy="Open it when that has finished")
    if isinstance(error, PermissionError) or "credentials" in text:
        return SourceMissing(
            f"{shown} can't be read: access denied", remedy="Check its permissions or your credentials"
        )
    if isinstance(error, IsADirectoryError):
        return SourceError(f"{shown} is a directory", expected="Expected a file, or a Zarr store")
    if isinstance(error, NotADirectoryError):
        return SourceMissing(f"{shown} isn't there", remedy="Check the path")
    return None


def _memory(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    if isinstance(error, MemoryError):
        return TooBig(f"Reading {shown} needs more memory than there is", remedy="Choose a smaller part")
    return None


def _damaged(error: Exception, shown: str, opened: bool) -> SkydeckError | None:
    text = str(error).lower()
    if any(phrase in text for phrase in _TRUNCATED) or isinstance(error, EOFError):
        return SourceError(f"{shown} is cut short: {brief(error)}", remedy="Copy it again from where it came from")
    if isinstance(error, RecursionError):
        return SourceError(f"{shown} is nested too deeply to be read")
    return None
