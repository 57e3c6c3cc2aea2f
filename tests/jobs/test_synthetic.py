"""The demo's data: made once, whole or not at all, and such as the explorer has everything to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.jobs.synthetic import demo_cubes
from skydeck.sky.wcs import celestial_of
from skydeck.sources import open_source


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.stem: path for path in demo_cubes(tmp_path_factory.mktemp("demo"))}


def test_the_galaxy_has_a_sky_channels_and_gaps(cubes: dict[str, Path]) -> None:
    dataset = open_source(str(cubes["galaxy"]))
    assert dataset.sizes["frequency"] > 20 and "I" in dataset.stokes.values
    celestial = celestial_of(dataset.attrs["fits_wcs_header"])
    assert celestial is not None and celestial.frame == "ICRS"
    plane = dataset["sky"].isel(stokes=0, frequency=20).values
    assert np.isnan(plane[0, 0]) and np.isfinite(plane[plane.shape[0] // 2, plane.shape[1] // 2])
    line = [float(np.nansum(dataset["sky"].isel(stokes=0, frequency=k).values)) for k in (0, 20, 30)]
    assert max(line[1:]) > 1.05 * line[0]  # hydrogen on top of the continuum


def test_the_mosaic_is_a_FITS_file_with_stars(cubes: dict[str, Path]) -> None:
    with fits.open(cubes["mosaic"]) as hdus:
        hdus.verify("exception")
        data = hdus[0].data
        assert data.shape == (2048, 2048)
        assert data.max() > 20 * np.median(data)
        assert celestial_of(hdus[0].header.tostring(sep="\n")) is not None


def test_the_sun_has_times_bursts_and_a_dead_block(cubes: dict[str, Path]) -> None:
    dataset = open_source(str(cubes["sun"]))
    flux = dataset["flux"].isel(stokes=0)
    assert dataset.time.dtype.kind == "M" and (np.diff(dataset.frequency.values) > 0).all()
    values = flux.values
    assert 0 < np.isnan(values).mean() < 0.2
    assert np.nanmax(values) > 20 * np.nanmedian(np.abs(values))


def test_a_second_start_makes_nothing(cubes: dict[str, Path]) -> None:
    folder = cubes["mosaic"].parents[1]
    before = {path: path.stat().st_mtime_ns for path in cubes.values()}
    again = demo_cubes(folder)
    assert {path: path.stat().st_mtime_ns for path in again} == before
    assert not [path for path in folder.rglob("*") if path.suffix == ".part"]
