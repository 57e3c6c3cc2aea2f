"""The metadata of stores: format 2 and 3, consolidated or not, and what is wrong with them."""

import json

import numpy as np
import pytest
import zarr

from skydeck.core.errors import SourceError
from skydeck.sources import files, nodes
from skydeck.sources.files import LocalFiles
from skydeck.sources.nodes import read_nodes


def made(path, version, consolidated):
    root = zarr.open_group(path, mode="w", zarr_format=version)
    root.attrs["title"] = "t"
    names = {"dimension_names": ("y", "x")} if version == 3 else {}
    array = root.create_array("a", shape=(4, 6), chunks=(2, 3), dtype="f4", **names)
    array.attrs["units"] = "Jy"
    if version == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = ["y", "x"]
    root.create_group("g/h").create_array("b", shape=(3,), dtype="i2")
    if consolidated:
        zarr.consolidate_metadata(path)
    return path


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_the_same_nodes_whatever_the_version(tmp_path, version, consolidated):
    found = read_nodes(LocalFiles(made(str(tmp_path / "s"), version, consolidated)))
    assert set(found) == {"", "a", "g", "g/h", "g/h/b"}
    assert found["a"].shape == (4, 6) and found["a"].dims == ("y", "x") and found["a"].attrs["units"] == "Jy"
    assert found["g/h/b"].dims is None
    assert found[""].attrs == {"title": "t"} and found["g/h"].name == "h" and found["g/h"].parent == "g"
    assert {node.path for node in found.children("")} == {"a", "g"}
    assert [node.path for node in found.arrays("g/h")] == ["g/h/b"]


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("version", [2, 3])
def test_what_was_added_after_consolidating_is_found(tmp_path, version):
    path = made(str(tmp_path / "s"), version, True)
    zarr.open_group(path, mode="r+", use_consolidated=False).create_array("late", shape=(2,), dtype="f8")
    assert "late" in read_nodes(LocalFiles(path))


def test_a_bare_array_is_a_store(tmp_path):
    zarr.create_array(str(tmp_path / "a"), data=np.zeros((2, 3)))
    found = read_nodes(LocalFiles(str(tmp_path / "a")))
    assert list(found) == [""] and found.arrays("") == [found[""]]


def test_a_directory_that_is_no_store_has_no_nodes(tmp_path):
    (tmp_path / "sub").mkdir()
    assert read_nodes(LocalFiles(str(tmp_path))) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        '"a"',
        "\0\xff",
        '{"zarr_format": 4, "node_type": "group"}',
        '{"zarr_format": 3}',
        "[" * 100_000,
        '{"zarr_format": 3, "node_type": "group", "consolidated_metadata": ' + "[" * 50_000,
    ],
)
def test_garbage_is_refused_with_a_sentence(tmp_path, text):
    (tmp_path / "zarr.json").write_text(text, encoding="latin-1")
    with pytest.raises(SourceError, match=r"zarr\.json"):
        read_nodes(LocalFiles(str(tmp_path)))


@pytest.mark.parametrize(
    "document",
    [
        {"consolidated_metadata": 3},
        {"consolidated_metadata": {"metadata": [1]}},
        {"consolidated_metadata": {"metadata": {"a": 7, "b": {"node_type": "array", "shape": ["x"]}}}},
        {"attributes": 5},
    ],
)
def test_odd_parts_of_a_sound_document_are_passed_over(tmp_path, document):
    (tmp_path / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group"} | document))
    found = read_nodes(LocalFiles(str(tmp_path)))
    assert found[""].kind == "group"
    assert all(node.shape == () for node in found.values())


@pytest.mark.parametrize("shape", ["no", [-1], [2**70], [1.5], None, [True, "a"]])
def test_an_impossible_shape_is_no_shape(tmp_path, shape):
    (tmp_path / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "array", "shape": shape}))
    assert read_nodes(LocalFiles(str(tmp_path)))[""].shape == ()


def test_a_metadata_file_beyond_the_limit_is_not_read(tmp_path):
    with open(tmp_path / "zarr.json", "wb") as file:
        file.truncate(files.MAX_BYTES + 1)
    with pytest.raises(SourceError, match="64 MiB"):
        read_nodes(LocalFiles(str(tmp_path)))


def test_depth_and_number_are_bounded(tmp_path, monkeypatch):
    path = tmp_path
    for _ in range(30):
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        path = path / "g"
        path.mkdir()
    assert len(read_nodes(LocalFiles(str(tmp_path)))) == nodes.MAX_DEPTH + 1
    monkeypatch.setattr(nodes, "MAX_NODES", 5)
    assert len(read_nodes(LocalFiles(str(tmp_path)))) == 5


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(read_nodes(LocalFiles(str(tmp_path)))) <= nodes.MAX_DEPTH + 1
