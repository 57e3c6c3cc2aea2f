"""Numbers at a point and under a region, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import Cancelled, RequestError, TooBig
from skydeck.core.raster import Plane
from skydeck.fetch import profile, summary, value
from skydeck.fetch import profile as profile_function
from skydeck.fetch import window as window_module
from skydeck.sky.regions import Box, Ellipse

module: Any = __import__("sys").modules[profile_function.__module__]
Write = Callable[..., str]
RNG = np.random.default_rng(8)
CUBE = RNG.normal(size=(13, 2, 9, 11))
CUBE[RNG.random(CUBE.shape) < 0.2] = np.nan
CUBE[4] = np.nan
ORDERS = [("f", "s", "y", "x"), ("x", "y", "s", "f"), ("y", "f", "x", "s")]
REGION = Ellipse(5.2, 3.9, 4.1, 2.2, 30)
Y, X = np.mgrid[0:9, 0:11]
_ALONG = (X - 5.2) * np.cos(np.pi / 6) + (Y - 3.9) * np.sin(np.pi / 6)
_ACROSS = (Y - 3.9) * np.cos(np.pi / 6) - (X - 5.2) * np.sin(np.pi / 6)
INSIDE = (_ALONG / 4.1) ** 2 + (_ACROSS / 2.2) ** 2 <= 1


@pytest.fixture(scope="module", params=ORDERS, ids=lambda order: "".join(order))
def cube(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    data = xr.DataArray(CUBE, dims=("f", "s", "y", "x")).transpose(*request.param)
    sizes = {"f": 3, "s": 1, "y": 4, "x": 5}
    path = tmp_path_factory.mktemp("cube") / "cube.zarr"
    encoding = {"sky": {"chunks": tuple(sizes[dim] for dim in request.param)}}
    xr.Dataset({"sky": data}).to_zarr(path, consolidated=False, encoding=encoding)
    return str(path)


def plane(location: str, **fixed: int) -> Plane:
    return Plane(location, "sky", "x", "y", tuple(fixed.items()))


@pytest.mark.parametrize("block", [1, 500, 32 << 20])
def test_a_profile_is_the_mean_under_the_region(cube: str, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    found = profile(plane(cube, s=1), "f", REGION)
    cells = [CUBE[k, 1][INSIDE & np.isfinite(CUBE[k, 1])] for k in range(13)]
    truth = [values.mean() if values.size else np.nan for values in cells]
    np.testing.assert_allclose(found.values, truth)
    assert np.isnan(found.values[4])
    assert (found.dim, found.cells) == ("f", INSIDE.sum())


def test_a_profile_of_one_cell_is_its_numbers(cube: str) -> None:
    found = profile(plane(cube, f=2), "s", Box(3, 3, 7, 7))
    np.testing.assert_array_equal(found.values, CUBE[2, :, 7, 3])
    assert found.cells == 1


def test_a_region_outside_has_nothing(cube: str) -> None:
    found = profile(plane(cube), "f", Box(50, 60, 0, 3))
    assert np.isnan(found.values).all()
    assert (len(found.values), found.cells) == (13, 0)
    assert summary(plane(cube), Box(50, 60, 0, 3)).statistics.count == 0


@pytest.mark.parametrize("dim", ["x", "y", "q", ""])
def test_a_profile_runs_along_a_dimension_that_isn_t_displayed(cube: str, dim: str) -> None:
    with pytest.raises(RequestError, match="no profile along"):
        profile(plane(cube), dim, REGION)


def test_a_cancelled_profile_ends_at_the_next_block(cube: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    calls: list[bool] = []

    def cancelled() -> bool:
        calls.append(True)
        return len(calls) > 4

    with pytest.raises(Cancelled):
        profile(plane(cube), "f", REGION, cancelled)
    assert len(calls) == 5


@pytest.mark.parametrize("whole", [True, False])
def test_a_summary_is_of_the_plane_shown(cube: str, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    if not whole:
        monkeypatch.setattr(__import__("sys").modules["skydeck.fetch.answer"], "PLANE_BYTES", 8)
    found = summary(plane(cube, f=2, s=1), REGION).statistics
    values = CUBE[2, 1][INSIDE]
    assert found.count == np.isfinite(values).sum()
    assert found.nan_count == np.isnan(values).sum()
    assert found.sum == pytest.approx(np.nansum(values))
    assert found.median == pytest.approx(np.nanmedian(values))
    assert (found.min, found.max) == (np.nanmin(values), np.nanmax(values))


def test_a_region_that_memory_can_t_hold_is_refused(cube: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REGION_BYTES", 8 * 90)
    everything = Box(-0.5, 10.5, -0.5, 8.5)
    for ask in (lambda: profile(plane(cube), "f", everything), lambda: summary(plane(cube), everything)):
        with pytest.raises(TooBig, match=r"11 × 9 cells.*smaller"):
            ask()
    assert summary(plane(cube), Box(0, 10, 0, 9)).statistics.count > 0


NUMBERS: list[tuple[Any, str]] = [
    (2**63 - 1, "i8"),
    (2**64 - 1, "u8"),
    (0.1 + 0.2, "f8"),
    (1e300, "f8"),
    (True, "?"),
    (7, "u1"),
]


@pytest.mark.parametrize(("number", "dtype"), NUMBERS)
@pytest.mark.parametrize("chunk", [1, 2])
def test_a_value_has_all_its_digits(write_zarr: Write, number: Any, dtype: str, chunk: int) -> None:
    cells = np.zeros((2, 2), dtype)
    cells[1, 0] = number
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}), chunks={"sky": (chunk, chunk)})
    found = value(plane(location), 0, 1)
    assert found == number
    assert type(found) is type(number)


def test_values_are_where_they_are(cube: str) -> None:
    assert value(plane(cube, f=1, s=1), 3, 2) == pytest.approx(CUBE[1, 1, 2, 3], nan_ok=True)
    for x, y in ((-1, 0), (11, 0), (0, 9), (0, -1)):
        assert value(plane(cube), x, y) is None


def test_a_value_outside_its_plane_s_dimensions_is_refused(cube: str) -> None:
    for ask in (lambda: value(plane(cube, f=99), 0, 0), lambda: summary(Plane(cube, "sky", "q", "y"), REGION)):
        with pytest.raises(RequestError):
            ask()
    with pytest.raises(RequestError, match="'q'"):
        value(Plane(cube, "sky", "q", "y"), 0, 0)


def test_a_part_of_complex_data_is_measured(write_zarr: Write) -> None:
    cells = np.array([[[3 + 4j, 1j]], [[np.nan, -1]]])
    location = write_zarr(xr.Dataset({"sky": (("f", "y", "x"), cells)}))
    amplitude = Plane(location, "sky", "x", "y")
    phase = Plane(location, "sky", "x", "y", part="phase")
    assert value(amplitude, 0, 0) == 5
    assert profile(amplitude, "f", Box(0, 0, 0, 0)).values.tolist()[0] == 5
    assert profile(phase, "f", Box(1, 1, 0, 0)).values == pytest.approx([np.pi / 2, np.pi])


def test_a_profile_reads_bounded_pieces(cube: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 4000)
    monkeypatch.setattr(window_module, "PIECE_BYTES", 900)
    found = profile(plane(cube), "f", Box(-0.5, 10.5, -0.5, 8.5))
    with np.errstate(invalid="ignore"):
        counts = np.isfinite(CUBE[:, 0]).sum(axis=(1, 2))
        np.testing.assert_allclose(found.values, np.nansum(CUBE[:, 0], axis=(1, 2)) / counts)
