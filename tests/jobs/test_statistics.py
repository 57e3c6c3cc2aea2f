"""Statistics against brute force, on every kind of number, chunk and gap."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skydeck.core.errors import Cancelled
from skydeck.jobs.statistics import (
    Statistics,
    block_shape,
    blocks_of,
    chunks_of,
    dataset_statistics,
    has_statistics,
    statistics,
)

NUMBERS = ["?", "i1", "u1", ">i2", "i8", "u8", "f2", ">f4", "f8", "c8", "c16"]


def brute(values: Any) -> Statistics:
    """One number after the other, in Python's exact sum."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        numbers = [math.hypot(v.real, v.imag) for v in array.ravel().tolist()]
    else:
        numbers = [int(v) if v is True or v is False else v for v in array.ravel().tolist()]
    finite = [v for v in numbers if math.isfinite(v)]
    nans = sum(math.isnan(v) for v in numbers)
    if not finite:
        return Statistics(0, nans, len(numbers) - nans)
    mean = math.fsum(v / len(finite) for v in finite)
    return Statistics(len(finite), nans, len(numbers) - nans - len(finite), min(finite), max(finite), mean)


def assert_same(found: Statistics, expected: Statistics, rel: float = 1e-6) -> None:
    assert (found.count, found.nans, found.infinities) == (expected.count, expected.nans, expected.infinities)
    for name in ("low", "high", "mean"):
        scale = max(abs(expected.low), abs(expected.high)) if expected.count else 1.0
        expected_value = pytest.approx(getattr(expected, name), rel=rel, abs=rel * scale, nan_ok=True)
        assert getattr(found, name) == expected_value, name


@given(
    st.sampled_from(NUMBERS).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4))),
    st.integers(1, 200),
)
def test_any_numbers_and_any_block_agree_with_brute_force(values: np.ndarray[Any, Any], block_bytes: int) -> None:
    data = xr.DataArray(values)
    with np.errstate(over="ignore", invalid="ignore"):
        assert_same(
            statistics(data, block_bytes=block_bytes), brute(values), rel=1e-3 if values.dtype.itemsize < 4 else 1e-6
        )


@given(st.data())
def test_blocks_cover_every_cell_once_and_stay_within_the_bound(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=9))
    chunks = tuple(data.draw(st.integers(1, 12)) for _ in shape)
    cells = data.draw(st.integers(1, 400))
    variable = xr.DataArray(np.zeros(shape, "i1"))
    variable.encoding["chunks"] = chunks
    seen = np.zeros(shape, int)
    for block in blocks_of(variable, cells):
        seen[block] += 1
        assert seen[block].size <= cells
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("shape", "chunks", "cells", "expected"),
    [
        ((100, 100), (10, 10), 1000, (10, 100)),  # a row of whole chunks
        ((100, 100), (10, 10), 2500, (20, 100)),  # two rows of them
        ((100, 100), (10, 10), 350, (10, 30)),  # part of a row
        ((100, 100), (100, 100), 500, (5, 100)),  # a chunk that is too large, cut along its first dimension
        ((100, 100), (1, 1), 250, (2, 100)),  # no chunks: whole rows
        ((3, 1000), (3, 1000), 10, (1, 10)),
        ((), (), 10, ()),
    ],
)
def test_a_block_is_made_of_whole_chunks(
    shape: tuple[int, ...], chunks: tuple[int, ...], cells: int, expected: tuple[int, ...]
) -> None:
    assert block_shape(shape, chunks, cells) == expected


def test_nan_and_infinities_are_counted_and_left_out() -> None:
    found = statistics(xr.DataArray([1.0, np.nan, np.inf, -np.inf, 3.0, np.nan]))
    assert found == Statistics(2, 2, 2, 1.0, 3.0, 2.0)


