"""Stretches, their inverses, and the thresholds that browser and server share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.errors import RequestError
from skydeck.core.style import STRETCHES, Stretch, Style
from skydeck.render.stretch import stretch, thresholds, unstretch

VALUES = np.random.default_rng(0).normal(size=5000).astype(np.float32)


@pytest.mark.parametrize("name", STRETCHES)
def test_a_stretch_runs_from_nought_to_one_and_never_falls(name: Stretch) -> None:
    style = Style(stretch=name, low=float(VALUES.min()), high=float(VALUES.max()))
    got = stretch(np.linspace(0, 1, 1001), style, VALUES)
    assert got[0] == pytest.approx(0, abs=1 / 4000)
    assert got[-1] == pytest.approx(1)
    assert (np.diff(got) >= 0).all()


@pytest.mark.parametrize("name", [name for name in STRETCHES if name != "histogram"])
@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0, 5.0])
def test_the_inverse_undoes_the_stretch(name: Stretch, gamma: float) -> None:
    x = np.linspace(0, 1, 257)
    style = Style(stretch=name, gamma=gamma)
    np.testing.assert_allclose(unstretch(stretch(x, style), style), x, atol=1e-9)


def test_formulas_at_known_places() -> None:
    assert stretch(0.5, Style(stretch="log")) == pytest.approx(math.log(501) / math.log(1001))
    assert stretch(0.5, Style(stretch="asinh")) == pytest.approx(math.asinh(5) / math.asinh(10))
    assert stretch(0.25, Style(stretch="sqrt")) == 0.5
    assert stretch(0.5, Style(stretch="power", gamma=3)) == 0.125
    assert stretch(np.array([-1, 2, np.nan]), Style()).tolist()[:2] == [0, 1]
    assert np.isnan(stretch(np.nan, Style(stretch="log")))


@pytest.mark.parametrize("name", [name for name in STRETCHES if name != "histogram"])
def test_a_threshold_is_where_the_index_steps(name: Stretch) -> None:
    style = Style(stretch=name, low=-3, high=12)
    steps = thresholds(style)
    values = np.linspace(-4, 13, 20_001)
    index = np.searchsorted(steps, values, side="right")
    want = np.floor(stretch((values + 3) / 15, style) * 256).clip(0, 255)
    assert (np.abs(index - want) <= 1).all()
    assert np.mean(index != want) < 0.001
    assert (index[values < -3] == 0).all()
    assert (index[values > 12] == 255).all()


def test_a_histogram_uses_every_colour_alike() -> None:
    style = Style(stretch="histogram", low=float(VALUES.min()), high=float(VALUES.max()))
    index = np.searchsorted(thresholds(style, VALUES), VALUES, side="right")
    counts = np.bincount(index, minlength=256)
    assert counts.max() - counts.min() <= 5  # of about 19


def test_a_histogram_leaves_out_what_lies_beyond_the_limits() -> None:
    values = np.concatenate([np.linspace(0, 1, 1000), np.full(5000, 50.0), [np.nan, np.inf]])
    steps = thresholds(Style(stretch="histogram", low=0, high=1), values)
    np.testing.assert_allclose(steps, np.arange(1, 256) / 256, atol=2e-3)


def test_a_histogram_without_data_is_linear() -> None:
    linear, style = thresholds(Style(low=2, high=3)), Style(stretch="histogram", low=2, high=3)
    for values in (None, np.empty(0), np.full(4, np.nan)):
        np.testing.assert_allclose(thresholds(style, values), linear)
        assert stretch(0.25, style, values) == 0.25


EXTREMES = [0.0, -0.0, 5e-324, 1e-45, 1e38, 1.7e308, -1.7e308, math.inf, -math.inf, math.nan, 1.0, -7.5]


@pytest.mark.parametrize("name", STRETCHES)
@given(low=st.sampled_from(EXTREMES) | st.floats(), high=st.sampled_from(EXTREMES) | st.floats())
def test_thresholds_are_always_finite_and_never_fall(name: Stretch, low: float, high: float) -> None:
    steps = thresholds(Style(stretch=name, low=low, high=high), VALUES)
    assert steps.shape == (255,)
    assert np.isfinite(steps).all()
    assert (np.diff(steps) >= 0).all()


@pytest.mark.parametrize("name", STRETCHES)
def test_equal_limits_make_two_colours(name: Stretch) -> None:
    steps = thresholds(Style(stretch=name, low=5, high=5), np.full(9, 5.0))
    assert np.searchsorted(steps, [4.999, 5, 5.001], side="right").tolist() == [0, 255, 255]


def test_what_is_no_stretch_is_refused() -> None:
    with pytest.raises(RequestError, match="linear, log"):
        stretch(0.5, Style(stretch="cubic"))  # type: ignore[arg-type]
    for gamma in (0, -1, math.nan, math.inf):
        with pytest.raises(RequestError, match="above 0"):
            thresholds(Style(stretch="power", gamma=gamma))
