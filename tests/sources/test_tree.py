"""Trees of groups: QuartiCal's gains, multiscale stores, and what is shown when nothing is asked for."""

import json
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

from skydeck.core.errors import SourceError
from skydeck.sources import list_choices, open_source, sniff
from skydeck.sources.tree import TreeBackend, finest_level


def quartical(path):
    """``gains.qc`` as dask-ms writes it: TABLE/TABLE_0 in format 2, each consolidated, times as MJD seconds."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    rng = np.random.default_rng(0)
    for table in ("G", "K"):
        group = root.require_group(table)
        for number in range(2):
            shape = (4, 3, 5, 1, 2)
            dims = ["gain_time", "gain_freq", "antenna", "direction", "correlation"]
            values = {
                "gains": (dims, rng.normal(size=shape) + 1j * rng.normal(size=shape)),
                "gain_flags": (dims[:4], np.zeros(shape[:4], "i1")),
                "gain_time": (dims[:1], 60000 * 86400 + 10.0 * np.arange(4)),
                "gain_freq": (dims[1:2], np.array([1e9, 1.1e9, 1.4e9])),
                "correlation": (dims[4:], np.array(["XX", "YY"])),
            }
            part = group.create_group(f"{table}_{number}")
            for name, (names, data) in values.items():
                array = part.create_array(name, data=data)
                array.attrs["_ARRAY_DIMENSIONS"] = names
                array.attrs["__daskms_zarr_attr__"] = {"dims": names, "coordinate": name.startswith("gain_t")}
            part.attrs["FIELD_NAME"] = f"{table}{number}"
            zarr.consolidate_metadata(f"{path}/{table}/{table}_{number}")
    return path


def test_quartical_gains(tmp_path):
    path = quartical(str(tmp_path / "gains.qc"))
    found = open_source(path)
    assert found.attrs["FIELD_NAME"] == "G0" and found["gains"].dtype == complex
    assert found["gains"].dims == ("gain_time", "gain_freq", "antenna", "direction", "correlation")
    assert found["gain_time"].values[1] == np.datetime64("2023-02-25T00:00:10")
    assert found["gain_freq"].attrs["units"] == "Hz"
    assert found["correlation"].values.tolist() == ["XX", "YY"]
    assert found["gain_flags"].dtype == "i1" and "__daskms_zarr_attr__" not in found["gains"].attrs
    assert [name for name, _ in list_choices(path)] == ["G/G_0", "G/G_1", "K/K_0", "K/K_1"]
    other = open_source(path, {"group": "K/K_1"})
    assert other.attrs["FIELD_NAME"] == "K1"
    assert not np.array_equal(other["gains"].values, found["gains"].values)


@pytest.mark.parametrize(
    "described",
    [[{"datasets": [{"path": "full"}, {"path": "half"}]}], {"layout": [{"asset": "full"}, {"asset": "half"}]}],
)
def test_a_multiscale_store_shows_its_finest_level(tmp_path, described):
    path = str(tmp_path / "a.zarr")
    root = zarr.open_group(path, mode="w", attributes={"multiscales": described})
    for name, size in (("half", 4), ("full", 8)):
        root.create_group(name).create_array("image", data=np.ones((size, size)), dimension_names=("y", "x"))
    assert open_source(path)["image"].shape == (8, 8)
    assert open_source(path, {"group": "half"})["image"].shape == (4, 4)


@pytest.mark.parametrize("described", [None, 3, [], [3], [{}], [{"datasets": [{}]}], {"layout": 3}, {}])
def test_multiscales_that_are_none(described):
    assert finest_level({"multiscales": described}) is None


def test_an_xarray_tree_shows_its_first_group(tmp_path):
    tree = xr.DataTree.from_dict({"/b/c": xr.Dataset({"x": ("t", [1.0])}), "/a": xr.Dataset({"y": ("t", [2.0, 3.0])})})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree.to_zarr(tmp_path / "a.zarr")
    path = str(tmp_path / "a.zarr")
    names = {name for name, _ in list_choices(path)}
    assert names == {"a", "b/c"} and sniff(path) == "skydeck-tree"
    assert set(open_source(path)) in ({"x"}, {"y"})
    assert open_source(path, {"group": "/b/c/"})["x"].values.tolist() == [1.0]
    with pytest.raises(SourceError, match="b/c"):
        open_source(path, {"group": "../../etc"})


def test_the_root_can_be_asked_for(tmp_path):
    root = zarr.open_group(str(tmp_path / "a"), mode="w", attributes={"multiscales": {"layout": [{"asset": "0"}]}})
    root.create_array("weights", data=np.ones(3))
    root.create_group("0").create_array("image", data=np.ones(4))
    assert list(open_source(str(tmp_path / "a"))) == ["image"]
    assert list(open_source(str(tmp_path / "a"), {"group": "/"})) == ["weights"]


def test_as_an_xarray_engine(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.dt"), mode="w")
    root.create_group("g").create_array("image", data=np.arange(6).reshape(2, 3))
    backend = TreeBackend()
    assert backend.guess_can_open(str(tmp_path / "a.dt")) and not backend.guess_can_open(str(tmp_path / "b.dt"))
    found = xr.open_dataset(str(tmp_path / "a.dt"), engine=TreeBackend, group="g", chunks={})
    assert int(found["image"].sum()) == 15


def test_metadata_of_a_bomb_is_refused_quickly(tmp_path):
    entries = {f"a{number}/.zarray": {"shape": [1]} for number in range(30_000)}
    (tmp_path / ".zmetadata").write_text(
        json.dumps({"zarr_consolidated_format": 1, "metadata": entries | {".zgroup": {}}})
    )
    with pytest.raises(SourceError):
        open_source(str(tmp_path))["a0"].load()
