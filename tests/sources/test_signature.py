"""Signatures: equal while nothing was written, different once it was."""

import os

import numpy as np
import pytest
import zarr

from skydeck.core.errors import SourceMissing
from skydeck.sources import signature_of


def touch(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def test_files(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"abc")
    first = signature_of(str(tmp_path / "a.h5"))
    assert first == signature_of(str(tmp_path / "a.h5"))
    touch(tmp_path / "a.h5")
    second = signature_of(str(tmp_path / "a.h5"))
    assert second != first
    (tmp_path / "b").write_bytes(b"abc")
    (tmp_path / "b").replace(tmp_path / "a.h5")
    assert signature_of(str(tmp_path / "a.h5")) not in (first, second)


@pytest.mark.parametrize("version", [2, 3])
def test_stores_by_their_metadata(tmp_path, version):
    path = tmp_path / "a.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=version)
    root.create_array("a", data=np.ones((4, 4)), chunks=(2, 2))
    root.create_group("g").create_array("b", data=np.ones(2))
    first = signature_of(str(path))
    assert first == signature_of(str(path)) and len(first) >= 4
    hash(first)
    zarr.open_group(str(path), mode="r+")["g/b"].attrs["units"] = "K"
    second = signature_of(str(path))
    assert second != first
    root.create_array("late", data=np.ones(2))
    third = signature_of(str(path))
    assert third != second
    chunk = next(
        file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith((".z", "zarr"))
    )
    chunk.write_bytes(b"")
    assert signature_of(str(path)) == third


def test_an_array_appended_to_changes_its_metadata(tmp_path):
    array = zarr.create_array(str(tmp_path / "a"), data=np.ones((4, 4)))
    first = signature_of(str(tmp_path / "a"))
    array.resize((6, 4))
    assert signature_of(str(tmp_path / "a")) != first


def test_missing(tmp_path):
    with pytest.raises(SourceMissing):
        signature_of(str(tmp_path / "gone"))
