"""A spectrum alone is a profile of a plane of one cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from skydeck.core.raster import Plane, Request
from skydeck.core.viewport import Viewport
from skydeck.fetch import answer, opened, profile, value
from skydeck.fetch.line import with_lines
from skydeck.sky.regions import Box
from skydeck.sources import open_source

Write = Callable[..., str]
SPECTRUM = np.sin(np.arange(5000.0)).astype(np.float32)
SPECTRUM[7] = np.nan
POINT = Box(0, 0, 0, 0)
CARDS = {"CTYPE1": "FREQ", "CUNIT1": "Hz", "CRVAL1": 1.4e9, "CDELT1": 1e5, "CRPIX1": 1.0, "BUNIT": "Jy"}


@pytest.fixture(params=["fits", "zarr"])
def spectrum(request: pytest.FixtureRequest, write_fits: Write, write_zarr: Write) -> str:
    if request.param == "fits":
        return write_fits(SPECTRUM, **CARDS)
    coords = {"frequency": ("frequency", 1.4e9 + 1e5 * np.arange(5000), {"units": "Hz"})}
    return write_zarr(xr.Dataset({"image": ("frequency", SPECTRUM, {"units": "Jy"})}, coords), chunks={"image": (700,)})


def test_it_has_a_row_and_a_column_and_keeps_its_axis(spectrum: str) -> None:
    found = opened(spectrum).dataset["image"]
    assert found.dims == ("frequency", "row", "column")
    assert found.shape == (5000, 1, 1)
    assert found.attrs["units"] == "Jy"
    assert opened(spectrum).axis("frequency").text(0) == "1.40000 GHz"


def test_nothing_is_read_yet(spectrum: str) -> None:
    before = open_source(spectrum)
    assert not with_lines(before, spectrum)["image"].variable._in_memory
    assert not before["image"].variable._in_memory


def test_its_profile_is_the_line(spectrum: str) -> None:
    found = profile(Plane(spectrum, "image", "column", "row"), "frequency", POINT)
    np.testing.assert_array_equal(found.values, SPECTRUM.astype(float))


def test_its_picture_is_one_cell_or_a_strip(spectrum: str) -> None:
    plane = Plane(spectrum, "image", "column", "row", (("frequency", 42),))
    assert answer(Request(plane, Viewport(-0.5, 0.5, -0.5, 0.5, 1, 1))).values == [[SPECTRUM[42]]]
    low, high = opened(spectrum).axis("frequency").limits
    strip = answer(Request(Plane(spectrum, "image", "frequency", "row"), Viewport(low, high, -0.5, 0.5, 5000, 1)))
    np.testing.assert_array_equal(strip.values[0], SPECTRUM)
    assert value(Plane(spectrum, "image", "frequency", "row"), 42, 0) == SPECTRUM[42]


@pytest.mark.parametrize(
    "key", [(3, 0, 0), (slice(2, 5), 0, slice(0, 1)), (slice(None), slice(None), slice(None)), (slice(9, 2, -1), 0, 0)]
)
def test_every_key_gives_what_numpy_does(spectrum: str, key: Any) -> None:
    found = opened(spectrum).dataset["image"].variable[key]
    np.testing.assert_array_equal(found.values, SPECTRUM[:, None, None][key])


def test_what_has_a_picture_is_left_alone() -> None:
    both = xr.Dataset({"sky": (("y", "x"), np.zeros((2, 3))), "line": ("x", np.zeros(3))})
    assert with_lines(both, "here") is both
    nothing = xr.Dataset({"name": ("x", ["a", "b"]), "number": 3})
    assert with_lines(nothing, "here") is nothing


def test_text_over_two_dimensions_is_no_picture() -> None:
    odd = xr.Dataset({"names": (("y", "x"), [["a", "b"]]), "line": ("x", [1.0, 2.0])})
    assert with_lines(odd, "here")["line"].dims == ("x", "row", "column")


def test_names_that_are_taken_are_not_taken_again() -> None:
    odd = xr.Dataset({"line": ("row", [1.0, 2.0, 3.0]), "column": ((), 4)})
    assert with_lines(odd, "here")["line"].sizes == {"row": 3, "row_": 1, "column_": 1}


def test_every_line_becomes_one(write_zarr: Write) -> None:
    lines = {"i": ("t", np.arange(4)), "c": ("u", np.array([1j, 2])), "flag": ("t", np.ones(4, bool)), "n": ((), 1)}
    found = opened(write_zarr(xr.Dataset(lines))).dataset
    assert {name: found[name].shape for name in found.data_vars} == {
        "i": (4, 1, 1),
        "c": (2, 1, 1),
        "flag": (4, 1, 1),
        "n": (),
    }
    assert found["c"].values[:, 0, 0].tolist() == [1j, 2]
