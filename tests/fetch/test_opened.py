"""A source is open once, and what happens to it on disk is told in a sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import RequestError, SourceChanged, SourceError, SourceMissing
from skydeck.core.raster import Plane, Request
from skydeck.core.viewport import Viewport
from skydeck.fetch import answer, opened, release
from skydeck.fetch import opened as opened_function
from skydeck.fetch.answer import planes, rasters

module = __import__("sys").modules[opened_function.__module__]
Write = Callable[..., str]
Mark = Callable[[str], None]

CELLS = np.arange(24.0, dtype=np.float32).reshape(4, 6)
VIEW = Viewport(-0.5, 5.5, -0.5, 3.5, 6, 4)


def shown(location: str) -> np.ndarray:
    (name,) = opened(location).dataset.data_vars
    y, x = opened(location).dataset[name].dims
    return answer(Request(Plane(location, str(name), str(x), str(y)), VIEW)).values


def unkept() -> None:
    planes.forget()
    rasters.forget()


def test_a_source_is_opened_once(write_fits: Write) -> None:
    location = write_fits(CELLS)
    assert opened(location) is opened(location)
    assert opened(location, (("hdu", "0"),)) is not opened(location)
    release(location)
    assert opened(location).axes == {}


def test_many_threads_open_the_same(write_fits: Write) -> None:
    location = write_fits(CELLS)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shown(location), range(16)))
    for values in found:
        np.testing.assert_array_equal(values, CELLS)


def test_only_so_many_stay_open(write_fits: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_OPEN", 2)
    first, second, third = (write_fits(CELLS, f"{name}.fits") for name in "abc")
    kept = opened(second)
    opened(first)
    assert opened(second) is kept
    before = opened(first)
    opened(second)
    opened(third)
    assert opened(second) is kept
    assert opened(first) is not before


def test_a_source_that_was_replaced_says_so_once_and_then_shows_what_is_there(
    write_fits: Write, stale: Mark, touch: Mark
) -> None:
    location = write_fits(CELLS)
    np.testing.assert_array_equal(shown(location), CELLS)
    write_fits(CELLS * 2)
    touch(location)
    stale(location)
    with pytest.raises(SourceChanged, match=r"changed while it was shown\. What is there now"):
        shown(location)
    np.testing.assert_array_equal(shown(location), CELLS * 2)


def test_an_unread_part_of_a_replaced_file_is_never_shown_as_the_old_one(write_fits: Write) -> None:
    location = write_fits(CELLS)
    opened(location)
    write_fits(CELLS[:, ::-1] * 2)
    with pytest.raises(SourceChanged):
        shown(location)


def test_a_source_that_vanished_says_so(write_fits: Write, stale: Mark) -> None:
    location = write_fits(CELLS)
    shown(location)
    os.remove(location)
    stale(location)
    with pytest.raises(SourceMissing, match=r"no longer there\. Put it back"):
        shown(location)
    with pytest.raises(SourceMissing):
        shown(location)
    write_fits(CELLS)
    np.testing.assert_array_equal(shown(location), CELLS)


def test_a_store_that_vanished_says_so(write_zarr: Write, stale: Mark) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), CELLS)}))
    shown(location)
    shutil.rmtree(location)
    stale(location)
    with pytest.raises(SourceMissing, match="no longer there"):
        shown(location)


@pytest.mark.parametrize("kept", [2880 + 8, 2880, 100, 0])
def test_a_file_that_was_cut_short_ends_in_a_sentence(write_fits: Write, stale: Mark, kept: int) -> None:
    location = write_fits(CELLS)
    shown(location)
    unkept()
    os.truncate(location, kept)
    with pytest.raises(SourceChanged, match=r"cube\.fits"):
        shown(location)
    stale(location)
    with pytest.raises(SourceChanged):
        shown(location)
    if kept < 2880:
        with pytest.raises(SourceError):
            shown(location)
    else:
        assert np.isnan(shown(location)).sum() == CELLS.size - (kept - 2880) // 4


def test_a_store_that_lost_an_array_says_so(write_zarr: Write, stale: Mark) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), CELLS)}))
    shown(location)
    shutil.rmtree(Path(location) / "sky")
    stale(location)
    with pytest.raises(SourceChanged):
        shown(location)


@pytest.mark.parametrize("data", [b"", b"SIMPLE  =", os.urandom(5000), b"\x89HDF\r\n\x1a\n" + b"x" * 99])
def test_what_is_no_source_ends_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd").write_bytes(data)
    with pytest.raises(SourceError, match="odd"):
        opened(str(tmp_path / "odd"))


def test_variables_and_dimensions_are_named_where_one_is_missing(write_zarr: Write) -> None:
    source = opened(write_zarr(xr.Dataset({"sky": (("y", "x"), CELLS)})))
    with pytest.raises(RequestError, match="It has sky"):
        source.variable("noise")
    with pytest.raises(RequestError, match="It has y, x"):
        source.axis("q")


def test_axes_are_made_once_of_the_coordinate_that_names_the_cells(write_zarr: Write) -> None:
    coords = {
        "f": ("f", [1e9, 2e9], {"units": "Hz"}),
        "name": ("antenna", np.array(["a", "b", "c"], object)),
        "u": ("baseline", [1.0, 2.0]),
        "v": ("baseline", [3.0, 4.0]),
    }
    data = {"sky": (("f", "antenna", "baseline"), np.zeros((2, 3, 2)))}
    source = opened(write_zarr(xr.Dataset(data, coords)))
    assert source.axis("f") is source.axis("f")
    assert source.axis("f").caption == "f (GHz)"
    assert [source.axis("antenna").text(index) for index in range(3)] == ["a", "b", "c"]
    assert source.axis("baseline").kind == "index"
    assert source.axis("baseline").values is None


def test_a_coordinate_of_too_many_cells_is_left_alone(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COORDINATE_CELLS", 3)
    source = opened(write_zarr(xr.Dataset({"sky": (("y", "x"), CELLS)}, {"x": np.arange(6.0)})))
    assert source.axis("x").values is None


def test_the_sky_s_axes_are_pixels(write_fits: Write) -> None:
    cards = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 10.0,
        "CRVAL2": 20.0,
        "CDELT1": -0.1,
        "CDELT2": 0.1,
        "CRPIX1": 1.0,
        "CRPIX2": 1.0,
    }
    source = opened(write_fits(CELLS, **cards))
    x, y = str(source.dataset.attrs["wcs_dims"]).split()
    assert (source.axis(x).title, source.axis(y).title) == (f"{x} pixel", f"{y} pixel")
    assert (source.axis(x).limits, source.axis(y).limits) == ((-0.5, 5.5), (-0.5, 3.5))


def test_mesh_axes_span_the_coordinates(write_zarr: Write) -> None:
    lon = np.linspace(10, 20, 24).reshape(4, 6)
    lon[0, 1] = np.nan
    coords = {"lon": (("y", "x"), lon, {"units": "degrees_east"}), "lat": (("y", "x"), lon * 0 + np.nan)}
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), CELLS)}, coords))
    across, up = opened(location).plane_axes(Plane(location, "sky", "x", "y", mesh=("lon", "lat")))
    assert across.limits == pytest.approx((10, 20))
    assert across.unit == "deg"
    assert up.limits == (0, 1)
