"""A viewport is checked where it is made."""

from __future__ import annotations

import math

import pytest

from skydeck.core.errors import RequestError
from skydeck.core.viewport import MAX_PIXELS, Viewport


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 1, 0, 1, 5, 5),
        (2, 1, 0, 1, 5, 5),
        (0, 1, 1, 0, 5, 5),
        (math.nan, 1, 0, 1, 5, 5),
        (0, math.inf, 0, 1, 5, 5),
        (0, 1, -math.inf, 1, 5, 5),
        (0, 1, 0, 1, 0, 5),
        (0, 1, 0, 1, 5, MAX_PIXELS + 1),
    ],
)
def test_what_is_no_rectangle_on_a_screen_is_refused(numbers: tuple[float, float, float, float, int, int]) -> None:
    with pytest.raises(RequestError, match="viewport"):
        Viewport(*numbers)


def test_coarser_keeps_the_rectangle() -> None:
    view = Viewport(-1, 1, 0, 5, 100, 3)
    assert view.coarser(4) == Viewport(-1, 1, 0, 5, 25, 1)
    assert view.coarser(1) == view


def test_equal_viewports_are_one_key() -> None:
    assert len({Viewport(0, 1, 0, 1, 2, 2), Viewport(0.0, 1.0, 0.0, 1.0, 2, 2)}) == 1
