"""Cubes on disk, fresh caches, and a brute-force oracle of what a screen should show."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

from skydeck.core.viewport import Viewport
from skydeck.fetch import opened, release
from skydeck.fetch.answer import planes, rasters

Write = Callable[..., str]


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path) -> Iterator[None]:
    """Nothing of another test is kept."""
    planes.forget()
    rasters.forget()
    yield
    planes.forget()
    rasters.forget()
    for path in tmp_path.iterdir():
        release(str(path))


@pytest.fixture
def write_zarr(tmp_path: Path) -> Write:
    """Write a Dataset as a store; ``chunks`` by variable; gives its path."""

    def write(dataset: xr.Dataset, name: str = "cube.zarr", chunks: dict[str, tuple[int, ...]] | None = None) -> str:
        encoding = {key: {"chunks": sizes} for key, sizes in (chunks or {}).items()}
        dataset.to_zarr(tmp_path / name, consolidated=False, encoding=encoding)
        return str(tmp_path / name)

    return write


@pytest.fixture
def write_fits(tmp_path: Path) -> Write:
    """Write an array as the primary image of a FITS file; gives its path."""

    def write(array: np.ndarray[Any, Any], name: str = "cube.fits", **cards: Any) -> str:
        hdu = fits.PrimaryHDU(array)
        hdu.header.update(cards)
        hdu.writeto(tmp_path / name, overwrite=True)
        return str(tmp_path / name)

    return write


def expected(plane: np.ndarray[Any, Any], x: np.ndarray, y: np.ndarray, view: Viewport, how: str) -> np.ndarray:
    """What a screen shows, pixel by pixel: ``plane`` (y, x), ``x`` and ``y`` their edges in axis units."""
    out = np.full((view.height, view.width), np.nan)
    columns = [owned(x, *step) for step in steps(view.x0, view.x1, view.width)]
    rows = [owned(y, *step) for step in steps(view.y0, view.y1, view.height)]
    for j, row in enumerate(rows):
        for i, column in enumerate(columns):
            cells = plane[row, column].astype(float)
            cells = cells[~np.isnan(cells)]
            if cells.size:
                out[j, i] = getattr(cells, how)()
    return out


def steps(low: float, high: float, pixels: int) -> list[tuple[float, float]]:
    borders = np.linspace(low, high, pixels + 1)
    return list(itertools.pairwise(borders))


def owned(edges: np.ndarray, low: float, high: float) -> slice:
    """The cells of one pixel: those whose middles lie on it, or the one under its middle where it is narrow."""
    size = len(edges) - 1
    first, last = sorted((place(edges, low), place(edges, high)))
    if last - first >= 1:
        return slice(max(0, int(np.floor(first + 0.5))), min(size, max(0, int(np.floor(last + 0.5)))))
    cell = int(np.floor((first + last) / 2))
    return slice(cell, cell + 1) if 0 <= cell < size else slice(0, 0)


def place(edges: np.ndarray, value: float) -> float:
    """Fractional cell position of a value, by looking at every cell; beyond the ends at the end cell's width."""
    nudge = 1e-6
    sign = 1 if edges[-1] > edges[0] else -1
    inner = (sign * edges)[1:-1]
    cell = int(np.count_nonzero(inner <= sign * value))
    return cell + (value - edges[cell]) / (edges[cell + 1] - edges[cell]) + nudge


@pytest.fixture
def brute() -> Callable[..., np.ndarray]:
    return expected


@pytest.fixture
def stale() -> Callable[[str], None]:
    """Have the next call look at the disk again."""

    def mark(location: str) -> None:
        opened(location).checked = -1e9

    return mark


def touch_later(path: str) -> None:
    status = os.stat(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


@pytest.fixture
def touch() -> Callable[[str], None]:
    return touch_later
