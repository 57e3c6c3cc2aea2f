"""Zarr: every kind of coordinate and cell, both formats, and damage."""

import json
import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

from skydeck.core.errors import SourceError, SourceMissing, TooBig
from skydeck.sources import open_source, zarr_store


def written(dataset, path, version, consolidated):
    with warnings.catch_warnings():  # zarr warns about what it writes; reading it must not
        warnings.simplefilter("ignore")
        dataset.to_zarr(path, zarr_format=version, consolidated=consolidated)
    return str(path)


@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_every_kind_comes_back(tmp_path, every_kind, same, version, consolidated):
    path = written(every_kind, tmp_path / "a.zarr", version, consolidated)
    found = open_source(path)
    same(found, every_kind)
    assert found.attrs == {"title": "every kind"}
    assert found.encoding["source"] == path


def test_cells_are_lazy_chunked_and_pickle(tmp_path, every_kind):
    every_kind["image"].encoding["chunks"] = (1, 4, 5)
    found = open_source(written(every_kind, tmp_path / "a.zarr", 3, True))
    assert not found["image"].variable._in_memory
    assert found["image"].encoding["preferred_chunks"] == {"floats": 1, "falling": 4, "bare": 5}
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again["image"][1].values, every_kind["image"][1].values)


@pytest.mark.parametrize("version", [2, 3])
def test_packed_integers_with_a_fill_value(tmp_path, version):
    data = np.array([1.0, np.nan, 3.0])
    encoding = {"a": {"dtype": "i2", "scale_factor": 0.5, "_FillValue": 0 if version == 2 else -9}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xr.Dataset({"a": ("x", data)}).to_zarr(tmp_path / "a.zarr", zarr_format=version, encoding=encoding)
    np.testing.assert_array_equal(open_source(str(tmp_path / "a.zarr"))["a"].values, data)


def test_plain_zeros_of_other_writers_are_numbers(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    root.create_array("counts", data=np.array([0, 5, 0], "i2")).attrs["_ARRAY_DIMENSIONS"] = ["x"]
    root.create_array("flags", data=np.array([False, True])).attrs["_ARRAY_DIMENSIONS"] = ["y"]
    found = open_source(str(tmp_path / "a.zarr"))
    assert found["counts"].values.tolist() == [0, 5, 0] and found["counts"].dtype == "i2"
    assert found["flags"].values.tolist() == [False, True]


@pytest.mark.parametrize("version", [2, 3])
def test_a_fill_value_of_floats_is_masked(tmp_path, version):
    encoding = {"a": {"_FillValue": -999.5}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xr.Dataset({"a": ("x", [1.0, np.nan])}).to_zarr(tmp_path / "s", zarr_format=version, encoding=encoding)
    np.testing.assert_array_equal(open_source(str(tmp_path / "s"))["a"].values, [1, np.nan])


@pytest.mark.parametrize("version", [2, 3])
def test_bare_arrays_get_numbered_dimensions(tmp_path, version):
    data = np.arange(24).reshape(4, 6)
    zarr.create_array(str(tmp_path / "bare"), data=data, zarr_format=version)
    group = zarr.open_group(str(tmp_path / "group"), mode="w", zarr_format=version)
    group.create_array("raw", data=data)
    group.create_array("other", data=np.zeros(9))
    group.create_group("overview").create_array("0", data=np.zeros((2, 2)))
    bare, grouped = open_source(str(tmp_path / "bare")), open_source(str(tmp_path / "group"))
    assert bare["data"].dims == ("dim_0", "dim_1")
    np.testing.assert_array_equal(bare["data"].values, data)
    np.testing.assert_array_equal(grouped["raw"].values, data)
    assert grouped["other"].values.shape == (9,)
    np.testing.assert_array_equal(
        open_source(str(tmp_path / "group"), {"group": "overview"})["0"].values, np.zeros((2, 2))
    )


def test_sharded_and_compressed(tmp_path):
    data = np.random.default_rng(0).normal(size=(20, 30)).astype("f4")
    zarr.create_array(str(tmp_path / "a"), data=data, chunks=(5, 5), shards=(10, 30))
    found = open_source(str(tmp_path / "a"))["data"]
    assert found.encoding["chunks"] == (5, 5)
    np.testing.assert_array_equal(found[3:17:4, ::-7].values, data[3:17:4, ::-7])
    np.testing.assert_array_equal(found[[7, 0, 7]].values, data[[7, 0, 7]])


def test_a_missing_chunk_is_the_fill_value_and_a_damaged_one_an_error(tmp_path):
    zarr.create_array(str(tmp_path / "a"), data=np.ones((4, 4)), chunks=(2, 2), fill_value=np.nan)
    (tmp_path / "a/c/0/0").unlink()
    (tmp_path / "a/c/1/1").write_bytes(b"damaged")
    found = open_source(str(tmp_path / "a"))["data"]
    assert np.isnan(found[:2, :2].values).all() and (found[:2, 2:].values == 1).all()
    with pytest.raises(SourceError, match=r"can't be read|cut short"):
        found[2:, 2:].values  # noqa: B018


def test_a_giant_chunk_is_not_read_for_one_cell(tmp_path):
    zarr.create_array(str(tmp_path / "a"), shape=(100_000, 100_000), chunks=(100_000, 100_000), dtype="f8")
    found = open_source(str(tmp_path / "a"))["data"]
    with pytest.raises(TooBig, match=r"The array of .* Rechunk"):
        found[0, 0].values  # noqa: B018


def test_an_array_nobody_can_decode_is_left_out_with_a_note(tmp_path):
    root = zarr.open_group(str(tmp_path / "a"), mode="w")
    root.create_array("good", data=np.ones(3))
    root.create_array("odd", data=np.ones(3))
    document = json.loads((tmp_path / "a/odd/zarr.json").read_text())
    (tmp_path / "a/odd/zarr.json").write_text(json.dumps(document | {"codecs": [{"name": "acme-secret"}]}))
    found = open_source(str(tmp_path / "a"))
    assert list(found) == ["good"] and "odd was left out" in found.attrs["notes"]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [-4]},
        {"shape": "x"},
        {"data_type": "float1"},
        {"data_type": 7},
        {"chunk_grid": {}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0]}}},
        {"codecs": []},
        {"codecs": None},
        {"fill_value": {"a": 1}},
        {"chunk_key_encoding": 4},
        {"dimension_names": [1]},
        {"attributes": [1, 2]},
    ],
)
def test_hostile_array_metadata_never_raise_anything_else(tmp_path, change):
    zarr.create_array(str(tmp_path / "a"), data=np.ones(3))
    document = json.loads((tmp_path / "a/zarr.json").read_text())
    (tmp_path / "a/zarr.json").write_text(json.dumps(document | change))
    try:
        open_source(str(tmp_path / "a")).load()
    except SourceError as error:
        assert str(tmp_path) in str(error) or "zarr" in str(error)


