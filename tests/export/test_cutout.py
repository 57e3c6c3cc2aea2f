"""Cut-outs as Datasets and as zipped Zarr."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from skydeck.core.errors import RequestError, TooBig
from skydeck.export.cutout import celestial_dims, cutout, zarr_zip
from skydeck.sky.wcs import celestial_of

MakeHeader = Callable[..., str]


class Untouchable(xr.backends.BackendArray):
    """An array that must not be read."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("this array must not be read")


def untouchable(shape: tuple[int, ...], dtype: Any = np.float32) -> xr.Variable:
    lazy = xr.core.indexing.LazilyIndexedArray(Untouchable(shape, dtype))
    return xr.Variable(("frequency", "y", "x"), lazy)


@pytest.fixture
def cube(make_header: MakeHeader) -> xr.Dataset:
    data = np.random.default_rng(1).standard_normal((8, 100, 100)).astype(np.float32)
    data[2, 3, 4] = np.nan
    return xr.Dataset(
        {"data": (("frequency", "y", "x"), data, {"units": "Jy/beam"}), "other": (("y", "x"), data[0])},
        coords={"frequency": ("frequency", 1.4e9 + 1e6 * np.arange(8), {"units": "Hz"})},
        attrs={"fits_wcs_header": make_header(rotation=20.0), "wcs_dims": "x y", "telescope": "made"},
    )


def test_a_cut_is_the_piece_with_its_coordinates_and_its_sky(cube: xr.Dataset) -> None:
    cut = cutout(cube, "data", {"x": slice(10, 30), "y": slice(40, 200), "frequency": slice(2, 3)})
    assert list(cut.data_vars) == ["data"]
    np.testing.assert_array_equal(cut.data, cube.data[2:3, 40:, 10:30])
    assert cut.frequency.item() == 1.402e9
    assert cut.attrs["telescope"] == "made"
    before, after = celestial_of(cube.attrs["fits_wcs_header"]), celestial_dims(cut)[0]
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after.world(3, 5), before.world(13, 45), rtol=1e-13)


def test_a_cut_of_a_cut_still_points_right(cube: xr.Dataset) -> None:
    once = cutout(cube, "data", {"x": slice(15, 40)})
    twice = cutout(cutout(cube, "data", {"x": slice(10, 50)}), "data", {"x": slice(5, 30)})
    np.testing.assert_array_equal(once.data, twice.data)
    a, b = celestial_dims(once)[0], celestial_dims(twice)[0]
    assert a is not None
    assert b is not None
    assert a.world(1, 2) == b.world(1, 2)


def test_the_cube_itself_stays_as_it_was(cube: xr.Dataset) -> None:
    before = cube.copy(deep=True)
    cutout(cube, "data", {"frequency": slice(0, 2), "x": slice(0, 5)})
    xr.testing.assert_identical(cube, before)
    assert cube.frequency.attrs == {"units": "Hz"}


def test_cutting_reads_nothing_and_a_big_piece_is_refused_before_reading() -> None:
    giant = xr.Dataset({"data": untouchable((1000, 10_000, 10_000))})
    cut = cutout(giant, "data", {"frequency": slice(0, 2), "x": slice(0, 100)})
    assert cut.data.shape == (2, 10_000, 100)
    with pytest.raises(TooBig, match=r"381470 MiB .* at most 256 MiB"):
        cutout(giant, "data", {})
    with pytest.raises(TooBig):
        zarr_zip(giant)
    with pytest.raises(TooBig):
        cutout(giant, "data", {"frequency": slice(0, 2), "x": slice(0, 100)}, limit=1000)


@pytest.mark.parametrize(
    ("variable", "ranges", "message"),
    [
        ("nothing", {}, "no variable 'nothing'. data, other"),
        ("data", {"z": slice(0, 1)}, "no dimension 'z'"),
        ("other", {"frequency": slice(0, 1)}, "no dimension 'frequency'"),
        ("data", {"x": slice(5, 5)}, "x from 5 to 5 holds nothing"),
        ("data", {"x": slice(100, 200)}, "holds nothing"),
        ("data", {"x": slice(0, 10, 2)}, "can't have a step of 2"),
    ],
)
def test_what_does_not_fit_is_named(cube: xr.Dataset, variable: str, ranges: dict[str, slice], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        cutout(cube, variable, ranges)
    assert message in str(caught.value)


def test_a_broken_sky_is_left_out_of_a_cut(cube: xr.Dataset) -> None:
    cube.attrs["fits_wcs_header"] = "CTYPE1  = 'RA---TAN'"
    assert cutout(cube, "data", {"x": slice(5, 9)}).attrs == {"telescope": "made"}


def opened(data: bytes, path: Path) -> xr.Dataset:
    path.write_bytes(data)
    with zarr.storage.ZipStore(path, mode="r") as store:
        return xr.open_zarr(store, consolidated=False, chunks=None).load()


def test_zipped_zarr_opens_as_what_was_cut(cube: xr.Dataset, tmp_path: Path) -> None:
    cut = cutout(cube, "data", {"x": slice(0, 20)})
    found = opened(zarr_zip(cut), tmp_path / "cut.zarr.zip")
    xr.testing.assert_identical(found, cut)
    with zipfile.ZipFile(tmp_path / "cut.zarr.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist()))
        assert b'"zarr_format": 3' in archive.read("zarr.json")


def test_every_kind_of_data_and_attribute_survives(tmp_path: Path) -> None:
    time = np.datetime64("2024-07-25T04:34:06", "ns") + np.arange(3) * np.timedelta64(500_000_001, "ns")
    ds = xr.Dataset(
        {
            "v": (
                ("time", "stokes"),
                np.arange(6).reshape(3, 2) * (1 + 2j),
                {"units": "Jy", "bad": np.nan, "n": np.int64(3)},
            )
        },
        coords={
            "time": ("time", time, {"units": "ns", "long_name": "instant"}),
            "stokes": ("stokes", np.array(["I", "Q"])),
            "flag": ("time", np.array([True, False, True])),
            "name": ("stokes", np.array([b"a", b"b"])),
        },
        attrs={"array": np.arange(3), "path": Path("a/b"), "none": None, "list": [1, np.float32(0.5)]},
    )
    ds["time"].encoding = {"chunks": (1,), "compressor": "odd"}
    found = opened(zarr_zip(ds), tmp_path / "all.zarr.zip")
    np.testing.assert_array_equal(found.v, ds.v)
    np.testing.assert_array_equal(found.time, ds.time)
    assert found.stokes.values.tolist() == ["I", "Q"]
    assert found.name.values.tolist() == ["a", "b"]
    assert found.flag.dtype == bool
    assert found.v.attrs == {"units": "Jy", "bad": "nan", "n": 3}
    assert found.attrs == {"array": [0, 1, 2], "path": "a/b", "none": None, "list": [1, 0.5]}
