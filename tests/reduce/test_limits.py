"""Limits, histograms and statistics of a screenful."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skydeck.core.errors import RequestError
from skydeck.core.style import LIMITS, Limits
from skydeck.reduce.limits import histogram_of, limits_of, statistics_of

NOISE = np.random.default_rng(0).normal(10, 2, (800, 800)).astype(np.float32)
DTYPES = ["?", "u1", "<i2", ">i4", "<i8", "<f2", ">f4", "<f8"]


def test_min_max_is_exact() -> None:
    values = NOISE.copy()
    values[17, 3], values[799, 799], values[0, :3] = -500, 1e6, (np.nan, np.inf, -np.inf)
    assert limits_of(values, "min-max") == (-500, 1e6)
    assert limits_of(values, "manual") == (-500, 1e6)


@pytest.mark.parametrize(
    ("how", "share"), [("99.9 %", 99.9), ("99.5 %", 99.5), ("99 %", 99), ("95 %", 95), ("90 %", 90)]
)
def test_a_percentage_keeps_that_much_in_the_middle(how: Limits, share: float) -> None:
    low, high = limits_of(NOISE, how)
    assert 100 * np.mean((low <= NOISE) & (high >= NOISE)) == pytest.approx(share, abs=0.3)
    assert np.mean(low > NOISE) == pytest.approx(np.mean(high < NOISE), abs=0.003)


def test_a_small_picture_is_not_sampled() -> None:
    values = np.arange(1000.0).reshape(20, 50)
    assert limits_of(values, "90 %") == pytest.approx(np.percentile(values, [5, 95]))


def test_samples_do_not_follow_columns() -> None:
    values = np.zeros((1024, 1024), np.float32)
    values[:, 512:] = 1000 + np.arange(512)
    low, high = limits_of(values, "90 %")
    assert low == 0
    assert high == pytest.approx(np.percentile(values, 95), rel=0.01)


def test_zscale_is_between_the_extremes_and_ignores_stars() -> None:
    values = NOISE.copy()
    values[::40, ::40] = 1e5
    low, high = limits_of(values, "zscale")
    assert 0 < low < 10 < high < 100


@pytest.mark.parametrize("how", LIMITS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_has_limits(dtype: str, how: Limits) -> None:
    values = (np.arange(300).reshape(20, 15) % 100).astype(dtype)
    low, high = limits_of(values, how)
    assert float(values.min()) <= low < high
    if how != "zscale":  # it may reach beyond
        assert high <= float(values.max())


@pytest.mark.parametrize("how", LIMITS)
def test_nothing_finite_gives_nought_to_one(how: Limits) -> None:
    for values in (np.full((5, 5), np.nan), np.array([[np.inf, -np.inf]]), np.empty((0, 7), np.float32)):
        assert limits_of(values, how) == (0, 1)


@pytest.mark.parametrize("how", LIMITS)
@pytest.mark.parametrize("constant", [0.0, 5.0, -3e-20, 1e38, -1e300, 1.7e308])
def test_a_constant_is_widened(constant: float, how: Limits) -> None:
    low, high = limits_of(np.full((9, 9), constant), how)
    assert low < constant < high or constant == 1.7e308
    assert low < high < math.inf


@pytest.mark.parametrize("how", LIMITS)
def test_rare_counts_and_lonely_pixels_still_show(how: Limits) -> None:
    counts = np.zeros((1000, 1000), np.uint16)
    counts[500, 500] = 9
    assert limits_of(counts, how) == (0, 9)
    lonely = np.full((1000, 1000), np.nan, np.float32)
    lonely[3, 77], lonely[3, 78] = 4, 5
    low, high = limits_of(lonely, how)
    assert low <= 4
    assert high >= 5


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), (7, 5)), st.sampled_from(LIMITS))
def test_limits_are_always_finite_and_rise(values: npt.NDArray[Any], how: Limits) -> None:
    low, high = limits_of(values, how)
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high


def test_what_has_no_limits_is_refused() -> None:
    with pytest.raises(RequestError, match="zscale"):
        limits_of(NOISE, "most")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="real numbers"):
        limits_of(np.zeros(3, complex), "min-max")


def test_a_histogram_counts_every_finite_value_once() -> None:
    values = NOISE.copy()
    values[0, :4] = np.nan, np.inf, -np.inf, 1e9
    counts, edges = histogram_of(values, 64)
    assert counts.sum() == values.size - 3
    assert counts[-1] == 1
    assert (edges[0], edges[-1]) == (values[np.isfinite(values)].min(), np.float32(1e9))
    assert len(edges) == 65


def test_a_histogram_between_limits_agrees_with_brute_force() -> None:
    counts, edges = histogram_of(np.array([-1, 0, 0.5, 1, 3, 4, 4.1, np.nan]), 4, 0, 4)
    assert counts.tolist() == [2, 1, 0, 2]
    assert edges.tolist() == [0, 1, 2, 3, 4]
    assert counts.dtype == np.int64


def test_histograms_of_odd_things() -> None:
    assert histogram_of(np.full((3, 3), np.nan))[0].sum() == 0
    assert histogram_of(np.full((3, 3), 7))[0].sum() == 9
    assert histogram_of(np.array([-1.7e308, 1.7e308]), 2)[0].tolist() == [1, 1]
    assert histogram_of(np.arange(5), low=2.0)[0].sum() == 3


@pytest.mark.parametrize(("bins", "low", "high"), [(0, 0, 1), (4, 1, 1), (4, 2, 1), (4, 0, math.inf), (4, math.nan, 1)])
def test_a_histogram_that_cannot_be_is_refused(bins: int, low: float, high: float) -> None:
    with pytest.raises(RequestError):
        histogram_of(NOISE, bins, low, high)


@pytest.mark.parametrize("dtype", DTYPES)
def test_statistics_agree_with_numpy(dtype: str) -> None:
    values = (np.random.default_rng(1).random((90, 70)) * 90).astype(dtype)
    wide = values.astype(np.float64)
    got = statistics_of(values)
    assert (got.count, got.nan_count, got.inf_count) == (6300, 0, 0)
    assert got.sum == pytest.approx(wide.sum(), rel=1e-12)
    assert got.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert got.std == pytest.approx(wide.std(), rel=1e-12)
    assert got.rms == pytest.approx(np.sqrt(np.square(wide).mean()), rel=1e-12)
    assert (got.median, got.min, got.max) == (np.median(wide), wide.min(), wide.max())


def test_statistics_leave_out_what_is_not_finite() -> None:
    values = np.array([[1, 3, np.nan], [np.inf, -np.inf, np.nan]], np.float32)
    got = statistics_of(values)
    assert (got.count, got.nan_count, got.inf_count, got.sum, got.mean, got.median) == (2, 2, 2, 4, 2, 2)
    nothing = statistics_of(np.full(4, np.nan))
    assert (nothing.count, nothing.nan_count, nothing.sum) == (0, 4, 0)
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.max)


def test_statistics_do_not_lose_small_noise_on_a_large_level() -> None:
    values = 1e9 + np.random.default_rng(2).normal(0, 1e-3, (1500, 1500))
    assert statistics_of(values).std == pytest.approx(1e-3, rel=0.01)
    assert statistics_of(values.astype(">f8")[::-1]).mean == pytest.approx(1e9, abs=1e-5)
