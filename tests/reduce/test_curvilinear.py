"""Curvilinear grids: places, gaps and the turn of longitude."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from skydeck.core.axis import Uniform
from skydeck.core.errors import RequestError
from skydeck.core.raster import REDUCES, Reduce
from skydeck.core.viewport import Viewport
from skydeck.reduce.bins import bins_of
from skydeck.reduce.block import block_reduce
from skydeck.reduce.curvilinear import quadmesh

Grid = tuple[np.ndarray, np.ndarray, np.ndarray]


def regular(height: int = 40, width: int = 60) -> Grid:
    y, x = np.mgrid[:height, :width] + 0.5
    return x, y, np.random.default_rng(0).normal(size=(height, width)).astype(np.float32)


def test_a_regular_grid_zoomed_in_repeats_cells() -> None:
    x, y, values = regular(4, 6)
    picture = quadmesh(x, y, values, Viewport(0, 6, 0, 4, 60, 40), "mean")
    np.testing.assert_array_equal(picture, values.repeat(10, axis=0).repeat(10, axis=1))
    assert picture.dtype == np.float32


@pytest.mark.parametrize("how", REDUCES)
def test_a_regular_grid_zoomed_out_agrees_with_block_reduction(how: Reduce) -> None:
    x, y, values = regular()
    rows, cols = bins_of(Uniform(0, 1, 40), 0, 40, 8), bins_of(Uniform(0, 1, 60), 0, 60, 10)
    picture = quadmesh(x, y, values, Viewport(0, 60, 0, 40, 10, 8), how)
    np.testing.assert_allclose(picture, block_reduce(values, rows, cols, how), rtol=1e-5, atol=1e-6)


def test_a_turned_grid_puts_cells_where_their_coordinates_are() -> None:
    v, u = np.mgrid[:50, :50].astype(float)
    angle = np.deg2rad(30)
    x, y = np.cos(angle) * u - np.sin(angle) * v, np.sin(angle) * u + np.cos(angle) * v
    picture = quadmesh(x, y, u + 100 * v, Viewport(-30, 50, -5, 70, 800, 750), "mean")
    for row, col in ((10, 10), (25, 40), (44, 3)):
        place = int((y[row, col] + 5) * 10), int((x[row, col] + 30) * 10)
        assert picture[place] == col + 100 * row
    assert np.isnan(picture[0, 0])


@pytest.mark.parametrize(
    "gap", [(slice(10, 14), slice(20, 25)), (slice(0, 3), slice(None)), (slice(None), slice(50, 60))]
)
def test_cells_without_a_place_are_left_out_and_their_neighbours_stay(gap: tuple[slice, slice]) -> None:
    x, y, values = regular()
    want = values.copy()
    want[gap] = np.nan
    x[gap], y[gap] = np.nan, np.inf
    picture = quadmesh(x, y, values, Viewport(0, 60, 0, 40, 60, 40), "mean")
    np.testing.assert_array_equal(picture, want)


def test_no_place_at_all_is_an_empty_picture() -> None:
    x, y, values = regular()
    assert np.isnan(quadmesh(np.full_like(x, np.nan), y, values, Viewport(0, 60, 0, 40, 6, 4), "mean")).all()


@pytest.mark.parametrize("how", REDUCES)
def test_longitudes_across_the_turn_are_drawn_on_both_sides(how: Reduce) -> None:
    lat, lon = np.mgrid[-40:40, 300:420] + 0.5
    values = np.random.default_rng(0).normal(size=lon.shape).astype(np.float32)
    picture = quadmesh(lon % 360, lat, values, Viewport(0, 360, -40, 40, 360, 80), how)
    np.testing.assert_array_equal(picture[:, 300:], values[:, :60])
    np.testing.assert_array_equal(picture[:, :60], values[:, 60:])
    assert np.isnan(picture[:, 60:300]).all()
    centred = quadmesh(lon % 360, lat, values, Viewport(-60, 60, -40, 40, 120, 80), how)
    np.testing.assert_array_equal(centred, values)


def test_the_turn_may_have_gaps_beside_it() -> None:
    lat, lon = np.mgrid[-40:40, 300:420] + 0.5
    values = np.random.default_rng(0).normal(size=lon.shape).astype(np.float32)
    rolled = lon % 360
    rolled[30:35, 58:62] = np.nan
    want = values.copy()
    want[30:35, 58:62] = np.nan
    np.testing.assert_array_equal(quadmesh(rolled, lat, values, Viewport(-60, 60, -40, 40, 120, 80), "mean"), want)


def test_a_grid_around_the_pole_smears_nothing_across_the_sky() -> None:
    v, u = np.mgrid[-20:20, -20:20] + 0.5
    lon, lat = np.rad2deg(np.arctan2(v, u)) % 360, 90 - np.hypot(u, v)
    picture = quadmesh(lon, lat, lat, Viewport(0, 360, 62, 90, 360, 280), "mean")
    rows = 62 + (np.arange(280) + 0.5) / 10
    drawn = np.isfinite(picture)
    assert drawn.mean() > 0.5
    assert np.abs(picture - rows[:, None])[drawn].max() < 2


def test_a_single_row_or_other_shapes_are_refused() -> None:
    view = Viewport(0, 1, 0, 1, 4, 4)
    with pytest.raises(RequestError, match="2 × 2"):
        quadmesh(np.ones((1, 5)), np.ones((1, 5)), np.ones((1, 5)), view, "mean")
    with pytest.raises(RequestError, match="one shape"):
        quadmesh(np.ones((3, 5)), np.ones((5, 3)), np.ones((3, 5)), view, "mean")
    with pytest.raises(RequestError, match="real numbers"):
        quadmesh(np.ones((3, 5)), np.ones((3, 5)), np.ones((3, 5), complex), view, "mean")
    with pytest.raises(RequestError, match="mean, min or max"):
        quadmesh(np.ones((3, 5)), np.ones((3, 5)), np.ones((3, 5)), view, "sum")  # type: ignore[arg-type]


def test_threads_draw_one_after_another() -> None:
    x, y, values = regular()
    view = Viewport(0, 60, 0, 40, 60, 40)
    pictures: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: pictures.append(quadmesh(x, y, values, view, "mean"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 6
    for picture in pictures:
        np.testing.assert_array_equal(picture, values)


def test_datashader_is_imported_on_use_only() -> None:
    code = "import sys, skydeck.reduce.curvilinear; sys.exit('datashader' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
