"""Mean profiles and the drawing of long lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.errors import RequestError
from skydeck.reduce.profile import mean_profile, trace


@pytest.mark.parametrize("dtype", [">f4", "<f8", "<f2", ">i2", "u1", "?"])
@pytest.mark.parametrize("masked", [True, False])
def test_a_profile_is_the_mean_of_each_plane(dtype: str, masked: bool) -> None:
    rng = np.random.default_rng(0)
    block = (rng.random((7, 30, 40)) * 50).astype(dtype)
    mask = rng.random((30, 40)) < 0.1 if masked else None
    got = mean_profile(block, mask)
    cells = block.astype(np.float64)[:, mask if mask is not None else np.ones((30, 40), bool)]
    np.testing.assert_allclose(got, cells.mean(axis=1), rtol=1e-12)
    assert got.dtype == np.float64


def test_nan_is_left_out_and_infinity_is_kept() -> None:
    block = np.array([[[1, np.nan]], [[np.nan, np.nan]], [[np.inf, 2]]], np.float32)
    np.testing.assert_array_equal(mean_profile(block), [1, np.nan, np.inf])


def test_an_empty_mask_or_block_gives_nan_or_nothing() -> None:
    assert np.isnan(mean_profile(np.ones((3, 4, 5)), np.zeros((4, 5), bool))).tolist() == [True] * 3
    assert mean_profile(np.ones((0, 4, 5))).shape == (0,)
    assert np.isnan(mean_profile(np.ones((2, 0, 5)))).all()


def test_a_block_of_many_batches_joins() -> None:
    block = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 1100, 1000), np.float32)
    assert mean_profile(block).tolist() == [0, 1, 2]


@pytest.mark.parametrize("block", [np.ones((3, 4)), np.ones((2, 3, 4), complex)])
def test_a_block_that_has_no_profile_is_refused(block: np.ndarray) -> None:
    with pytest.raises(RequestError, match="real numbers"):
        mean_profile(block)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(RequestError, match="doesn't fit"):
        mean_profile(np.ones((2, 3, 4)), np.ones((4, 3), bool))


@given(st.integers(0, 400), st.integers(1, 90), st.integers(0, 5))
def test_a_trace_agrees_with_brute_force(size: int, pixels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(size) < 0.3, np.nan, rng.normal(size=size))
    index, low, high = trace(values, pixels)
    assert len(index) == min(size, pixels)
    for k, (start, stop) in enumerate(zip(index, np.append(index, size)[1:], strict=True)):
        cells = values[start:stop][~np.isnan(values[start:stop])]
        assert stop - start in (size // len(index), size // len(index) + 1)
        assert (
            (low[k] == cells.min() and high[k] == cells.max()) if cells.size else np.isnan(low[k]) and np.isnan(high[k])
        )


def test_a_short_trace_comes_back_as_it_is() -> None:
    values = np.array([3, 1, 2], np.int16)
    index, low, high = trace(values, 10)
    assert index.tolist() == [0, 1, 2]
    assert low.tolist() == high.tolist() == [3, 1, 2]
    assert low.dtype == np.int16


@pytest.mark.parametrize(("values", "pixels"), [(np.ones((2, 2)), 5), (np.ones(2, complex), 5), (np.ones(4), 0)])
def test_what_is_no_line_is_refused(values: np.ndarray, pixels: int) -> None:
    with pytest.raises(RequestError):
        trace(values, pixels)
