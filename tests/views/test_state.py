"""A view's state fits the source that is open, whatever a link asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

from skydeck.core.errors import SourceError
from skydeck.core.style import Style
from skydeck.fetch import opened, release
from skydeck.views.link import state_of
from skydeck.views.state import CubeState

SHAPE = {"frequency": 7, "stokes": 2, "y": 5, "x": 6}


@pytest.fixture
def cube(tmp_path: Path) -> Iterator[str]:
    coords = {
        "frequency": ("frequency", 1.4e9 + 1e6 * np.arange(7), {"units": "Hz"}),
        "stokes": ("stokes", np.array(["I", "Q"], object)),
        "lon": (("y", "x"), np.ones((5, 6))),
        "lat": (("y", "x"), np.ones((5, 6))),
    }
    data = {
        "sky": (tuple(SHAPE), np.zeros(tuple(SHAPE.values()), "f4"), {"units": "Jy/beam"}),
        "gains": (("frequency", "stokes"), np.zeros((7, 2), "c8")),
        "weights": (tuple(SHAPE), np.zeros(tuple(SHAPE.values()), "f4")),
    }
    path = str(tmp_path / "cube.zarr")
    xr.Dataset(data, coords).to_zarr(path, consolidated=False)
    yield path
    release(path)


@pytest.fixture
def show(cube: str) -> Callable[..., CubeState]:
    def shown(query: str = "", **asked: Any) -> CubeState:
        state = CubeState()
        state.location = state.source = cube
        state.adopt(opened(cube), {**state_of(query), **asked})
        return state

    return shown


def test_the_first_view_is_the_obvious_one(show: Callable[..., CubeState]) -> None:
    state = show()
    assert (state.variable, state.x, state.y, state.profile, state.play) == ("sky", "x", "y", "frequency", "frequency")
    assert state.index == {"frequency": 0, "stokes": 0, "y": 0, "x": 0}
    assert state.others == ["frequency", "stokes"]
    assert state.unit == "Jy/beam"
    assert state.plane().fixed == (("frequency", 0), ("stokes", 0))
    assert state.plane(stokes=1).fixed == (("frequency", 0), ("stokes", 1))
    assert [axis.size for axis in state.axes()] == [6, 5]


def test_what_fits_of_a_link_is_shown(show: Callable[..., CubeState]) -> None:
    query = "variable=weights&x=frequency&y=x&index.stokes=1&index.y=99&xrange=1,2&yrange=3,4&colormap=inferno&fps=2"
    state = show(query)
    assert (state.variable, state.x, state.y) == ("weights", "frequency", "x")
    assert (state.index["stokes"], state.index["y"]) == (1, 4)
    assert (state.xrange, state.colormap, state.fps) == ((1, 2), "inferno", 2)
    assert state.play in ("stokes", "y")


@pytest.mark.parametrize(
    "query", ["variable=none&x=x&y=x&profile=x&play=q", "x=q&y=frequency", "x=stokes&index.none=4", "part=phase&low=3"]
)
def test_what_doesn_t_fit_takes_its_first_choice(show: Callable[..., CubeState], query: str) -> None:
    state = show(query)
    assert state.variable == "sky"
    assert {state.x, state.y} == {"x", "y"}
    assert state.profile == state.play == "frequency"
    assert set(state.index) == set(SHAPE)


def test_the_link_of_a_view_shows_the_same_view(show: Callable[..., CubeState]) -> None:
    state = show("x=frequency&y=y&index.stokes=1&index.x=3&stretch=log&low=-0.1&high=0.25&limits=manual&grid=1")
    again = show(state.query())
    assert again.linked() == state.linked()
    assert again.plane() == state.plane()
    assert "colormap" not in state.query()


def test_another_variable_keeps_what_fits(show: Callable[..., CubeState]) -> None:
    state = show("index.frequency=3&xrange=0,2&yrange=0,2&low=1&high=2&limits=manual&colormap=gray")
    state.choose_variable("weights")
    assert (state.index["frequency"], state.xrange, state.colormap) == (3, (0, 2), "gray")
    assert (state.low, state.high, state.limits) == (None, None, "99.5 %")
    state.choose_variable("gains")
    assert (state.x, state.y, state.xrange, state.others) == ("stokes", "frequency", None, [])
    assert state.index == {"frequency": 3, "stokes": 0}


def test_choosing_the_other_axis_s_dimension_swaps(show: Callable[..., CubeState]) -> None:
    state = show("xrange=0,2&yrange=0,2")
    state.choose_axes("y", "y")
    assert (state.x, state.y, state.xrange) == ("y", "x", None)
    state.choose_axes("y", "frequency")
    assert (state.x, state.y) == ("y", "frequency")
    assert state.play == "stokes" or state.play in state.others
    state.choose_axes("frequency", "frequency")
    assert (state.x, state.y) == ("frequency", "y")


def test_2_d_coordinates_are_used_where_there_are_some(show: Callable[..., CubeState]) -> None:
    assert show().plane().mesh is None
    state = show("mesh=1")
    assert state.plane().mesh == ("lon", "lat")
    state.choose_axes("frequency", "x")
    assert state.plane().mesh is None


def test_limits_that_aren_t_known_are_0_and_1(show: Callable[..., CubeState]) -> None:
    assert show().style() == Style()
    assert show("low=5").style() == Style(low=5, high=6)
    assert show("part=phase").unit == "rad"


def test_two_views_share_nothing(show: Callable[..., CubeState]) -> None:
    one, other = show(), show()
    one.index["frequency"] = 5
    one.options["hdu"] = "1"
    assert other.index["frequency"] == 0
    assert other.options == CubeState().options == {}


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "texts.zarr")
    xr.Dataset({"names": ("n", np.array(["a", "b"], object))}).to_zarr(path, consolidated=False)
    with pytest.raises(SourceError, match="nothing to draw"):
        CubeState().adopt(opened(path), {})
    release(path)


def test_a_spectrum_alone_is_shown_as_a_profile(tmp_path: Path) -> None:
    path = str(tmp_path / "spectrum.fits")
    hdu = fits.PrimaryHDU(np.arange(50, dtype="f4"))
    hdu.header.update(CTYPE1="FREQ", CUNIT1="Hz", CRVAL1=1e9, CDELT1=1e6, CRPIX1=1.0)
    hdu.writeto(path)
    state = CubeState()
    state.adopt(opened(path), {})
    assert (state.x, state.y, state.profile, state.play) == ("column", "row", "frequency", "frequency")
    assert state.axis("frequency").caption == "Frequency (GHz)"
    release(path)