def test_nothing_finite_has_no_extremes() -> None:
    found = statistics(xr.DataArray([np.nan, np.inf]))
    assert (found.count, found.nans, found.infinities) == (0, 1, 1)
    assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.mean)
    assert statistics(xr.DataArray(np.zeros((0, 4)))).count == 0


def test_integers_stay_exact() -> None:
    low, high = -(2**63), 2**63 - 1
    found = statistics(xr.DataArray(np.array([low, high])))
    assert (found.low, found.high) == (low, high)
    assert isinstance(found.low, int)


def test_a_mean_of_huge_numbers_does_not_overflow() -> None:
    found = statistics(xr.DataArray(np.full(3_000_000, 1.7e308)))
    assert found.mean == pytest.approx(1.7e308)


def test_a_small_signal_on_a_large_offset_survives_float32() -> None:
    values = np.full((1500, 1500), 16_777_215, "f4")
    values[::2] = 16_777_213
    assert statistics(xr.DataArray(values), block_bytes=1_000_000).mean == pytest.approx(16_777_214, abs=1e-6)


def test_complex_numbers_count_by_amplitude() -> None:
    found = statistics(xr.DataArray(np.array([3 + 4j, complex(np.nan, 1), 0j], "c8")))
    assert found == Statistics(2, 1, 0, 0.0, 5.0, 2.5)


@pytest.mark.parametrize("values", [["I", "Q"], np.array(["2024-01-01"], "M8[ns]"), np.array([1], "m8[ns]")])
def test_text_and_times_have_no_statistics(values: Any) -> None:
    data = xr.DataArray(values)
    assert not has_statistics(data)
    assert dataset_statistics(data.to_dataset(name="labels")) == {}
    with pytest.raises(TypeError, match="not numbers"):
        statistics(data)


def test_progress_runs_to_the_end_over_all_variables() -> None:
    dataset = xr.Dataset(
        {"a": ("x", np.arange(1000.0)), "b": (("y", "x"), np.zeros((3, 1000), "i2")), "t": ("y", list("abc"))}
    )
    told: list[tuple[int, int]] = []
    found = dataset_statistics(dataset, block_bytes=1600, progress=lambda done, total: told.append((done, total)))
    assert set(found) == {"a", "b"}
    assert [total for _, total in told] == [14000] * len(told)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (14000, 14000)


def test_cancelling_stops_between_blocks() -> None:
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        statistics(xr.DataArray(np.zeros(100)), block_bytes=80, cancelled=lambda: next(calls))


def test_dask_chunks_are_followed() -> None:
    lazy = xr.DataArray(dask.array.arange(1_000, chunks=300).reshape(10, 100))
    assert chunks_of(xr.DataArray(dask.array.zeros((10, 100), chunks=(4, 30)))) == (4, 30)
    assert_same(statistics(lazy, block_bytes=1600), brute(np.arange(1000)))


def test_a_lazy_store_is_read_in_bounded_memory_and_not_kept(tmp_path: Path) -> None:
    """32 MB of float32 in chunks of 1 MB, in blocks of at most 2 MB."""
    values = np.random.default_rng(1).normal(size=(8, 1000, 1000)).astype("f4")
    values[3, 10:20] = np.nan
    xr.Dataset({"image": (("t", "y", "x"), values)}).to_zarr(
        tmp_path / "a.zarr", encoding={"image": {"chunks": (1, 250, 1000)}}, consolidated=False, zarr_format=3
    )
    with xr.open_zarr(tmp_path / "a.zarr", chunks=None, consolidated=False) as dataset:
        assert chunks_of(dataset["image"]) == (1, 250, 1000)
        tracemalloc.start()
        found = statistics(dataset["image"], block_bytes=2_000_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found.nans == 10_000 and found.count == values.size - 10_000
    assert found.low == np.nanmin(values) and found.high == np.nanmax(values)
    assert found.mean == pytest.approx(np.nanmean(values, dtype="f8"), abs=1e-9)
    assert peak < 25_000_000
