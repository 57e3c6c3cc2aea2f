"""Ticks beside a colour bar: round, in order, and where their colours are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.style import STRETCHES, Stretch, Style
from skydeck.render.stretch import stretch, thresholds
from skydeck.render.ticks import colourbar_ticks

VALUES = np.random.default_rng(0).normal(size=2000)


def ticks(style: Style, count: int = 6) -> list[tuple[float, str]]:
    return colourbar_ticks(style, thresholds(style, VALUES), count)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-3.2, 17.1, ["0", "5", "10", "15"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (1e-15, 7e-15, ["1e-15", "2e-15", "3e-15", "4e-15", "5e-15", "6e-15", "7e-15"]),
        (0, 5e-9, ["0", "1e-9", "2e-9", "3e-9", "4e-9", "5e-9"]),
        (1420.1e6, 1420.3e6, ["1.42010e9", "1.42015e9", "1.42020e9", "1.42025e9", "1.42030e9"]),
    ],
)
def test_linear_bars_have_even_round_ticks(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in ticks(Style(low=low, high=high))] == texts


def test_a_log_bar_has_round_numbers_of_every_size() -> None:
    assert [text for _, text in ticks(Style(stretch="log", low=0, high=1))] == [
        "0",
        "0.005",
        "0.02",
        "0.05",
        "0.2",
        "1",
    ]


@pytest.mark.parametrize("name", [name for name in STRETCHES if name != "histogram"])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 17.1), (0, 65535), (2e-20, 9e-20), (-5e30, 1e31)])
def test_a_tick_is_where_its_colour_is(name: Stretch, low: float, high: float) -> None:
    style = Style(stretch=name, low=low, high=high)
    for place, text in ticks(style):
        assert stretch((float(text) - low) / (high - low), style) == pytest.approx(place, abs=0.005)


@pytest.mark.parametrize("name", STRETCHES)
@given(
    low=st.floats(-1e30, 1e30),
    span=st.floats(0, 1e30) | st.sampled_from([0.0, 1e-300, 1e300, 1.7e308, math.inf, math.nan]),
    count=st.integers(0, 20),
)
def test_ticks_rise_within_the_bar_and_say_different_things(name: Stretch, low: float, span: float, count: int) -> None:
    found = ticks(Style(stretch=name, low=low, high=low + span), count)
    places, texts = [place for place, _ in found], [text for _, text in found]
    assert 1 <= len(found) <= 3 * max(count, 2)
    assert all(0 <= place <= 1 for place in places)
    assert places == sorted(places)
    assert len(set(texts)) == len(texts)
    assert [float(text) for text in texts] == sorted(float(text) for text in texts)


@pytest.mark.parametrize("name", STRETCHES)
def test_about_as_many_ticks_as_asked_for(name: Stretch) -> None:
    style = Style(stretch=name, low=-2.7, high=3.1)
    for count in (3, 6, 10):
        assert count / 2 <= len(ticks(style, count)) <= 2 * count


def test_a_bar_of_one_value_has_one_tick() -> None:
    assert ticks(Style(low=5, high=5)) == [(0.5, "5")]
    assert ticks(Style(low=0, high=0)) == [(0.5, "0")]
