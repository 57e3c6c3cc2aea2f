"""uint16 codes: the promised error holds for any numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skydeck.core.errors import RequestError
from skydeck.render.codes import Codes, decode, encode


def check(values: npt.NDArray[Any]) -> Codes:
    """Encode, decode, and hold every value to the bound that ``encode`` states."""
    coded = encode(values)
    back = decode(coded)
    assert back.dtype == np.float32
    assert coded.codes.dtype == np.uint16
    assert back.shape == coded.codes.shape == values.shape
    finite = np.isfinite(values)
    np.testing.assert_array_equal(back[~finite], values[~finite])
    assert np.isfinite(back[finite]).all()
    away = np.abs(values[finite].astype(np.float64) - coded.centre)
    rounding = 2.0**-23 * np.abs(values[finite].astype(np.float64)) + 2.0**-149
    error = np.abs(back[finite].astype(np.float64) - values[finite].astype(np.float64))
    assert (error <= coded.step / 2 * np.hypot(coded.scale, away) * (1 + 1e-3) + rounding).all()
    spread = 2 * coded.scale
    assert (error <= 1e-3 * np.maximum(spread, away) + rounding).all()
    return coded


def by_hand(coded: Codes, code: int) -> float:
    """What the browser does with a code."""
    if code in (0, 1, 65535):
        return {0: math.nan, 1: -math.inf, 65535: math.inf}[code]
    return coded.centre + coded.scale * math.sinh(coded.step * (code - 32768))


NOISE = np.random.default_rng(0).normal(20, 3, (300, 200)).astype(np.float32)


def test_noise_keeps_fine_steps_beside_bright_outliers() -> None:
    values = NOISE.copy()
    values[5, 5], values[7, 7] = 3e6, -1e7
    coded = check(values)
    near = np.abs(values - 20) < 3
    assert np.abs(decode(coded) - values)[near].max() < 3 * 5e-4
    assert decode(coded)[5, 5] == pytest.approx(3e6, rel=5e-4)
    assert coded.centre == pytest.approx(20, abs=0.1)
    assert 2 * coded.scale == pytest.approx(3, rel=0.05)


def test_decoding_is_the_written_formula() -> None:
    coded = encode(NOISE)
    codes = np.array([[0, 1, 65535, 2, 65534, 32768, 40000]], np.uint16)
    got = decode(Codes(codes, coded.centre, coded.scale, coded.step))
    np.testing.assert_allclose(got[0], [by_hand(coded, int(code)) for code in codes[0]], rtol=1e-6)


def test_what_is_not_finite_has_codes_of_its_own() -> None:
    values = np.array([[np.nan, -np.inf, np.inf, 1, 2, 3]], np.float32)
    assert check(values).codes[0, :3].tolist() == [0, 1, 65535]
    assert set(range(2, 65535)) >= set(check(values).codes[0, 3:].tolist())


@pytest.mark.parametrize("constant", [0.0, 1.0, -1e-40, 3e38, 1420405751.0])
def test_a_constant_is_exact(constant: float) -> None:
    values = np.full((4, 5), constant, np.float32)
    values[0, 0] = np.nan
    np.testing.assert_array_equal(decode(check(values)), values)


@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf])
def test_nothing_finite_comes_back(nothing: float) -> None:
    check(np.full((3, 3), nothing, np.float32))


def test_mostly_one_number_keeps_the_rest_apart() -> None:
    counts = np.zeros((400, 400), np.float32)
    counts.ravel()[::7] = np.random.default_rng(0).integers(1, 30, len(counts.ravel()[::7]))
    np.testing.assert_array_equal(np.rint(decode(check(counts))), counts)


def test_a_lonely_pixel_between_the_samples_is_kept() -> None:
    values = np.full((1000, 1000), np.nan, np.float32)
    values[3, 77], values[9, 11] = 4, 5
    check(values)
    values[...] = 7
    values[3, 77] = -1e30
    check(values)


def test_order_is_kept() -> None:
    values = np.sort(np.random.default_rng(0).standard_cauchy(5000)).astype(np.float32)[None]
    assert (np.diff(decode(check(values))) >= 0).all()
    assert (np.diff(encode(values).codes.astype(int)) >= 0).all()


@settings(deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
@example(np.array([[0, 5e-324, 3.4e38, -3.4e38, 1e-45]], np.float32))
@example(np.array([[1e-45, 2e-45, 1e-45]], np.float32))
def test_the_bound_holds_for_any_numbers(values: npt.NDArray[np.float32]) -> None:
    check(values)


@given(
    st.integers(0, 99),
    st.floats(-1e6, 1e6, width=32),
    st.floats(2.0**-20, 1e6, width=32),
    st.floats(1, 2.0**40, width=32),
)
def test_the_bound_holds_for_noise_with_an_outlier(seed: int, level: float, noise: float, bright: float) -> None:
    values = np.random.default_rng(seed).normal(level, noise, (20, 30)).astype(np.float32)
    values[3, 3] = level + noise * bright
    check(values)


def test_other_dtypes_and_layouts_are_coded_as_float32() -> None:
    for values in (np.arange(12).reshape(3, 4), NOISE.astype(">f8").T, NOISE[::2, ::-1], np.eye(3, dtype=bool)):
        np.testing.assert_array_equal(encode(values).codes, encode(values.astype(np.float32)).codes)
    assert decode(encode(np.array([[1e300, -1e300]]))).tolist() == [[math.inf, -math.inf]]


def test_an_empty_picture_is_coded() -> None:
    assert decode(encode(np.empty((0, 4), np.float32))).shape == (0, 4)


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(RequestError, match="real numbers"):
        encode(np.zeros((2, 2), complex))
