"""Info and its report: what is told of a source is what is in it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from rich.console import Console

from skydeck.core.errors import SourceMissing
from skydeck.jobs.info import Info, dataset_info, info_json, source_info
from skydeck.jobs.report import report, size_text
from skydeck.jobs.statistics import dataset_statistics


def header_text() -> str:
    """A field of 1 arcsecond pixels around RA 50, Dec +30, whose centre is pixel 50, 40."""
    cards = {"NAXIS": 2, "NAXIS1": 101, "NAXIS2": 81, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 51.0}
    cards |= {
        "CRPIX2": 41.0,
        "CRVAL1": 50.0,
        "CRVAL2": 30.0,
        "CDELT1": -1 / 3600,
        "CDELT2": 1 / 3600,
        "RADESYS": "ICRS",
    }
    return str(fits.Header(cards).tostring(sep="\n"))


def cube() -> xr.Dataset:
    values = np.arange(2 * 81 * 101, dtype="f4").reshape(2, 81, 101)
    values[0, 0, :3] = np.nan
    return xr.Dataset(
        {"image": (("frequency", "y", "x"), values, {"units": "Jy/beam"}), "note": ("frequency", ["a", "b"])},
        coords={"frequency": ("frequency", [1.4e9, 1.5e9], {"units": "Hz"}), "stokes": "I"},
        attrs={
            "fits_wcs_header": header_text(),
            "wcs_dims": "x y",
            "header": "long",
            "OBJECT": "[bold]L1448",
            "origin": "https://me:hunter2@host/a",
            "gain": np.float32("nan"),
            "table": [1, 2],
        },
    )


def text_of(info: Info) -> str:
    console = Console(file=io.StringIO(), width=150, color_system=None)
    console.print(*report(info), sep="\n")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_sizes_coordinates_and_variables_are_told() -> None:
    info = dataset_info(cube(), "cube.zarr")
    assert info.sizes == {"frequency": 2, "y": 81, "x": 101}
    frequency = next(item for item in info.coordinates if item.name == "frequency")
    assert (frequency.low, frequency.high, frequency.units) == (1.4e9, 1.5e9, "Hz")
    assert frequency.text == "1.400 GHz to 1.500 GHz"
    image, note = info.variables
    assert (image.dims, image.shape, image.dtype, image.units) == (
        ("frequency", "y", "x"),
        (2, 81, 101),
        "float32",
        "Jy/beam",
    )
    assert image.bytes == 2 * 81 * 101 * 4
    assert image.chunks == () and image.statistics is None
    assert note.dtype == "text"
    assert info.bytes == image.bytes + note.bytes


def test_the_centre_and_scale_of_the_sky_are_told() -> None:
    sky = dataset_info(cube(), "cube.zarr").sky
    assert sky is not None
    assert (sky.frame, sky.projection, sky.dims) == ("ICRS", "TAN", ("x", "y"))
    assert (sky.lon, sky.lat) == pytest.approx((50.0, 30.0), abs=1e-9)
    assert sky.arcsec_per_pixel == pytest.approx((1.0, 1.0))
    assert sky.centre.startswith("RA 03h20m00")


def test_a_header_that_makes_no_sense_is_told() -> None:
    dataset = cube().assign_attrs(fits_wcs_header="CTYPE1  = 'NONSENSE'")
    info = dataset_info(dataset, "cube.zarr")
    assert info.sky is None
    assert "celestial" in info.sky_problem
    assert info.sky_problem in " ".join(text_of(info).split())


def test_attributes_are_short_and_without_secrets() -> None:
    info = dataset_info(cube(), "https://me:hunter2@host/cube.zarr?token=hunter2")
    assert set(info.attributes) == {"OBJECT", "origin", "gain"}
    assert "hunter2" not in json.dumps(info_json(info)) + text_of(info) + repr(info)


def test_json_is_strict() -> None:
    info = dataset_info(cube(), "cube.zarr", dataset_statistics(cube().isel(x=slice(0, 1))))
    text = json.dumps(info_json(info), allow_nan=False)
    plain = json.loads(text)
    assert plain["attributes"]["gain"] is None
    assert plain["variables"][0]["statistics"]["nans"] == 1
    assert plain["variables"][0]["shape"] == [2, 81, 101]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["I", "Q"], "I, Q"),
        (np.array(["2024-01-01", "2024-01-02"], "M8[ns]"), "2024-01-01 to 2024-01-02"),
        (np.array(["NaT", "2024-01-02"], "M8[ns]"), "no time to 2024-01-02 00:00:00"),
        ([5, 3], "5 to 3"),
        ([True], "True"),
        ([math.nan, math.nan], "no value to no value"),
        ([], "no values"),
    ],
)
def test_the_range_of_any_coordinate_is_told(values: list[object], text: str) -> None:
    info = dataset_info(xr.Dataset(coords={"c": ("c", np.asarray(values))}), "a")
    assert info.coordinates[0].text == text


def test_scalars_and_two_dimensional_coordinates_are_told() -> None:
    lon = np.array([[1.0, np.nan], [3.0, 4.0]])
    coords = {
        "lon": (("y", "x"), lon, {"units": "deg"}),
        "pol": "XX",
        "t": 3.5,
        "empty": (("z", "x"), np.zeros((0, 2))),
    }
    found = {item.name: item for item in dataset_info(xr.Dataset(coords=coords), "a").coordinates}
    assert (found["lon"].low, found["lon"].high, found["lon"].text) == (1.0, 4.0, "1 to 4 deg")
    assert (found["pol"].text, found["pol"].low) == ("XX", None)
    assert (found["t"].text, found["t"].low) == ("3.5", 3.5)
    assert found["empty"].text == "no values"


def test_the_report_takes_nothing_as_markup() -> None:
    text = text_of(dataset_info(cube(), "[red]cube[/red].zarr"))
    assert "[red]cube[/red].zarr" in text
    assert "[bold]L1448" in text
    assert "frequency 2, y 81, x 101" in text
    assert "1.400 GHz to 1.500 GHz" in text


def test_the_report_shows_statistics_where_there_are_some() -> None:
    dataset = cube()
    assert "highest" not in text_of(dataset_info(dataset, "a"))
    text = text_of(dataset_info(dataset, "a", dataset_statistics(dataset)))
    assert "highest" in text and "16361" in text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (64 * 10**9, "64 GB"), (5 * 10**15, "5 PB")],
)
def test_sizes_are_readable(count: int, text: str) -> None:
    assert size_text(count) == text


def test_a_fits_file_is_opened_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    values = np.arange(12.0).reshape(3, 4)
    values[1, 1] = np.nan
    planes = [fits.PrimaryHDU(values.astype(">f4")), fits.ImageHDU(np.ones((5, 6), "i2"), name="WHT")]
    fits.HDUList(planes).writeto(path)
    told: list[int] = []
    info = source_info(str(path), detailed=True, progress=lambda done, total: told.append(done))
    assert told[-1] == info.bytes == 48
    found = info.variables[0].statistics
    assert found is not None
    assert (found.count, found.nans, found.low, found.high) == (11, 1, 0.0, 11.0)
    assert len(info.choices) == 2
    assert source_info(str(path), {"hdu": "WHT"}).sizes == {"y": 5, "x": 6}


def test_a_zarr_store_tells_its_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    xr.Dataset({"image": (("y", "x"), np.zeros((100, 200), "f4"))}).to_zarr(
        path, encoding={"image": {"chunks": (50, 40)}}, consolidated=False, zarr_format=3
    )
    assert source_info(str(path)).variables[0].chunks == (50, 40)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="none"):
        source_info(str(tmp_path / "none.fits"))