def test_labels_as_dask_ms_writes_them(tmp_path):
    import numcodecs

    codec = numcodecs.JSON()
    meta = {"zarr_format": 2, "shape": [3], "chunks": [3], "dtype": "|O", "compressor": {"id": "zlib", "level": 1},
            "fill_value": None, "order": "C", "filters": [codec.get_config()]}  # fmt: skip
    folder = tmp_path / "a.zarr/antenna"
    folder.mkdir(parents=True)
    (tmp_path / "a.zarr/.zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zarray").write_text(json.dumps(meta))
    (folder / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["antenna"]}')
    (folder / "0").write_bytes(numcodecs.Zlib(1).encode(codec.encode(np.array(["m000", "m001", "m063"], dtype=object))))
    assert open_source(str(tmp_path / "a.zarr"))["antenna"].values.tolist() == ["m000", "m001", "m063"]


def test_no_store_no_group_no_directory(tmp_path):
    with pytest.raises(SourceMissing):
        open_source(str(tmp_path / "gone.zarr"))
    (tmp_path / "plain").mkdir()
    with pytest.raises(SourceError, match="no format"):
        open_source(str(tmp_path / "plain"))
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(SourceError, match="no Zarr store"):
        open_source(str(tmp_path / "empty.zarr"))
    zarr.open_group(str(tmp_path / "hollow.zarr"), mode="w")
    with pytest.raises(SourceError, match="no arrays"):
        open_source(str(tmp_path / "hollow.zarr"))
    zarr.open_group(str(tmp_path / "one.zarr"), mode="w").create_array("a", data=np.ones(2))
    with pytest.raises(SourceError, match="no group “b”"):
        open_source(str(tmp_path / "one.zarr"), {"group": "b"})


def test_conflicting_sizes_of_one_dimension(tmp_path):
    root = zarr.open_group(str(tmp_path / "a"), mode="w")
    root.create_array("a", data=np.ones(3), dimension_names=("x",))
    root.create_array("b", data=np.ones(4), dimension_names=("x",))
    root.create_array("c", data=np.ones((3, 3)), dimension_names=("x", "x"))
    found = open_source(str(tmp_path / "a"))
    assert {name: found[name].shape for name in found} == {"a": (3,), "b": (4,), "c": (3, 3)}


def test_summary_is_short():
    nodes = zarr_store.Nodes(zarr_store.Node(name, "array", {}, {"shape": [2, 3]}) for name in "abcdefgh")
    assert zarr_store.group_summary(nodes, "") == "a 2×3, b 2×3, c 2×3, d 2×3, e 2×3, f 2×3 and 2 more"
