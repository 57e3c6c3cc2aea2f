"""Errors of other libraries become sentences; nobody's mistakes are hidden."""

import errno
import ssl
import zlib

import pytest

from skydeck.core.errors import SkydeckError, SourceChanged, SourceError, SourceMissing, TooBig
from skydeck.sources.failure import errors_of

URL = "https://me:hunter2@host/a.zarr?token=abc"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (FileNotFoundError(2, "no"), SourceMissing, "isn't there"),
        (PermissionError(13, "no"), SourceMissing, "denied"),
        (ConnectionRefusedError(111, "Connection refused"), SourceMissing, "refused"),
        (TimeoutError(), SourceMissing, "answer"),
        (ssl.SSLError("bad certificate"), SourceMissing, "TLS"),
        (IsADirectoryError(21, "x"), SourceError, "directory"),
        (BlockingIOError(11, "Resource temporarily unavailable"), SourceError, "written by another"),
        (OSError("Unable to synchronously open file (truncated file: eof = 96)"), SourceError, "cut short"),
        (zlib.error("Error -3 while decompressing"), SourceError, "can't be read"),
        (KeyError("a"), SourceError, "can't be read"),
        (MemoryError(), TooBig, "memory"),
        (RecursionError(), SourceError, "nested"),
        (OSError(errno.EIO, f"read {URL} failed"), SourceError, "can't be read"),
    ],
)
def test_each_failure_has_its_sentence_without_secrets(error, kind, says):
    with pytest.raises(kind) as caught, errors_of(URL):
        raise error
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value) and "abc" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_what_went_missing_after_opening_has_changed():
    with pytest.raises(SourceChanged), errors_of("/data/a.zarr", opened=True):
        raise FileNotFoundError(2, "gone")


def test_our_own_errors_pass_unchanged():
    ours = SourceError("mine")
    with pytest.raises(SkydeckError) as caught, errors_of("/a"):
        raise ours
    assert caught.value is ours


@pytest.mark.parametrize("error", [StopIteration(), ImportError("x"), SyntaxError("x"), KeyboardInterrupt()])
def test_what_reading_can_not_cause_is_not_disguised(error):
    with pytest.raises(type(error)), errors_of("/a"):
        raise error
