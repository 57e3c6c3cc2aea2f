"""The limits of a cube are those of planes spread along it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import Cancelled
from skydeck.core.raster import Plane
from skydeck.fetch import cube_limits

Write = Callable[..., str]
RAMP = np.arange(40.0)[:, None, None] + np.zeros((40, 4, 6))


@pytest.fixture
def cube(write_zarr: Write) -> str:
    return write_zarr(xr.Dataset({"sky": (("f", "y", "x"), RAMP)}))


def test_both_ends_of_the_cube_count(cube: str) -> None:
    assert cube_limits(Plane(cube, "sky", "x", "y", (("f", 3),)), "f", "min-max", (100, 100)) == (0, 39)


def test_without_a_dimension_it_is_the_plane(cube: str) -> None:
    low, high = cube_limits(Plane(cube, "sky", "x", "y", (("f", 20),)), "", "min-max", (100, 100))
    assert low < 20 < high
    assert high - low <= 40
    assert (low + high) / 2 == 20


def test_other_dimensions_are_held(write_zarr: Write) -> None:
    both = np.stack([RAMP, RAMP + 1000])
    location = write_zarr(xr.Dataset({"sky": (("s", "f", "y", "x"), both)}))
    plane = Plane(location, "sky", "x", "y", (("s", 1), ("f", 0)))
    assert cube_limits(plane, "f", "min-max", (9, 9)) == (1000, 1039)


def test_cells_are_averaged_as_they_are_on_the_screen(write_zarr: Write) -> None:
    spike = np.zeros((8, 8))
    spike[0, 0] = 64.0
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), spike)}))
    assert cube_limits(Plane(location, "sky", "x", "y"), "", "min-max", (2, 2)) == (0, 4)
    assert cube_limits(Plane(location, "sky", "x", "y"), "", "min-max", (99, 99)) == (0, 64)


def test_a_blank_cube_has_limits(write_zarr: Write) -> None:
    location = write_zarr(xr.Dataset({"sky": (("f", "y", "x"), np.full((3, 4, 6), np.nan))}))
    assert cube_limits(Plane(location, "sky", "x", "y"), "f", "99.5 %", (9, 9)) == (0, 1)


def test_it_can_be_cancelled(cube: str) -> None:
    with pytest.raises(Cancelled):
        cube_limits(Plane(cube, "sky", "x", "y"), "f", "min-max", (9, 9), lambda: True)
