"""Decoding: what can be understood is, what can't is kept and said."""

import cftime
import numpy as np
import pytest
import xarray as xr

from skydeck.sources import decode
from skydeck.sources.decode import dataset_of, with_notes


def test_scale_fill_and_units():
    raw = {"a": xr.Variable("x", np.array([1, 2, -1], "i2"), {"scale_factor": 0.5, "_FillValue": -1, "units": "Jy"})}
    dataset = dataset_of(raw, {"title": "t"}, "here")
    np.testing.assert_array_equal(dataset.a.values, [0.5, 1.0, np.nan])
    assert dataset.a.attrs == {"units": "Jy"} and dataset.attrs == {"title": "t"}


def test_times_of_ordinary_and_foreign_calendars():
    raw = {
        "time": xr.Variable("time", [0, 1], {"units": "days since 2020-02-28"}),
        "model": xr.Variable("time", [0, 1], {"units": "days since 2020-02-28", "calendar": "360_day"}),
    }
    dataset = dataset_of(raw, {"coordinates": "model"}, "here")
    assert dataset.time.values[1] == np.datetime64("2020-02-29")
    assert dataset.model.values[1] == cftime.Datetime360Day(2020, 2, 29)
    assert "model" in dataset.coords and "coordinates" not in dataset.attrs


@pytest.mark.parametrize(
    ("units", "values"),
    [
        ("days since yesterday", [0.0, 1.0]),
        ("days since 2020-01-01", [0.0, 1e300]),
        ("fortnights since 2020-01-01", [0, 1]),
    ],
)
def test_times_that_can_not_be_decoded_stay_numbers_with_a_note(units, values):
    dataset = dataset_of({"time": xr.Variable("time", values, {"units": units})}, {}, "here")
    np.testing.assert_array_equal(dataset.time.values, values)
    assert "time is shown as stored" in dataset.attrs["notes"]


def test_a_timedelta_and_seconds_that_are_not_one():
    raw = {
        "a": xr.Variable("x", [1, 2], {"units": "seconds", "dtype": "timedelta64[ns]"}),
        "b": xr.Variable("x", [1, 2], {"units": "seconds"}),
    }
    dataset = dataset_of(raw, {}, "here")
    assert dataset.a.values[1] == np.timedelta64(2, "s")
    assert dataset.b.dtype.kind == "i"


def test_bytes_and_characters_become_texts():
    raw = {
        "stokes": xr.Variable("stokes", np.array([b"I", b"Q"])),
        "name": xr.Variable(("x", "n"), np.array([[b"a", b"b"], [b"c", b"\0"]], "S1")),
        "odd": xr.Variable("x", np.array([b"\xff\xfe", b"ok"])),
    }
    dataset = dataset_of(raw, {}, "here")
    assert dataset.stokes.values.tolist() == ["I", "Q"]
    assert dataset.name.values.tolist() == ["ab", "c"]
    assert dataset.odd.values[1] == "ok"


def test_one_name_and_two_sizes_are_told_apart():
    raw = {
        "big": xr.Variable(("y", "x"), np.zeros((4, 6))),
        "x": xr.Variable("x", np.arange(3)),
        "small": xr.Variable(("y", "x"), np.zeros((4, 3))),
        "other": xr.Variable(("x",), np.zeros(6)),
    }
    dataset = dataset_of(raw, {}, "here")
    assert dataset.small.dims == ("y", "x") and dataset.big.dims == ("y", "x_1") and dataset.other.dims == ("x_1",)
    assert list(dataset) == ["big", "small", "other"]
    assert "renamed" in dataset.attrs["notes"]


def test_a_coordinate_of_two_dimensions_with_its_own_name_is_kept():
    dataset = dataset_of({"lon": xr.Variable(("lat", "lon"), np.ones((2, 3)))}, {}, "here")
    assert dataset.lon_values.shape == (2, 3)


def test_a_giant_coordinate_is_not_loaded(monkeypatch):
    monkeypatch.setattr(decode, "MAX_COORDINATE", 5)
    raw = {"t": xr.Variable("t", np.arange(6)), "a": xr.Variable("t", np.arange(6))}
    dataset = dataset_of(raw, {}, "here")
    assert "t" not in dataset.variables and "t has 6 entries" in dataset.attrs["notes"]


def test_notes_are_kept_once_and_only_where_there_are_any():
    assert with_notes(xr.Dataset(), ["", ""]).attrs == {}
    dataset = with_notes(xr.Dataset(attrs={"notes": "a"}), ["b", "a", "b"])
    assert dataset.attrs["notes"] == "a\nb"
