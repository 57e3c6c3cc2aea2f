"""Which cells a pixel shows: none lost, none twice, whatever the axis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.axis import Edges, Table, Uniform
from skydeck.core.errors import RequestError
from skydeck.reduce.bins import Bins, bins_of


def shown(bins: Bins) -> list[list[int]]:
    return [list(range(a, b)) for a, b in zip(bins.start.tolist(), bins.stop.tolist(), strict=True)]


def cells_of(bins: Bins) -> list[int]:
    return [cell for cells in shown(bins) for cell in cells]


def test_a_whole_factor_gives_equal_bins() -> None:
    assert shown(bins_of(Uniform(0, 1, 12), 0, 12, 4)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_zooming_in_repeats_cells() -> None:
    assert shown(bins_of(Uniform(0, 1, 2), 0, 2, 6)) == [[0], [0], [0], [1], [1], [1]]


def test_a_falling_axis_keeps_screen_order() -> None:
    assert shown(bins_of(Uniform(10, -1, 10), 0, 10, 5)) == [[8, 9], [6, 7], [4, 5], [2, 3], [0, 1]]


def test_outside_the_data_is_empty() -> None:
    assert shown(bins_of(Uniform(0, 1, 2), -2, 4, 6)) == [[], [], [0], [1], [], []]


def test_a_grid_smaller_than_a_pixel_is_in_exactly_one() -> None:
    assert [len(cells) for cells in shown(bins_of(Uniform(40.2, 0.1, 3), 0, 100, 10))] == [0] * 4 + [3] + [0] * 5


@pytest.mark.parametrize(("cells", "pixels"), [(768, 800), (800, 768), (768, 768), (4096, 800), (1, 800), (3, 7)])
def test_there_is_no_comb(cells: int, pixels: int) -> None:
    bins = bins_of(Uniform(1.42e9, 2.5e4, cells), 1.42e9, 1.42e9 + 2.5e4 * cells, pixels)
    counts = bins.stop - bins.start
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1
    assert sorted(set(cells_of(bins))) == list(range(cells))


def test_one_to_one_at_half_a_cell_is_not_torn_by_rounding() -> None:
    bins = bins_of(Uniform(0.0, 0.1, 1000), 0.05, 0.05 + 0.1 * 900, 900)
    assert (bins.stop - bins.start == 1).all()
    assert (np.diff(bins.start) == 1).all()


def edge_tables(draw: st.DrawFn) -> Edges:
    steps = draw(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60))
    edges = draw(st.floats(-1e3, 1e3)) + np.concatenate([[0], np.cumsum(steps)])
    if draw(st.booleans()):
        edges = edges[::-1].copy()
    even = Uniform(float(edges[0]), math.copysign(steps[0], edges[-1] - edges[0]), len(steps))
    return Table(edges) if draw(st.booleans()) else even


@given(
    st.composite(edge_tables)(),
    st.floats(-0.5, 1.0),
    st.floats(0.01, 2.0),
    st.integers(1, 90),
)
def test_no_cell_in_range_is_lost_and_wide_pixels_share_none(
    edges: Edges, begin: float, span: float, pixels: int
) -> None:
    first, last = sorted(edges.at([0, edges.size]))
    low, high = first + begin * (last - first), first + (begin + span) * (last - first)
    bins = bins_of(edges, low, high, pixels)
    borders = np.sort(edges.position(np.linspace(low, high, pixels + 1)))
    whole = [k for k in range(edges.size) if borders[0] <= k + 0.49 and k + 0.51 <= borders[-1]]
    seen = shown(bins)
    assert set(whole) <= set(cells_of(bins))
    assert all(0 <= cell < edges.size for cell in cells_of(bins))
    spans = np.abs(np.diff(edges.position(np.linspace(low, high, pixels + 1))))
    owned = [cell for cells, wide in zip(seen, spans >= 1 + 1e-9, strict=True) if wide for cell in cells]
    assert len(owned) == len(set(owned))


@given(st.composite(edge_tables)(), st.integers(1, 90))
def test_each_cell_shown_lies_under_or_beside_its_pixel(edges: Edges, pixels: int) -> None:
    low, high = sorted(edges.at([0, edges.size]).tolist())
    if not low < high:
        return
    places = edges.position(np.linspace(low, high, pixels + 1))
    for k, cells in enumerate(shown(bins_of(edges, low, high, pixels))):
        begin, end = sorted(places[k : k + 2])
        assert all(cell + 1 >= begin - 0.51 and cell <= end + 0.51 for cell in cells)


def test_extent_shifted_and_parts() -> None:
    bins = bins_of(Uniform(0, 1, 100), -10, 60, 7)
    assert bins.extent == (0, 60)
    assert bins[3:5].extent == (20, 40)
    assert shown(bins[3:5].shifted(20)) == [list(range(10)), list(range(10, 20))]
    assert shown(bins[:1].shifted(5)) == [[]]
    assert bins[:1].extent == (0, 0)
    assert len(bins) == 7


def test_places_far_beyond_the_axis_are_empty() -> None:
    assert bins_of(Uniform(0, 1e-300, 5), 1e100, 1e300, 4).extent == (0, 0)
    assert bins_of(Uniform(0, 1e-300, 5), -1e300, 1e300, 1).extent == (0, 5)


@pytest.mark.parametrize(
    ("low", "high", "pixels"), [(1, 1, 5), (2, 1, 5), (math.nan, 1, 5), (0, math.inf, 5), (0, 1, 0)]
)
def test_a_range_that_is_none_is_refused(low: float, high: float, pixels: int) -> None:
    with pytest.raises(RequestError, match="low < high"):
        bins_of(Uniform(0, 1, 5), low, high, pixels)
