"""Every kind of coordinate becomes edges to draw on and texts to read."""

from __future__ import annotations

import math
from typing import Any

import cftime
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skydeck.core.axis import Axis, Table, Uniform, axis_of, decimal_text, edges_of, plain_axis, time_text

DAY = np.datetime64("2026-03-01T12:00:00", "ns")
SECOND = np.timedelta64(1, "s")
finite = st.floats(-1e12, 1e12, allow_nan=False)


def times(*seconds: float) -> np.ndarray[Any, Any]:
    return DAY + (np.array(seconds) * 1e9).astype("timedelta64[ns]")


COORDINATES = {
    "floats": (np.array([1.0, 2.0, 3.0, 4.0]), {"units": "Hz"}, "number"),
    "uneven": (np.array([1.0, 2.5, 9.0]), {}, "number"),
    "falling": (np.array([9.0, 2.5, 1.0]), {}, "number"),
    "ints": (np.array([10, 20, 30], np.int16), {}, "number"),
    "unsigned": (np.array([3, 2, 1], np.uint8), {}, "number"),
    "large ints": (np.array([2**62, 2**62 + 1, 2**62 + 2]), {}, "index"),
    "halves": (np.array([0.5, 1.0, 1.5], np.float16), {}, "number"),
    "huge": (np.array([-1.7e308, 0.0, 1.7e308]), {}, "index"),
    "tiny": (np.array([0.0, 5e-324, 1e-323]), {}, "index"),
    "with NaN": (np.array([1.0, np.nan, 3.0]), {}, "index"),
    "with infinity": (np.array([1.0, 2.0, np.inf]), {}, "index"),
    "to and fro": (np.array([1.0, 3.0, 2.0]), {}, "index"),
    "repeated": (np.array([1.0, 1.0, 2.0]), {}, "index"),
    "one": (np.array([5.0]), {"units": "m"}, "number"),
    "none": (np.array([]), {}, "index"),
    "flags": (np.array([True, False]), {}, "label"),
    "texts": (np.array(["I", "Q", "U"]), {}, "label"),
    "objects": (np.array(["XX", None, 3], object), {}, "label"),
    "bytes": (np.array([b"LL", b"RR"]), {}, "label"),
    "complex": (np.array([1 + 1j, 2.0]), {}, "label"),
    "times": (times(0, 1, 2), {}, "time"),
    "uneven times": (times(0, 1, 9), {}, "time"),
    "falling times": (times(2, 1, 0), {}, "time"),
    "one time": (times(0.25), {}, "time"),
    "times with a gap": (np.array([DAY, "NaT", DAY + SECOND], "datetime64[ns]"), {}, "index"),
    "no times": (np.array(["NaT", "NaT"], "datetime64[ns]"), {}, "index"),
    "nanoseconds": (np.array([DAY, DAY + np.timedelta64(1, "ns")]), {}, "index"),
    "far years": (np.array(["0001-01-01", "9999-01-01"], "datetime64[D]"), {}, "time"),
    "seconds": (np.array(["2026-01-01", "2026-01-02"], "datetime64[s]"), {}, "time"),
    "lags": (np.array([0, 1500], "timedelta64[ms]").astype("timedelta64[ns]"), {}, "number"),
    "lags with a gap": (np.array([0, "NaT"], "timedelta64[ns]"), {}, "index"),
    "no leap days": (np.array([cftime.DatetimeNoLeap(2000, 2, 28), cftime.DatetimeNoLeap(2000, 3, 1)]), {}, "label"),
    "turning": (np.array([358.0, 359.0, 0.0, 1.0]), {"units": "degrees"}, "number"),
}


@pytest.fixture(params=COORDINATES)
def case(request: pytest.FixtureRequest) -> tuple[Axis, str]:
    values, attrs, kind = COORDINATES[request.param]
    return axis_of("name", len(values), values, attrs), kind


def test_the_kind_is_found(case: tuple[Axis, str]) -> None:
    axis, kind = case
    assert axis.kind == kind
    assert axis.edges.size == axis.size


def test_the_centre_of_a_cell_is_in_it(case: tuple[Axis, str]) -> None:
    axis, _ = case
    assert [axis.cell(axis.centre(index)) for index in range(axis.size)] == list(range(axis.size))


def test_no_cell_lies_outside(case: tuple[Axis, str]) -> None:
    axis, _ = case
    low, high = axis.limits
    margin = 1 + (high - low)
    for place in (low - margin, high + margin, math.nan, math.inf, -math.inf):
        assert axis.cell(place) is None


