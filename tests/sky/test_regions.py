"""Regions as masks, against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.errors import RequestError
from skydeck.sky.regions import Box, Ellipse, Region, bounds, mask

NX, NY = 13, 9
PLACES = st.floats(-8, 20)
SIZES = st.just(0.0) | st.floats(1e-9, 20)
BOXES = st.builds(lambda x, y, w, h: Box(x, x + w, y, y + h), PLACES, PLACES, SIZES, SIZES)
ELLIPSES = st.builds(Ellipse, PLACES, PLACES, SIZES, SIZES, st.floats(-400, 400))


def belongs(region: Region, x: int, y: int) -> bool:
    if isinstance(region, Box):
        return _between(x, region.x0, region.x1) and _between(y, region.y0, region.y1)
    if (x, y) == (math.floor(region.cx + 0.5), math.floor(region.cy + 0.5)):
        return True
    if region.rx == 0 or region.ry == 0:
        return False
    turn = complex(x - region.cx, y - region.cy) * np.exp(-1j * np.radians(region.angle))
    return math.hypot(turn.real / region.rx, turn.imag / region.ry) <= 1 + 5e-13


def _between(cell: int, low: float, high: float) -> bool:
    if any(low <= other < high for other in range(math.floor(low) - 1, math.ceil(high) + 2)):
        return low <= cell < high
    return cell == math.floor((low + high) / 2 + 0.5)


@given(BOXES | ELLIPSES)
def test_a_mask_is_what_brute_force_says(region: Region) -> None:
    expected = np.array([[belongs(region, x, y) for x in range(NX)] for y in range(NY)])
    found = mask(region, slice(0, NX), slice(0, NY))
    assert found.dtype == bool
    uncertain = int((found != expected).sum())
    assert uncertain == 0 or (isinstance(region, Ellipse) and uncertain <= 2 and _on_the_rim(region, found != expected))


def _on_the_rim(ellipse: Ellipse, cells: np.ndarray) -> bool:
    """Where the two disagree by rounding: at a radius of 1 to twelve digits."""
    rows, columns = np.nonzero(cells)
    turned = (columns - ellipse.cx + 1j * (rows - ellipse.cy)) * np.exp(-1j * np.radians(ellipse.angle))
    return np.allclose((turned.real / ellipse.rx) ** 2 + (turned.imag / ellipse.ry) ** 2, 1.0, atol=1e-10)


@given(BOXES | ELLIPSES)
def test_bounds_hold_every_cell_and_a_window_shows_its_part(region: Region) -> None:
    x, y = bounds(region, NX, NY)
    whole = mask(region, slice(0, NX), slice(0, NY))
    assert 0 <= x.start <= x.stop <= NX
    assert whole.sum() == whole[y, x].sum()
    np.testing.assert_array_equal(mask(region, x, y), whole[y, x])
    if not whole.any() and isinstance(region, Box):
        assert (x, y) == (slice(0, 0), slice(0, 0))


@given(PLACES, PLACES, st.floats(0, 0.4))
def test_a_tiny_region_has_the_cell_under_its_centre(x: float, y: float, size: float) -> None:
    window = slice(-20, 60), slice(-20, 60)
    for region in (Box(x - size / 2, x + size / 2, y - size / 2, y + size / 2), Ellipse(x, y, size, size)):
        assert mask(region, *window).sum() >= 1
    assert mask(Ellipse(x, y, 0, 0), *window).sum() == 1


def test_a_thin_box_is_a_line_of_cells() -> None:
    assert mask(Box(9.6, 9.9, -0.5, 4.5), slice(0, 20), slice(0, 20)).sum() == 5
    assert bounds(Box(9.6, 9.9, -0.5, 4.5), 20, 20) == (slice(10, 11), slice(0, 5))


def test_boxes_side_by_side_share_no_cell() -> None:
    window = slice(0, 10), slice(0, 10)
    left, right = mask(Box(0, 4, 0, 10), *window), mask(Box(4, 10, 0, 10), *window)
    assert not (left & right).any()
    assert (left | right).all()


def test_huge_regions_cost_no_more_than_the_window() -> None:
    assert bounds(Box(-1e300, 1e300, -1e300, 1e300), 5, 6) == (slice(0, 5), slice(0, 6))
    assert mask(Ellipse(2, 2, 1e200, 1e200), slice(0, 5), slice(0, 6)).all()


@pytest.mark.parametrize("numbers", [(5, 4, 0, 1), (0, 1, 5, 4), (math.nan, 1, 0, 1), (0, math.inf, 0, 1)])
def test_a_box_must_run_from_low_to_high(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(RequestError):
        Box(*numbers)


def test_an_ellipse_has_half_axes() -> None:
    with pytest.raises(RequestError, match="negative"):
        Ellipse(0, 0, -1, 1)
    with pytest.raises(RequestError, match="finite"):
        Ellipse(0, 0, 1, 1, math.nan)
