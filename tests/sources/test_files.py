"""Metadata files: small, local or remote, and nothing else."""

import fsspec
import pytest

from skydeck.core.errors import SourceError
from skydeck.sources import files
from skydeck.sources.files import LocalFiles, RemoteFiles, beginning
from skydeck.sources.location import parse


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    """Three files and two folders, here or in memory."""
    content = {"a": b"x" * 10, "g/b": b"yy", "h/c": b"", ".hidden/d": b"z"}
    if request.param == "local":
        for name, data in content.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
        yield LocalFiles(str(tmp_path))
        return
    memory = fsspec.filesystem("memory")
    for name, data in content.items():
        memory.pipe_file(f"/s/{name}", data)
    yield RemoteFiles(memory, "/s", parse("memory://s"))
    memory.store.clear()


def test_files_and_folders(store):
    assert store.get("a") == b"x" * 10 and store.get("g/b") == b"yy" and store.get("h/c") == b""
    assert store.get("none") is None and store.get("g") is None
    assert store.folders("") == ["g", "h"] and store.folders("g") == []


def test_what_is_too_long_is_refused(store, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 9)
    with pytest.raises(SourceError, match="longer"):
        store.get("a")
    assert store.get("g/b") == b"yy"


@pytest.mark.parametrize("count", [1, 5, 10, 50])
def test_the_beginning_over_http(tmp_path, web, count):
    (tmp_path / "a").write_bytes(b"0123456789")
    assert beginning(fsspec.filesystem("http"), f"{web.url}/a", count) == b"0123456789"[:count]
    with pytest.raises(FileNotFoundError):
        beginning(fsspec.filesystem("http"), f"{web.url}/b", count)
