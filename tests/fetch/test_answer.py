"""Request in, Raster out, against pixels counted one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from skydeck.core.errors import Cancelled, RequestError, SourceError, TooBig
from skydeck.core.raster import Part, Plane, Request
from skydeck.core.viewport import Viewport
from skydeck.fetch import answer, opened
from skydeck.fetch import answer as answer_function
from skydeck.fetch.answer import forget, planes, rasters

module: Any = __import__("sys").modules[answer_function.__module__]

NX, NY = 37, 29
RNG = np.random.default_rng(4)
NOISE = RNG.normal(size=(NY, NX))
NOISE[RNG.random(NOISE.shape) < 0.1] = np.nan
PLAIN_X, PLAIN_Y = np.arange(NX + 1) - 0.5, np.arange(NY + 1) - 0.5
VIEWS = [
    Viewport(-0.5, 36.5, -0.5, 28.5, 37, 29),
    Viewport(-0.5, 36.5, -0.5, 28.5, 10, 8),
    Viewport(-0.5, 36.5, -0.5, 28.5, 90, 70),
    Viewport(-20, 50, -9.3, 40.1, 31, 17),
    Viewport(3.2, 9.9, 11.1, 13.7, 16, 12),
    Viewport(100, 200, 0, 5, 4, 4),
    Viewport(-0.5, 36.5, 4, 4.01, 5, 3),
    Viewport(-0.5, 36.5, -0.5, 28.5, 1, 1),
]
Write = Callable[..., str]
Brute = Callable[..., np.ndarray[Any, Any]]


def shrink(monkeypatch: pytest.MonkeyPatch, plane: int) -> None:
    """Planes from so many bytes on are giants, read in bands of half of that."""
    monkeypatch.setattr(module, "PLANE_BYTES", plane)
    monkeypatch.setattr(module, "BAND_BYTES", plane // 2)
    monkeypatch.setattr(module, "PIXEL_BYTES", 2 * plane)


def asked(location: str, view: Viewport, reduce: Any = "mean", preview: bool = False, **plane: Any) -> Request:
    return Request(Plane(location, **{"variable": "sky", "x": "x", "y": "y", **plane}), view, reduce, preview)


@pytest.mark.parametrize(
    ("reduce", "small"), [("mean", None), ("mean", 4096), ("mean", 256), ("min", 1024), ("max", None)]
)
def test_every_view_is_what_brute_force_gives(
    write_zarr: Write, brute: Brute, monkeypatch: pytest.MonkeyPatch, reduce: str, small: int | None
) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}), chunks={"sky": (6, 8)})
    if small is not None:
        shrink(monkeypatch, small)
        monkeypatch.setattr(module, "_check_pixel", lambda *_: None)
    for view in VIEWS:
        found = answer(asked(location, view, reduce))
        assert found.values.dtype == np.float32
        assert found.exact
        np.testing.assert_allclose(found.values, brute(NOISE, PLAIN_X, PLAIN_Y, view, reduce), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("small", [None, 4096])
@pytest.mark.parametrize("view", VIEWS[:5])
def test_either_dimension_may_be_across(
    write_zarr: Write, brute: Brute, monkeypatch: pytest.MonkeyPatch, view: Viewport, small: int | None
) -> None:
    location = write_zarr(xr.Dataset({"sky": (("x", "y"), NOISE.T)}), chunks={"sky": (8, 6)})
    if small is not None:
        shrink(monkeypatch, small)
    found = answer(asked(location, view))
    np.testing.assert_allclose(found.values, brute(NOISE, PLAIN_X, PLAIN_Y, view, "mean"), rtol=1e-5, atol=1e-7)
    assert found.values.flags.c_contiguous
    assert not np.array_equal(found.values, answer(asked(location, view, x="y", y="x")).values, equal_nan=True)


UNEVEN = np.cumsum(RNG.uniform(0.5, 3, NX))
UNEVEN_EDGES = np.concatenate(
    [[UNEVEN[0] - np.diff(UNEVEN)[0] / 2], (UNEVEN[1:] + UNEVEN[:-1]) / 2, [UNEVEN[-1] + np.diff(UNEVEN)[-1] / 2]]
)


@pytest.mark.parametrize("small", [None, 4096])
@pytest.mark.parametrize("up", [1, -1])
def test_coordinates_may_fall_and_be_uneven(
    write_zarr: Write, brute: Brute, monkeypatch: pytest.MonkeyPatch, up: int, small: int | None
) -> None:
    if small is not None:
        shrink(monkeypatch, small)
    coords = {"x": ("x", UNEVEN[::up]), "y": ("y", np.arange(NY)[::-1] * 2.0)}
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}, coords))
    edges_x, edges_y = UNEVEN_EDGES[::up], np.arange(NY, -1, -1) * 2.0 - 1
    low, high = UNEVEN_EDGES[0], UNEVEN_EDGES[-1]
    for view in (Viewport(low, high, -1, 57, 13, 11), Viewport(low - 9, high / 2, 10, 80, 50, 40)):
        found = answer(asked(location, view))
        np.testing.assert_allclose(found.values, brute(NOISE, edges_x, edges_y, view, "mean"), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("part", ["value", "amplitude", "phase", "real", "imaginary"])
def test_complex_cells_are_shown_by_a_part(write_zarr: Write, brute: Brute, part: Part) -> None:
    cells = NOISE + 1j * NOISE[::-1]
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}))
    numbers = {"phase": np.angle(cells), "real": cells.real, "imaginary": cells.imag}.get(part, np.abs(cells))
    found = answer(asked(location, VIEWS[1], part=part))
    np.testing.assert_allclose(found.values, brute(numbers, PLAIN_X, PLAIN_Y, VIEWS[1], "mean"), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "u4", "i8", "f2", "f4", "f8"])
def test_every_kind_of_number_is_drawn(write_zarr: Write, brute: Brute, dtype: str) -> None:
    cells = RNG.integers(0, 100, (NY, NX)).astype(dtype)
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}))
    found = answer(asked(location, VIEWS[1], "max"))
    np.testing.assert_allclose(found.values, brute(cells, PLAIN_X, PLAIN_Y, VIEWS[1], "max"), rtol=1e-6)


def test_infinities_stay(write_zarr: Write) -> None:
    cells = np.zeros((4, 4))
    cells[0, 0], cells[1, 1] = np.inf, -np.inf
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}))
    view = Viewport(-0.5, 3.5, -0.5, 3.5, 2, 2)
    assert answer(asked(location, view, "max")).values[0, 0] == np.inf
    assert answer(asked(location, view, "min")).values[0, 0] == -np.inf
    assert np.isnan(answer(asked(location, view)).values[0, 0])
    assert answer(asked(location, view)).values[1, 1] == 0


def test_other_dimensions_are_held(write_zarr: Write) -> None:
    cells = RNG.normal(size=(3, 2, 5, 6))
    location = write_zarr(xr.Dataset({"sky": (("t", "y", "f", "x"), cells.transpose(0, 2, 1, 3))}))
    view = Viewport(-0.5, 5.5, -0.5, 4.5, 6, 5)
    found = answer(asked(location, view, fixed=(("f", 1), ("t", 2))))
    np.testing.assert_array_equal(found.values, cells[2, 1].astype(np.float32))
    with pytest.raises(RequestError, match="t has no index 3"):
        answer(asked(location, view, fixed=(("t", 3),)))


def test_what_isn_t_there_is_refused_by_name(write_zarr: Write) -> None:
    coords = {"other": ("other", [1, 2])}
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}, coords))
    for plane, words in (({"variable": "noise"}, "It has sky"), ({"x": "q"}, "'q'"), ({"x": "other"}, "'other'")):
        with pytest.raises(RequestError, match=words):
            answer(asked(location, VIEWS[0], **plane))


def test_an_answer_is_kept(write_zarr: Write) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}))
    first = answer(asked(location, VIEWS[0]))
    assert answer(asked(location, VIEWS[0])) is first
    assert answer(asked(location, VIEWS[1])) is not first
    assert planes.bytes == NOISE.nbytes
    forget("elsewhere")
    assert answer(asked(location, VIEWS[0])) is first
    forget(location)
    assert (planes.bytes, rasters.bytes) == (0, 0)
    assert answer(asked(location, VIEWS[0])) is not first


def test_a_plane_is_read_once_for_all_views(write_fits: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    location = write_fits(NOISE)
    data = opened(location).dataset
    (name,), (y, x) = data.data_vars, data["image"].dims
    reads = []
    before = module.window
    monkeypatch.setattr(module, "window", lambda *args: reads.append(args) or before(*args))
    for view in VIEWS:
        answer(asked(location, view, variable=name, x=x, y=y))
    assert len(reads) == 1


def test_a_giants_chunks_are_not_cut(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), np.ones((64, 100)))}), chunks={"sky": (16, 100)})
    monkeypatch.setattr(module, "PLANE_BYTES", 2 * 16 * 100 * 8)
    monkeypatch.setattr(module, "BAND_BYTES", 4 * 100 * 8)
    reads = []
    before = module.window
    monkeypatch.setattr(module, "window", lambda *args: reads.append(args[2]) or before(*args))
    answer(asked(location, Viewport(-0.5, 99.5, -0.5, 63.5, 10, 32)))
    assert reads == [slice(16 * k, 16 * (k + 1)) for k in range(4)]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_giant_is_previewed_from_a_sample_then_read_whole(
    write_fits: Write, monkeypatch: pytest.MonkeyPatch, swapped: bool
) -> None:
    rows = np.repeat(np.arange(200, dtype=np.float32)[:, None], 300, axis=1)
    location = write_fits(rows)
    y, x = opened(location).dataset["image"].dims
    shrink(monkeypatch, 1 << 14)
    monkeypatch.setattr(module, "SAMPLE_BYTES", 16 * 300 * 4)
    view = Viewport(-0.5, 299.5, -0.5, 199.5, 30, 20)
    axes = {"x": x, "y": y}
    if swapped:
        view, axes = Viewport(-0.5, 199.5, -0.5, 299.5, 20, 30), {"x": y, "y": x}
    preview = answer(asked(location, view, preview=True, variable="image", **axes))
    whole = answer(asked(location, view, variable="image", **axes))
    assert not preview.exact
    assert preview.bytes_read <= 20 * 300 * 4
    assert whole.exact
    assert whole.bytes_read == rows.nbytes
    truth = np.repeat(np.arange(4.5, 200, 10)[:, None], 30, axis=1)
    np.testing.assert_allclose(whole.values.T if swapped else whole.values, truth)
    off = np.abs((preview.values.T if swapped else preview.values) - truth)
    assert off.max() <= 10
    assert len(np.unique(preview.values)) >= 8


def test_a_small_part_of_a_giant_is_exact_at_once(write_fits: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    location = write_fits(NOISE)
    y, x = opened(location).dataset["image"].dims
    shrink(monkeypatch, 512)
    found = answer(asked(location, Viewport(3.5, 7.5, 1.5, 4.5, 4, 3), preview=True, variable="image", x=x, y=y))
    assert found.exact
    np.testing.assert_array_equal(found.values, NOISE[2:5, 4:8].astype(np.float32))
    assert found.bytes_read == 3 * 4 * 8


def test_no_window_is_larger_than_it_may_be(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = np.ones((64, 512), np.float32)
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}), chunks={"sky": (4, 16)})
    shrink(monkeypatch, 16384)
    sizes = []
    before = module.window

    def spied(variable: Any, plane: Plane, rows: slice, columns: slice, cancelled: Any) -> Any:
        sizes.append((rows.stop - rows.start) * (columns.stop - columns.start) * 4)
        return before(variable, plane, rows, columns, cancelled)

    monkeypatch.setattr(module, "window", spied)
    assert (answer(asked(location, Viewport(-0.5, 511.5, -0.5, 63.5, 32, 2))).values == 1).all()
    assert max(sizes) <= 8192
    assert sum(sizes) == cells.nbytes


def test_a_pixel_of_too_many_cells_is_refused(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), np.ones((64, 512)))}))
    shrink(monkeypatch, 4096)
    with pytest.raises(TooBig, match="zoom in"):
        answer(asked(location, Viewport(-0.5, 511.5, -0.5, 63.5, 1, 1)))


def test_a_cancelled_answer_reads_no_further(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}), chunks={"sky": (1, NX)})
    shrink(monkeypatch, 1024)
    calls = []

    def cancelled() -> bool:
        calls.append(True)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        answer(asked(location, VIEWS[0]), cancelled)
    assert rasters.bytes == 0


LONGITUDE, LATITUDE = np.meshgrid(np.linspace(10, 20, NX), np.linspace(-5, 5, NY))


@pytest.mark.parametrize("limit", [64 << 20, 512])
def test_cells_are_drawn_on_their_2_d_coordinates(
    write_zarr: Write, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    shrink(monkeypatch, limit)
    coords = {"lon": (("y", "x"), LONGITUDE), "lat": (("y", "x"), LATITUDE)}
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), LONGITUDE * 2)}, coords))
    found = answer(asked(location, Viewport(10, 20, -5, 5, 20, 20), mesh=("lon", "lat")))
    np.testing.assert_allclose(found.values[10], np.linspace(20.5, 39.5, 20), atol=0.6)


def test_a_mesh_of_too_many_cells_is_refused(write_zarr: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESH_CELLS", 100)
    coords = {"lon": (("y", "x"), LONGITUDE), "lat": (("y", "x"), LATITUDE)}
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}, coords))
    with pytest.raises(TooBig, match="37 × 29"):
        answer(asked(location, Viewport(10, 20, -5, 5, 20, 20), mesh=("lon", "lat")))


def test_text_is_no_picture(write_zarr: Write) -> None:
    cells = np.array([["a", "b"], ["c", "d"]], object)
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), cells)}))
    with pytest.raises((RequestError, SourceError), match=r"[Tt]ext"):
        answer(asked(location, Viewport(0, 1, 0, 1, 2, 2)))


def test_the_step_is_cells_a_pixel(write_zarr: Write) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), NOISE)}))
    assert answer(asked(location, Viewport(0, 20, 0, 10, 10, 40))).step == pytest.approx((2.0, 0.25))
