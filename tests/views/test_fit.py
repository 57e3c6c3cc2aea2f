"""How a plane lies in a frame, and what a frame asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.axis import Axis, axis_of, plain_axis
from skydeck.core.viewport import MAX_PIXELS
from skydeck.views.fit import fitted, viewport_of, zoomed

X, Y = plain_axis("x", 100), plain_axis("y", 50)
ALL = (-0.5, 99.5), (-0.5, 49.5)


def test_a_plane_fills_its_frame_or_keeps_its_shape() -> None:
    assert fitted(*ALL, (200, 200), False) == ALL
    x, y = fitted(*ALL, (200, 200), True)
    assert x == (-0.5, 99.5)
    assert y == (-25.5, 74.5)
    assert fitted(*ALL, (400, 100), True)[1] == ALL[1]
    assert fitted(*ALL, (0, 0), True) == ALL


def test_zooming_keeps_the_middle() -> None:
    assert zoomed((0, 10), 0.5) == (2.5, 7.5)
    assert zoomed(zoomed((0, 10), 4), 0.25) == (0, 10)


def test_cells_smaller_than_pixels_are_asked_for_on_the_screen_s_pixels() -> None:
    view = viewport_of(X, Y, *ALL, (50, 25))
    assert view is not None
    assert (view.x0, view.x1, view.width, view.height) == (-0.5, 99.5, 50, 25)
    coarse = viewport_of(X, Y, *ALL, (50, 25), 5)
    assert coarse is not None
    assert (coarse.width, coarse.height) == (10, 5)


def test_cells_larger_than_pixels_are_asked_for_one_by_one() -> None:
    view = viewport_of(X, Y, (10.2, 12.9), (3.0, 4.0), (800, 600))
    assert view is not None
    assert (view.x0, view.x1, view.width) == (9.5, 13.5, 4)
    assert (view.y0, view.y1, view.height) == (2.5, 4.5, 2)


def test_only_what_lies_over_data_is_asked_for() -> None:
    view = viewport_of(X, Y, (-1000.5, 99.5), (-0.5, 49.5), (1100, 25))
    assert view is not None
    assert (view.x0, view.x1, view.width) == (-0.5, 99.5, 100)
    assert viewport_of(X, Y, (200, 300), (0, 10), (100, 100)) is None
    assert viewport_of(X, Y, (0, 10), (-9, -0.5), (100, 100)) is None
    assert viewport_of(X, Y, (5, 5), (0, 9), (100, 100)) is None
    assert viewport_of(X, Y, *ALL, (100, 0)) is None
    assert viewport_of(X, Y, *ALL, (10, 10), 16) is None


def axes() -> st.SearchStrategy[Axis]:
    even = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.integers(1, 5000), st.sampled_from([1, -1])).map(
        lambda one: axis_of("x", one[2], one[0] + one[3] * one[1] * np.arange(one[2]))
    )
    uneven = st.lists(st.floats(0.1, 10), min_size=2, max_size=60).map(
        lambda steps: axis_of("x", len(steps), np.cumsum(steps))
    )
    return st.one_of(even, uneven)


@given(axes(), st.floats(-1, 2), st.floats(1e-4, 3), st.integers(1, 20_000), st.sampled_from([1, 2, 16]))
def test_what_is_asked_for_covers_what_is_seen(
    axis: Axis, start: float, length: float, pixels: int, resolution: int
) -> None:
    low, high = axis.limits
    seen = low + start * (high - low), low + (start + length) * (high - low)
    view = viewport_of(axis, Y, seen, (0.0, 10.0), (pixels, 100), resolution)
    left, right = max(seen[0], low), min(seen[1], high)
    if view is None:
        assert not left < right or pixels < resolution
        return
    slack = 1e-6 * (high - low) / axis.size
    assert view.x0 <= left + slack
    assert view.x1 >= right - slack
    assert view.x0 >= low - slack
    assert view.x1 <= high + slack
    assert 1 <= view.width <= min(MAX_PIXELS, pixels // resolution)


@pytest.mark.parametrize("values", [[3.0], [0.0, 1.0], [1.0, 0.0]])
def test_few_cells_fill_a_frame(values: list[float]) -> None:
    axis = axis_of("x", len(values), values)
    view = viewport_of(axis, Y, axis.limits, ALL[1], (640, 480))
    assert view is not None
    assert (view.x0, view.x1, view.width) == (*axis.limits, len(values))
