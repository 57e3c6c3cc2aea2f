"""The file browser's listing: bounded, cheap, and safe from what lies in a folder."""

import os

import pytest

from skydeck.core.errors import NotAllowed, SourceMissing
from skydeck.sources import entry
from skydeck.sources.entry import listing


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.fits").write_bytes(b"SIMPLE  =                    T" + b" " * 50)
    (tmp_path / "noname").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "fake.fits").write_bytes(b"hello")
    (tmp_path / "old.nc").write_bytes(b"CDF\x01" + bytes(28))
    (tmp_path / "Sub").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/zarr.json").write_text("{}")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "etc").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_kinds_come_from_content_and_folders_come_first(folder):
    found = {item.name: item.kind for item in listing(folder, [folder])}
    assert found == {
        "Sub": "directory",
        "b.fits": "source",
        "noname": "source",
        "old.nc": "source",
        "store": "source",
        "fake.fits": "other",
        "dangling": "other",
        "etc": "other",
        "pipe": "other",
    }
    assert next(iter(found)) == "Sub"


def test_sizes_and_times_are_those_of_the_files(folder):
    items = {item.name: item for item in listing(folder, [folder])}
    assert items["b.fits"].size == 80
    assert items["b.fits"].mtime == (folder / "b.fits").stat().st_mtime
    assert items["store"].size == 0


def test_a_long_folder_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(entry, "MAX_ENTRIES", 7)
    for number in range(20):
        (tmp_path / f"{number}").touch()
    assert len(listing(tmp_path, [tmp_path])) == 7


def test_outside_and_missing(folder):
    with pytest.raises(NotAllowed):
        listing(folder.parent, [folder])
    with pytest.raises(SourceMissing):
        listing(folder / "gone", [folder])
    with pytest.raises(SourceMissing):
        listing(folder / "b.fits", [folder])
