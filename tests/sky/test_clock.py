"""Instants, Modified Julian Dates and seconds."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from skydeck.sky.clock import mjd_of, time_of_mjd, time_of_unix, utc_text

NANOSECONDS = st.integers(-(2**62), 2**62)


def test_known_dates() -> None:
    assert mjd_of(np.datetime64("1970-01-01")) == 40587.0
    assert mjd_of(np.datetime64("1858-11-17T00:00")) == 0.0
    assert time_of_mjd(60516.5) == np.datetime64("2024-07-25T12:00", "ns")


@given(st.lists(NANOSECONDS, min_size=1, max_size=20))
def test_dates_come_back_to_a_microsecond(counts: list[int]) -> None:
    times = np.array(counts, dtype="datetime64[ns]")
    apart = np.abs((time_of_mjd(mjd_of(times)) - times).astype(np.int64))
    assert apart.max() <= 700


def test_astropy_agrees() -> None:
    texts = ["1998-12-31T23:59:59", "2024-07-25T04:34:06.123456789", "1999-01-01T00:00:00"]
    ours = mjd_of(np.array(texts, dtype="datetime64[ns]"))
    np.testing.assert_allclose(ours[1:], [Time(text, scale="utc").mjd for text in texts[1:]], rtol=0, atol=2e-11)
    assert (ours[2] - ours[0]) * 86400 == pytest.approx(1.0, abs=2e-6)  # two seconds, had the leap second been counted


def test_unix_seconds_keep_whole_nanoseconds() -> None:
    assert time_of_unix(1.5) == np.datetime64(1_500_000_000, "ns")
    assert time_of_unix(-0.25) == np.datetime64(-250_000_000, "ns")
    seconds = 1_721_882_046.5
    assert time_of_unix([seconds, np.nan])[0] == np.datetime64(1_721_882_046_500_000_000, "ns")


def test_what_is_no_instant_is_nat_or_nan() -> None:
    assert np.isnat(time_of_mjd([np.nan, np.inf, 1e9, -1e9])).all()
    assert np.isnat(time_of_unix([np.nan, 1e12])).all()
    assert np.isnan(mjd_of(np.datetime64("NaT")))


def test_shapes_are_kept() -> None:
    assert mjd_of(np.zeros((2, 3), dtype="datetime64[s]")).shape == (2, 3)
    assert time_of_mjd(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (86400.0, "2024-07-25 UTC"),
        (1.0, "2024-07-25 04:34:06 UTC"),
        (1e-3, "2024-07-25 04:34:06.123 UTC"),
        (1e-9, "2024-07-25 04:34:06.123456789 UTC"),
    ],
)
def test_an_instant_as_text(resolution: float, expected: str) -> None:
    assert utc_text(np.datetime64("2024-07-25T04:34:06.123456789"), resolution) == expected
    assert utc_text(np.datetime64("NaT")) == ""
