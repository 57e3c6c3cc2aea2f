"""NetCDF classic against scipy, which writes and reads it by itself."""

import struct

import numpy as np
import pytest
import xarray as xr
from scipy.io import netcdf_file

from skydeck.core.errors import SourceChanged, SourceError
from skydeck.sources import open_source, sniff
from skydeck.sources.netcdf3 import NetCdf3Backend


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("records", [0, 1, 5])
def test_fixed_and_record_variables(tmp_path, version, records):
    path, rng = str(tmp_path / "a.nc"), np.random.default_rng(0)
    fixed, short, rows = (
        rng.normal(size=(4, 3)),
        rng.integers(-9, 9, (records, 3)).astype("i2"),
        rng.normal(size=(records, 4, 3)),
    )
    with netcdf_file(path, "w", version=version) as file:
        file.title = "a test"
        for name, size in (("time", None), ("y", 4), ("x", 3)):
            file.createDimension(name, size)
        file.createVariable("fixed", "f8", ("y", "x"))[:] = fixed
        if records:
            file.createVariable("short", "i2", ("time", "x"))[:] = short
            file.createVariable("rows", "f8", ("time", "y", "x"))[:] = rows
            file.createVariable("time", "f4", ("time",))[:] = np.arange(records)
            file.variables["time"].units = "days since 2026-01-01"
    found = open_source(path)
    assert sniff(path) == "skydeck-netcdf3" and found.attrs["title"] == "a test"
    np.testing.assert_array_equal(found["fixed"].values, fixed)
    np.testing.assert_array_equal(found["fixed"][::-2, 1].values, fixed[::-2, 1])
    if records:
        np.testing.assert_array_equal(found["short"].values, short)
        np.testing.assert_array_equal(found["rows"][-1:, 1:, ::2].values, rows[-1:, 1:, ::2])
        np.testing.assert_array_equal(found["rows"][0].values, rows[0])
        assert found["time"].values[0] == np.datetime64("2026-01-01")


def test_a_single_record_variable_has_no_padding(tmp_path):
    path, data = str(tmp_path / "a.nc"), np.arange(15, dtype="i1").reshape(5, 3)
    with netcdf_file(path, "w") as file:
        file.createDimension("t", None)
        file.createDimension("x", 3)
        file.createVariable("a", "i1", ("t", "x"))[:] = data
    np.testing.assert_array_equal(open_source(path)["a"].values, data)


def test_what_xarray_writes(tmp_path):
    expected = xr.Dataset(
        {"a": (("time", "x"), np.arange(6.0).reshape(2, 3), {"units": "K"})},
        {"time": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"), "x": ["p", "q", "rst"]},
    )
    expected.to_netcdf(tmp_path / "a.nc", engine="scipy")
    found = open_source(str(tmp_path / "a.nc"))
    xr.testing.assert_equal(found.load(), expected)
    assert found["a"].attrs["units"] == "K"


def test_as_an_xarray_engine(tmp_path):
    xr.Dataset({"a": ("x", [1.0, 2.0]), "b": ("x", [0.0, 1.0])}).to_netcdf(tmp_path / "a.nc", engine="scipy")
    found = xr.open_dataset(str(tmp_path / "a.nc"), engine=NetCdf3Backend, drop_variables="b", chunks={})
    assert list(found) == ["a"] and float(found["a"].sum()) == 3


def test_version_5_by_its_layout(tmp_path):
    """Written by hand after the specification: 8-byte counts, type 10 is int64."""
    name = b"\0\0\0\0\0\0\0\1a\0\0\0"
    header = b"CDF\x05" + struct.pack(">Q", 0)
    header += struct.pack(">IQ", 10, 1) + name + struct.pack(">Q", 3)
    header += struct.pack(">IQ", 0, 0)
    header += struct.pack(">IQ", 11, 1) + name + struct.pack(">QQ", 1, 0) + struct.pack(">IQ", 0, 0)
    header += struct.pack(">IQQ", 10, 24, len(header) + 20)
    (tmp_path / "a.nc").write_bytes(header + np.array([1, -2, 2**60], ">i8").tobytes())
    assert open_source(str(tmp_path / "a.nc"))["a"].values.tolist() == [1, -2, 2**60]


def test_a_file_cut_short_opens_with_a_note(tmp_path):
    path = tmp_path / "a.nc"
    with netcdf_file(str(path), "w") as file:
        file.createDimension("x", 100)
        file.createVariable("a", "f8", ("x",))[:] = np.ones(100)
    path.write_bytes(path.read_bytes()[:-400])
    found = open_source(str(path))
    assert found["a"].values[:50].tolist() == [1.0] * 50 and "cut short by 400 bytes" in found.attrs["notes"]


def test_a_file_changed_while_open(tmp_path):
    path = tmp_path / "a.nc"
    with netcdf_file(str(path), "w") as file:
        file.createDimension("x", 100)
        file.createVariable("a", "f8", ("x",))[:] = np.ones(100)
    found = open_source(str(path))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SourceChanged):
        found["a"].load()


def test_garbage_raises_nothing_but_source_errors(tmp_path):
    path = tmp_path / "a.nc"
    with netcdf_file(str(path), "w") as file:
        file.createDimension("x", 10)
        file.createVariable("a", "f8", ("x",))[:] = np.ones(10)
        file.variables["a"].units = "Jy"
    sound, rng = path.read_bytes(), np.random.default_rng(5)
    for number in range(300):
        data = bytearray(sound[: int(rng.integers(4, len(sound)))] if number % 3 == 0 else sound)
        for place in rng.integers(4, len(data), 4) if len(data) > 4 else []:
            data[place] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            found = open_source(str(path))
            for name in found.variables:
                found[name].isel(dict.fromkeys(found[name].dims, slice(0, 3))).load()
        except SourceError as error:
            assert str(error).endswith((".", "!", "?"))
