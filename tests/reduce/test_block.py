"""Block reduction against brute force and against datashader."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skydeck.core.axis import Uniform
from skydeck.core.errors import RequestError
from skydeck.core.raster import REDUCES, Reduce
from skydeck.reduce.bins import Bins, bins_of
from skydeck.reduce.block import block_reduce, block_reduce_many, warm

Array = npt.NDArray[Any]
DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u2", ">i4", "<u4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]


def brute(plane: Array, rows: Bins, cols: Bins, how: Reduce) -> npt.NDArray[np.float32]:
    """One pixel at a time, in the longest floats there are."""
    out = np.full((len(rows), len(cols)), np.nan, np.float32)
    for i in range(len(rows)):
        for j in range(len(cols)):
            cells = plane[rows.start[i] : rows.stop[i], cols.start[j] : cols.stop[j]].astype(np.longdouble).ravel()
            cells = cells[~np.isnan(cells)]
            if cells.size:
                with np.errstate(over="ignore", invalid="ignore"):
                    out[i, j] = {"mean": np.mean, "min": np.min, "max": np.max}[how](cells)
    return out


def made(shape: tuple[int, int], dtype: str, seed: int = 0) -> Array:
    """Numbers over the dtype's range; floats with NaN and infinities among them."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(
            limits.min, limits.max, shape, dtype=np.dtype(dtype).newbyteorder("="), endpoint=True
        ).astype(dtype)
    plane = rng.normal(0, 100, shape)
    plane[rng.random(shape) < 0.2] = np.nan
    plane[rng.random(shape) < 0.002] = np.inf
    plane[: shape[0] // 3, : shape[1] // 3] = np.nan
    return plane.astype(dtype)


def whole(cells: int, pixels: int) -> Bins:
    return bins_of(Uniform(0, 1, cells), 0, cells, pixels)


@pytest.mark.parametrize("how", REDUCES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_agrees_with_brute_force(dtype: str, how: Reduce) -> None:
    plane = made((61, 47), dtype)
    rows, cols = whole(61, 13), whole(47, 9)
    np.testing.assert_allclose(block_reduce(plane, rows, cols, how), brute(plane, rows, cols, how), rtol=2e-7)


LAYOUTS = {
    "C": lambda plane: plane,
    "Fortran": np.asfortranarray,
    "strided": lambda plane: np.repeat(np.repeat(plane, 2, axis=0), 3, axis=1)[::2, ::3],
    "backwards": lambda plane: plane[::-1, ::-1].copy()[::-1, ::-1],
    "inside": lambda plane: np.pad(plane, 5)[5:-5, 5:-5],
    "read-only": lambda plane: np.frombuffer(plane.tobytes(), plane.dtype).reshape(plane.shape),
    "unaligned": lambda plane: np.frombuffer(b"x" + plane.tobytes(), plane.dtype, offset=1).reshape(plane.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2"])
def test_every_layout_agrees_with_brute_force(layout: str, dtype: str) -> None:
    plane = LAYOUTS[layout](made((40, 70), dtype))
    rows, cols = whole(40, 7), bins_of(Uniform(0, 1, 70), 8.3, 66.1, 11)
    for how, got in zip(("mean", "min", "max"), block_reduce_many(plane, rows, cols), strict=True):
        want = brute(plane, rows, cols, how)
        np.testing.assert_allclose(got, want, rtol=2e-7)
        np.testing.assert_allclose(block_reduce(plane, rows, cols, how), want, rtol=2e-7)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous


@settings(deadline=None)
@given(st.data())
def test_any_viewport_agrees_with_brute_force(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    plane = made((height, width), "<f4", data.draw(st.integers(0, 9)))
    axes = []
    for size in (height, width):
        step = data.draw(st.sampled_from([1.0, -1.0]))
        low, span = data.draw(st.floats(-size, size)), data.draw(st.floats(0.1, 3 * size))
        axes.append(bins_of(Uniform(0, step, size), low, low + span, data.draw(st.integers(1, 30))))
    how = data.draw(st.sampled_from(REDUCES))
    np.testing.assert_allclose(block_reduce(plane, *axes, how), brute(plane, *axes, how), rtol=2e-7)


@pytest.mark.parametrize("shape", [(200_000, 3), (3, 200_000), (1, 50_000), (70_000, 1)])
@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_long_thin_planes_are_cut_in_pieces_that_join(shape: tuple[int, int], dtype: str) -> None:
    plane = made(shape, dtype)
    rows, cols = whole(shape[0], min(3, shape[0])), whole(shape[1], min(5, shape[1]))
    for layout in (plane, np.asfortranarray(plane)):
        for how in REDUCES:
            np.testing.assert_allclose(block_reduce(layout, rows, cols, how), brute(plane, rows, cols, how), rtol=2e-7)


def test_one_pixel_of_a_big_endian_plane_is_reduced_in_pieces() -> None:
    plane = made((1100, 1300), ">f4")
    one, other = whole(1100, 1), whole(1300, 1)
    for how, got in zip(("mean", "min", "max"), block_reduce_many(plane, one, other), strict=True):
        np.testing.assert_allclose(got, brute(plane, one, other, how), rtol=2e-7)


def test_a_memory_map_is_reduced_as_any_array(tmp_path: Path) -> None:
    made((40, 30), "<f4").tofile(tmp_path / "plane")
    plane = np.memmap(tmp_path / "plane", np.float32, "r", shape=(40, 30))
    rows, cols = whole(40, 4), whole(30, 5)
    np.testing.assert_allclose(block_reduce(plane, rows, cols, "mean"), brute(plane, rows, cols, "mean"), rtol=2e-7)


def test_a_mean_of_many_equal_numbers_is_that_number() -> None:
    plane = np.full((3000, 3000), 16_777_217.0 / 3, np.float32)
    assert (block_reduce(plane, whole(3000, 2), whole(3000, 2), "mean") == plane[0, 0]).all()


def test_infinities_are_kept_and_meet_as_nan() -> None:
    plane = np.array([[np.inf, 1], [2, np.nan], [np.inf, -np.inf], [np.nan, np.nan]], np.float32)
    rows, cols = whole(4, 4), whole(2, 1)
    mean, low, high = (part[:, 0] for part in block_reduce_many(plane, rows, cols))
    np.testing.assert_array_equal(mean, np.array([np.inf, 2, np.nan, np.nan], np.float32))
    np.testing.assert_array_equal(low, np.array([1, 2, -np.inf, np.nan], np.float32))
    np.testing.assert_array_equal(high, np.array([np.inf, 2, np.inf, np.nan], np.float32))


def test_doubles_beyond_float32_become_infinite() -> None:
    plane = np.array([[1e300, -1e300]])
    assert block_reduce(plane, whole(1, 1), whole(2, 2), "mean").tolist() == [[np.inf, -np.inf]]


def test_no_column_is_lost_of_a_spike() -> None:
    plane = np.zeros((1, 4097), np.float32)
    for column in range(0, 4097, 13):
        plane[0, column] = 7
        assert block_reduce(plane, whole(1, 1), whole(4097, 801), "max").sum() == 7
        plane[0, column] = 0


def test_empty_bins_and_planes_are_nan() -> None:
    nothing = Bins(np.zeros(4, np.int64), np.zeros(4, np.int64))
    for plane in (np.ones((3, 3), np.float32), np.ones((0, 3), ">f4"), np.ones((0, 0), np.int16)):
        for how in REDUCES:
            assert np.isnan(block_reduce(plane, nothing, nothing, how)).all()


@pytest.mark.parametrize("how", REDUCES)
def test_datashader_agrees(how: Reduce) -> None:
    import datashader
    import xarray

    rng = np.random.default_rng(3)
    plane = rng.normal(size=(120, 180)).astype(np.float32)
    plane[30:50, 60:90] = np.nan
    grid = xarray.DataArray(plane, dims=("y", "x"), coords={"y": np.arange(120) + 0.5, "x": np.arange(180) + 0.5})
    canvas = datashader.Canvas(30, 20, x_range=(0, 180), y_range=(0, 120))
    want = canvas.raster(grid, agg=getattr(datashader, how)()).values
    np.testing.assert_allclose(block_reduce(plane, whole(120, 20), whole(180, 30), how), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("plane", "message"),
    [
        (np.zeros((2, 2), complex), "amplitude"),
        (np.zeros(4), "two dimensions"),
        (np.zeros((2, 2, 2)), "two dimensions"),
        (np.array([["a", "b"], ["c", "d"]]), "real numbers"),
        (np.zeros((2, 2), "M8[ns]"), "real numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused(plane: Array, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        block_reduce(plane, whole(2, 1), whole(2, 1), "mean")


@pytest.mark.parametrize(
    "bins",
    [
        Bins(np.array([0]), np.array([3])),
        Bins(np.array([-1]), np.array([1])),
        Bins(np.array([2]), np.array([1])),
        Bins(np.array([0, 1]), np.array([1])),
    ],
)
def test_bins_outside_the_plane_are_refused(bins: Bins) -> None:
    plane = np.zeros((2, 2))
    for rows, cols in ((bins, whole(2, 2)), (whole(2, 2), bins)):
        with pytest.raises(RequestError, match="Bins"):
            block_reduce(plane, rows, cols, "mean")
        with pytest.raises(RequestError, match="Bins"):
            block_reduce_many(plane, rows, cols)


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(RequestError, match="mean, min, max"):
        block_reduce(np.zeros((2, 2)), whole(2, 1), whole(2, 1), "median")  # type: ignore[arg-type]


def test_a_foreign_plane_is_converted_in_pieces() -> None:
    plane = np.ones((4000, 4000), ">f4")
    rows, cols = whole(4000, 100), whole(4000, 100)
    block_reduce(plane[:100], whole(100, 10), cols, "mean")
    tracemalloc.start()
    block_reduce(plane, rows, cols, "mean")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < plane.nbytes / 20


def test_many_threads_at_once_agree() -> None:
    warm()
    plane = made((500, 400), "<f4")
    rows, cols = whole(500, 50), whole(400, 40)
    want, answers = block_reduce(plane, rows, cols, "mean"), []
    threads = [
        threading.Thread(target=lambda: answers.append(block_reduce(plane, rows, cols, "mean"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for got in answers:
        np.testing.assert_array_equal(got, want)
