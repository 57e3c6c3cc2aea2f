"""How many bytes a second statistics get through, in memory and from a store."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from skydeck.jobs.statistics import statistics


def measured(what: str, data: xr.DataArray) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    found = statistics(data)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{what}: {data.nbytes / 1e9 / wall:.2f} GB/s, {data.nbytes / 1e9 / cpu:.2f} GB per CPU second")
    assert found.count + found.nans == data.size


@pytest.mark.parametrize("dtype", ["i2", "f4", "f8", "c8"])
def test_in_memory(dtype: str) -> None:
    values = np.random.default_rng(1).normal(size=(50, 1000, 1000)).astype(dtype)
    measured(f"{dtype} in memory", xr.DataArray(values))


def test_with_gaps() -> None:
    values = np.random.default_rng(1).normal(size=(50, 1000, 1000)).astype("f4")
    values[:, ::10] = np.nan
    measured("f4 with gaps", xr.DataArray(values))


def test_from_zarr(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(50, 1000, 1000)).astype("f4")
    xr.Dataset({"image": (("t", "y", "x"), values)}).to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=3)
    with xr.open_zarr(tmp_path / "a.zarr", chunks=None, consolidated=False) as dataset:
        measured("f4 from Zarr", dataset["image"])
