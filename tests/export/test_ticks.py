"""Round places on axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skydeck.core.axis import axis_of, plain_axis
from skydeck.export.ticks import nice_step, ticks_of

GHZ = axis_of("frequency", 4, 1.4e9 + 1e6 * np.arange(4), {"units": "Hz"})


def test_numbers_are_round_and_distinct() -> None:
    marks = ticks_of(GHZ, 1.4, 1.4007, 7)
    assert [text for _, text in marks] == [
        "1.4000",
        "1.4001",
        "1.4002",
        "1.4003",
        "1.4004",
        "1.4005",
        "1.4006",
        "1.4007",
    ]
    assert [text for _, text in ticks_of(GHZ, -2.0, 4.0, 3)] == ["-2", "0", "2", "4"]
    assert ticks_of(GHZ, 1e12, 1.2e12, 3)[0][1] == "1e+12"


def test_degrees_wrap() -> None:
    lon = axis_of("lon", 4, np.array([350.0, 355.0, 0.0, 5.0]), {"units": "deg"})
    assert [text for _, text in ticks_of(lon, 350.0, 370.0, 4)] == ["350", "355", "0", "5", "10"]


@example(low=879609.9999999999, length=1e-06, count=5)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_any_range_gets_a_few_ascending_ticks_inside(low: float, length: float, count: int) -> None:
    marks = ticks_of(GHZ, low, low + length, count)
    places = [place for place, _ in marks]
    assert count / 3 - 1 <= len(marks) <= count + 1
    assert places == sorted(places)
    slack = 1e-6 * length + 4 * np.spacing(abs(low) + length)
    assert all(low - slack <= place <= low + length + slack for place in places)
    assert len({text for _, text in marks}) == len(marks)


@given(st.floats(1e-12, 1e12))
def test_a_nice_step_is_the_next_one(wanted: float) -> None:
    step = nice_step(wanted)
    assert wanted * (1 - 1.1e-3) <= step <= wanted * 2.5 * (1 + 1e-6)
    mantissa = float(f"{step:e}".partition("e")[0])
    assert mantissa in (1.0, 2.0, 5.0)


def milliseconds(text: str) -> float:
    return float((np.datetime64(text, "ns") - np.datetime64(0, "ns")) / np.timedelta64(1, "ms"))


TIME = axis_of("time", 2, np.array(["2024-07-25", "2024-07-26"], dtype="datetime64[ns]"))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-07-25T04:34:06", "2024-07-25T04:34:36", ["04:34:10\n2024-07-25", "04:34:20", "04:34:30"]),
        ("2024-07-25T23:50", "2024-07-26T00:10", ["23:50\n2024-07-25", "00:00\n2024-07-26", "00:10"]),
        (
            "2024-07-25T00:00:00",
            "2024-07-25T00:00:00.003",
            ["00:00:00.000\n2024-07-25", "00:00:00.001", "00:00:00.002"],
        ),
        ("2024-07-25", "2024-08-04", ["2024-07-26", "2024-07-31"]),
    ],
)
def test_instants_are_whole_clock_times(start: str, end: str, expected: list[str]) -> None:
    marks = ticks_of(TIME, milliseconds(start), milliseconds(end), 3)
    assert [text for _, text in marks][: len(expected)] == expected


@given(st.integers(-2_000_000_000_000, 4_000_000_000_000), st.floats(0.01, 1e11), st.integers(2, 12))
def test_any_span_of_time_gets_ticks(start: int, length: float, count: int) -> None:
    marks = ticks_of(TIME, start, start + length, count)
    assert len(marks) <= count + 1
    assert [place for place, _ in marks] == sorted({place for place, _ in marks})
    slack = 1e-3 + 1e-6 * length
    assert all(start - slack <= place <= start + length + slack for place, _ in marks)


def test_labels_and_indices_stand_at_whole_cells() -> None:
    stokes = axis_of("stokes", 4, np.array(["I", "Q", "U", "V"]))
    assert ticks_of(stokes, -0.5, 3.5) == [(0.0, "I"), (1.0, "Q"), (2.0, "U"), (3.0, "V")]
    assert ticks_of(plain_axis("x", 1000), -0.5, 999.5, 4) == [(0.0, "0"), (500.0, "500")]
    assert ticks_of(plain_axis("x", 10), -30.0, 40.0, 3) == [(0.0, "0")]
    assert ticks_of(axis_of("name", 2, np.array(["x" * 99, "y"])), -0.5, 1.5)[0] == (0.0, "x" * 18)