@pytest.mark.parametrize("name", [name for name in COORDINATES if name not in ("repeated", "no times", "tiny")])
def test_texts_tell_cells_apart(name: str) -> None:
    values, attrs, _ = COORDINATES[name]
    axis = axis_of("name", len(values), values, attrs)
    assert len({axis.text(index) for index in range(axis.size)}) == axis.size


@pytest.mark.parametrize(
    "name", [name for name, (_, _, kind) in COORDINATES.items() if kind != "index" and name != "far years"]
)
def test_finding_its_own_text_gives_the_cell(name: str) -> None:
    values, attrs, _ = COORDINATES[name]
    axis = axis_of("name", len(values), values, attrs)
    assert [axis.find(axis.text(index)) for index in range(axis.size)] == list(range(axis.size))


@pytest.mark.parametrize("name", COORDINATES)
@pytest.mark.parametrize(
    "text", ["", " ", "x", "²", "nan", "inf", "NaT", "9" * 5000, "2026-13-01", "12", "1e999", "2026-01-01T00:00+02:00"]
)
def test_what_means_nothing_finds_nothing_and_never_raises(name: str, text: str) -> None:
    values, attrs, _ = COORDINATES[name]
    axis = axis_of("name", len(values), values, attrs)
    found = axis.find(text)
    assert found is None or 0 <= found < axis.size
    if text in ("", " ", "x", "²", "nan", "inf", "NaT", "1e999"):
        assert found is None


def test_a_dimension_without_a_coordinate_counts() -> None:
    axis = plain_axis("x", 10**12)
    assert axis.limits == (-0.5, 10**12 - 0.5)
    assert axis.cell(10**12 - 1) == 10**12 - 1
    assert axis.text(7) == "7"
    assert axis.find(str(10**11)) == 10**11
    assert axis.find(str(10**12)) is None
    assert axis.find("here") is None


def test_edges_lie_half_way() -> None:
    axis = axis_of("x", 3, [1.0, 2.0, 4.0])
    assert axis.edges.at([0, 1, 2, 3]).tolist() == [0.5, 1.5, 3.0, 5.0]
    assert axis.edges.position([-0.5, 0.5, 3.0, 7.0]).tolist() == [-1.0, 0.0, 2.0, 4.0]


def test_a_falling_coordinate_keeps_its_order() -> None:
    axis = axis_of("x", 3, [3.0, 2.0, 1.0])
    assert axis.centre(0) == 3.0
    assert axis.limits == (0.5, 3.5)
    assert axis.cell(1.2) == 2


def test_a_nearly_even_coordinate_is_even() -> None:
    noisy = np.arange(100.0) + np.where(np.arange(100) % 2, 0.004, -0.004)
    assert isinstance(axis_of("x", 100, noisy).edges, Uniform)
    noisy[50] += 0.1
    assert isinstance(axis_of("x", 100, noisy).edges, Table)


def test_microseconds_are_even_in_spite_of_rounded_milliseconds() -> None:
    micro = DAY + np.arange(50) * np.timedelta64(1, "us")
    axis = axis_of("time", 50, micro)
    assert isinstance(axis.edges, Uniform)
    assert axis.text(3) == "2026-03-01 12:00:00.000003"


def test_a_full_turn_runs_on() -> None:
    axis = axis_of("lon", 4, [358.0, 359.0, 0.0, 1.0], {"units": "deg"})
    assert axis.wrap == 360
    assert axis.limits == (357.5, 361.5)
    assert axis.text(3) == "1 deg"
    assert axis.find("361") == 3
    assert axis.find("-1") == 1


@pytest.mark.parametrize("values", [[0.0, 10.0, 250.0, 260.0], [260.0, 250.0, 10.0, 0.0], [0.0, 200.0, 190.0, 210.0]])
def test_degrees_that_jump_without_turning_are_left_alone(values: list[float]) -> None:
    axis = axis_of("lon", len(values), values, {"units": "deg"})
    assert axis.wrap == 0
    if axis.kind == "number":
        assert axis.limits == (min(values) - 5, max(values) + 5)


def test_times_are_found_to_the_nanosecond() -> None:
    values = DAY + np.array([0, 1, 2, 900], "timedelta64[ns]")
    axis = axis_of("time", 4, values)
    assert axis.find("2026-03-01 12:00:00.000000002Z") == 2
    assert axis.find("2026-03-01T12:00") == 0
    assert axis.find("2026-03-02 UTC") == 3
    assert axis.find("1600") == 0


