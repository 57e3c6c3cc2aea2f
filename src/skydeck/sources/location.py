"""Location: where a source is, as a local path or a URL, and how to show it without its secrets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from skydeck.core.errors import NotAllowed, SourceError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
# Ways of fsspec to wrap another file or to run a program: they would reach local files around ``confine``.
_WRAPPERS = frozenset(
    [
        "dir",
        "zip",
        "tar",
        "libarchive",
        "simplecache",
        "filecache",
        "blockcache",
        "cached",
        "reference",
        "git",
        "asyncwrapper",
        "generic",
        "blocking",
        "dask",
        "jlab",
        "jupyter",
        "data",
        "lfs",
    ]
)
_LOCAL = frozenset({"file", "local"})

_USER = re.compile(r"(://)(?:[^\s/?#@\"'<>]*@)+")
_ODD_USER = re.compile(r"(://)[^\s/?#@:\"'<>]+:(?!\d+(?:[/?#\s]|$))[^\s@\"'<>]*@")
_SECRET_WORDS = r"token|key|passw|pwd|secret|signature|credential|auth|session|x-amz-|x-goog-"
_QUERY = re.compile(
    rf"([?&;#])((?:[\w.\-%\[\]]*(?:{_SECRET_WORDS})[\w.\-%\[\]]*|sig|sas)=)[^&;#\s\"'<>]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Location:
    """A place to read from: ``path`` is an absolute local path, or the whole URL with its secrets.

    ``shown`` is what may be told to anybody. The repr holds no secrets.
    """

    protocol: str
    path: str = field(repr=False)

    @property
    def is_local(self) -> bool:
        return self.protocol == "file"

    @property
    def is_http(self) -> bool:
        return self.protocol in {"http", "https"}

    @property
    def shown(self) -> str:
        return self.path if self.is_local else redact(self.path)

    @property
    def name(self) -> str:
        """The last part of the path, without a query: ``cube.zarr``."""
        path = self.path if self.is_local else urlsplit(self.path).path
        return path.rstrip("/").rsplit("/", 1)[-1]


def parse(text: str) -> Location:
    """Understand a path or a URL that fsspec can open.

    ``file:`` URLs become paths; a path is made absolute (``~`` is expanded). Raises SourceError for text that is
    neither, NotAllowed for URLs that wrap others (``zip://``, ``a::b``).
    """
    text = text.strip()
    if not text or "\0" in text:
        raise SourceError(
            "A source needs a path or a URL", expected="For example /data/cube.zarr or https://host/cube.zarr"
        )
    if "::" in text and "://" in text:  # fsspec chains file systems with it, and so reaches local files
        raise _wrapped(text)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Location("file", os.path.abspath(os.path.expanduser(text)))
    protocol = scheme.group(1).lower()
    if protocol in _LOCAL:
        return Location("file", _path_of_file_url(text))
    if protocol in _WRAPPERS:
        raise _wrapped(text)
    return Location(_known(protocol, text), text)


def _wrapped(text: str) -> NotAllowed:
    return NotAllowed(f"{redact(text)} wraps another file", remedy="Give the plain path or URL of the data")


def _path_of_file_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"}:
        raise SourceError(f"{redact(text)} names a host", expected="Expected file:///absolute/path")
    path = unquote(parts.path)
    if not path.startswith("/") or "\0" in path:
        raise SourceError(f"{redact(text)} isn't an absolute path", expected="Expected file:///absolute/path")
    return os.path.abspath(path)


def _known(protocol: str, text: str) -> str:
    from fsspec.registry import known_implementations  # 30 ms: on use

    if protocol not in known_implementations:
        raise SourceError(
            f"{redact(text)} can't be opened: nothing here knows {protocol}://",
            expected="Expected a path, http(s):// or s3://",
        )
    if not urlsplit(text).netloc and protocol in {"http", "https", "s3"}:
        raise SourceError(f"{redact(text)} lacks a host or a bucket", expected=f"Expected {protocol}://name/path")
    return protocol


def redact(text: str) -> str:
    """Any text with the user-info and token-like query values of every URL in it taken out.

    ``https://me:pw@host/a?token=x`` becomes ``https://host/a?token=***``. Applying it twice changes nothing.
    """
    if "://" not in text:
        return text
    text = _USER.sub(r"\1", text)
    text = _ODD_USER.sub(r"\1", text)
    return _QUERY.sub(r"\1\2***", text)
