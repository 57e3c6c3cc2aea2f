"""What is shown first of a source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import SourceError
from skydeck.views.choice import axes_of, drawable, meshes, profile_dim


def cube(*dims: str, dtype: str = "f4", **attrs: Any) -> xr.Dataset:
    shape = range(2, 2 + len(dims))
    return xr.Dataset({"sky": (dims, np.zeros(tuple(shape), dtype))}, attrs=attrs)


def test_images_come_first_then_what_has_two_dimensions() -> None:
    plane, line = np.zeros((2, 3)), np.zeros(3)
    found = drawable(
        xr.Dataset(
            {"weights": (("a", "b"), plane), "time": ("b", line), "Image": (("a", "b"), plane), "n": ((), 1)}
            | {"names": (("a", "b"), plane.astype(str)), "sky": (("a", "b"), plane)}
        )
    )
    assert found == ["sky", "Image", "weights"]


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "c8", "M8[ns]", "m8[ns]"])
def test_every_kind_of_number_can_be_drawn(dtype: str) -> None:
    assert drawable(cube("y", "x", dtype=dtype)) == ["sky"]


@pytest.mark.parametrize("dataset", [xr.Dataset(), cube("x"), cube("y", "x", dtype="U3")])
def test_where_nothing_can_be_drawn_it_says_so(dataset: xr.Dataset) -> None:
    with pytest.raises(SourceError, match="skydeck info"):
        drawable(dataset)


@pytest.mark.parametrize(
    ("dims", "attrs", "axes", "profile"),
    [
        (("y", "x"), {}, ("x", "y"), ""),
        (("frequency", "dec", "ra"), {"wcs_dims": "ra dec"}, ("ra", "dec"), "frequency"),
        (("ra", "stokes", "dec", "time"), {"wcs_dims": "ra dec"}, ("ra", "dec"), "time"),
        (("frequency", "time"), {}, ("time", "frequency"), ""),
        (("time", "frequency"), {}, ("time", "frequency"), ""),
        (("a", "velocity", "c", "d"), {}, ("d", "c"), "velocity"),
        (("a", "b", "c", "d"), {}, ("d", "c"), "b"),
        (("a", "b"), {"wcs_dims": "ra dec"}, ("b", "a"), ""),
        (("a", "b"), {"wcs_dims": "a"}, ("b", "a"), ""),
        (("frequency", "row", "column"), {}, ("column", "row"), "frequency"),
    ],
)
def test_the_sky_is_shown_else_the_last_two(
    dims: tuple[str, ...], attrs: dict[str, str], axes: tuple[str, str], profile: str
) -> None:
    dataset = cube(*dims, **attrs)
    assert axes_of(dataset, "sky") == axes
    assert profile_dim(dataset, "sky", axes) == profile


def test_a_mesh_is_a_pair_of_2_d_coordinates() -> None:
    grid = (("y", "x"), np.zeros((3, 4)))
    data = xr.Dataset({"sky": (("f", "y", "x"), np.zeros((2, 3, 4)))})
    assert meshes(data, "sky", ("x", "y")) is None
    assert meshes(data.assign_coords(lat=grid), "sky", ("x", "y")) is None
    both = data.assign_coords(lat=grid, lon=grid)
    assert meshes(both, "sky", ("x", "y")) == ("lon", "lat")
    assert meshes(both, "sky", ("y", "x")) == ("lon", "lat")
    assert meshes(both, "sky", ("x", "f")) is None
    assert meshes(data.assign_coords(a=grid, b=grid), "sky", ("x", "y")) == ("a", "b")
    assert meshes(both.assign_coords(third=grid), "sky", ("x", "y")) is None