def test_times_beside_a_gap_are_found() -> None:
    axis = axis_of("time", 3, np.array(["NaT", "2026-01-01", "2026-01-02"], "datetime64[ns]"))
    assert axis.find("2026-01-02") == 2
    assert axis.text(0) == "no time"


@pytest.mark.parametrize(
    ("values", "unit", "caption", "text"),
    [
        ([1.42e9, 1.43e9], "Hz", "Name (GHz)", "1.420 GHz"),
        ([2.1e-1, 2.2e-1], "m", "Name (mm)", "210 mm"),
        ([3e-9, 4e-9], "m", "Name (nm)", "3 nm"),
        ([0.002, 0.004], "s", "Name (ms)", "2 ms"),
        ([1000.0, 2000.0], "m s-1", "Name (km/s)", "1 km/s"),
        ([10.0, 20.0], "m/s", "Name (m/s)", "10 m/s"),
        ([0.0, 0.0], "Hz", "Name (Hz)", "0 Hz"),
        ([12345678, 12345679], "", "Name", "12345678"),
        ([2**62, 2**62 + 1], "", "Name", "4611686018427387904"),
    ],
)
def test_units_are_brought_to_size(values: list[float], unit: str, caption: str, text: str) -> None:
    axis = axis_of("name", 2, values, {"units": unit})
    assert (axis.caption, axis.text(0)) == (caption, text)


def test_attributes_may_hold_anything() -> None:
    axis = axis_of("a_b", 2, [1.0, 2.0], {"units": None, "long_name": 3})
    assert (axis.title, axis.unit) == ("3", "")
    assert axis_of("a_b", 2, [1.0, 2.0], {"units": np.array([1, 2])}).unit == "[1 2]"
    assert axis_of("RA", 2).title == "RA"
    assert axis_of("baseline_id", 2).title == "Baseline id"


@pytest.mark.parametrize(
    ("resolution", "text"),
    [
        (86400, "2026-03-01"),
        (60, "2026-03-01 12:00:00"),
        (0.5, "2026-03-01 12:00:00.000"),
        (1e-4, "2026-03-01 12:00:00.000000"),
        (1e-9, "2026-03-01 12:00:00.000000000"),
    ],
)
def test_a_time_has_the_digits_that_mean_something(resolution: float, text: str) -> None:
    assert time_text(DAY, resolution) == text


@given(hnp.arrays(float, st.integers(1, 40), elements=st.floats(allow_nan=True, allow_infinity=True, width=64)))
def test_no_numbers_raise(values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    for unit in ("Hz", "deg", ""):
        axis = axis_of("x", len(values), values, {"units": unit})
        assert np.isfinite(axis.edges.at([0, axis.size])).all()
        assert [axis.cell(axis.centre(index)) for index in range(axis.size)] == list(range(axis.size))
        assert all(isinstance(axis.text(index), str) for index in range(axis.size))


@given(finite, st.floats(1e-6, 1e6), st.integers(1, 10_000), st.booleans(), st.data())
def test_even_cells_hold_their_centres(start: float, step: float, size: int, down: bool, data: st.DataObject) -> None:
    assume(step > 1e-12 * abs(start))
    edges = Uniform(start, -step if down else step, size)
    axis = Axis("x", size, "number", "x", "", edges)
    index = data.draw(st.integers(0, size - 1))
    assert axis.cell(axis.centre(index)) == index
    position = data.draw(st.floats(-size, 2 * size))
    assert float(edges.position(edges.at(position))) == pytest.approx(position, abs=1e-3)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=50), finite, st.booleans(), st.data())
def test_uneven_cells_hold_their_centres(steps: list[float], start: float, down: bool, data: st.DataObject) -> None:
    assume(abs(start) < 1e9)
    centres = start + np.cumsum([0.0, *steps]) * (-1 if down else 1)
    edges = edges_of(centres)
    assert edges is not None
    axis = Axis("x", len(centres), "number", "x", "", edges)
    assert [axis.cell(centre) for centre in centres] == list(range(len(centres)))
    assert [axis.cell(axis.centre(index)) for index in range(axis.size)] == list(range(axis.size))
    position = data.draw(st.floats(0, axis.size))
    assert float(edges.position(edges.at(position))) == pytest.approx(position, abs=1e-3)


@given(finite, st.floats(1e-9, 1e6))
def test_neighbours_read_differently(number: float, spacing: float) -> None:
    assume(spacing > 1e-12 * abs(number))
    assert decimal_text(number, spacing) != decimal_text(number + spacing, spacing)
    assert float(decimal_text(number, spacing)) == pytest.approx(number, abs=spacing / 2)
