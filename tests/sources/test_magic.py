"""First bytes decide; names don't."""

import bz2
import gzip
import os

import pytest

from skydeck.sources.magic import kind_of_head, kind_of_path

FITS = b"SIMPLE  =                    T" + b" " * 2850


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (FITS, "fits"),
        (gzip.compress(FITS), "fits"),
        (bz2.compress(FITS), "fits"),
        (b"\x89HDF\r\n\x1a\n", "hdf5"),
        (b"user block".ljust(512) + b"\x89HDF\r\n\x1a\n", "hdf5"),
        (b"CDF\x02" + bytes(8), "netcdf3"),
        (gzip.compress(b"something else"), ""),
        (b"\x1f\x8b" + bytes(30), ""),
        (b"", ""),
        (b"CDF", ""),
    ],
)
def test_heads(head, kind):
    assert kind_of_head(head) == kind


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.fits")
    assert kind_of_path(tmp_path / "a.fits") == ""


def test_unreadable_and_missing_paths_are_unknown(tmp_path):
    assert kind_of_path(tmp_path / "gone") == ""
    assert kind_of_path(tmp_path) == ""
    (tmp_path / ".zgroup").write_text("{}")
    assert kind_of_path(tmp_path) == "zarr"
