"""XRADIO images, the OVRO-LWA portal's stores and gain tables in Skydeck's names."""

import warnings

import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS

from skydeck.sources import open_source
from skydeck.sources.conventions import as_times

N_L, N_M = 16, 12
STEP = np.radians(0.125)


def header():
    wcs = WCS(naxis=4)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN", "FREQ", "STOKES"]
    wcs.wcs.crval, wcs.wcs.crpix = [123.0, 37.0, 50e6, 1], [N_L / 2 + 1, N_M / 2 + 1, 1, 1]
    wcs.wcs.cdelt, wcs.wcs.cunit = [-0.125, 0.125, 1e6, 1], ["deg", "deg", "Hz", ""]
    return wcs.to_header()


def image(**attrs):
    """An XRADIO image after its schema."""
    shape = (2, 3, 2, N_L, N_M)
    coords = {
        "time": ("time", [60000.25, 60000.5], {"type": "time", "units": "d", "scale": "utc", "format": "mjd"}),
        "frequency": ("frequency", [50e6, 55e6, 70e6], {"units": "Hz", "type": "spectral_coord"}),
        "polarization": ("polarization", ["I", "V"]),
        "l": ("l", -(np.arange(N_L) - N_L // 2) * STEP),
        "m": ("m", (np.arange(N_M) - N_M // 2) * STEP),
    }
    dims = ("time", "frequency", "polarization", "l", "m")
    sky = np.random.default_rng(0).normal(size=shape).astype("f4")
    data = {"SKY": (dims, sky, {"units": "Jy/beam"}), "FLAG_SKY": (dims, sky > 1)}
    return xr.Dataset(data, coords, attrs)


def reopened(dataset, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.to_zarr(path)
    return open_source(str(path))


def sky_of(dataset, x, y):
    return WCS(fits.Header.fromstring(dataset.attrs["fits_wcs_header"], sep="\n")).pixel_to_world(x, y)


SYSTEM = {
    "reference_direction": {
        "attrs": {"frame": "fk5", "type": "sky_coord", "units": "rad", "equinox": "j2000.0"},
        "data": [np.radians(123.0), np.radians(37.0)],
        "dims": "sky_dir_label",
    },
    "native_pole_direction": {"attrs": {"units": "rad"}, "data": [np.pi, np.radians(37.0)]},
    "projection": "SIN",
    "projection_parameters": [0.0, 0.0],
    "pixel_coordinate_transformation_matrix": [[1.0, 0.0], [0.0, 1.0]],
}


def test_an_xradio_image_gets_times_and_directions(tmp_path):
    expected = image(coordinate_system_info=SYSTEM)
    found = reopened(expected, tmp_path / "a.zarr")
    assert found.attrs["wcs_dims"] == "l m"
    assert found["time"].values[0] == Time(60000.25, format="mjd").to_value("datetime64")
    assert found["polarization"].values.tolist() == ["I", "V"]
    assert set(found) == {"SKY", "FLAG_SKY"}
    np.testing.assert_array_equal(found["SKY"].values, expected["SKY"].values)
    oracle = WCS(header()).celestial
    for x, y in [(0, 0), (N_L // 2, N_M // 2), (15, 3.5)]:
        assert sky_of(found, x, y).separation(oracle.pixel_to_world(x, y).transform_to("fk5")).arcsec < 0.1


def test_a_galactic_rotated_image(tmp_path):
    system = SYSTEM | {"pixel_coordinate_transformation_matrix": [[0.0, -1.0], [1.0, 0.0]], "projection": "TAN"}
    system["reference_direction"] = {"attrs": {"frame": "galactic", "units": ["deg", "deg"]}, "data": [10.0, 2.0]}
    del system["native_pole_direction"]
    found = reopened(image(coordinate_system_info=system), tmp_path / "a.zarr")
    centre = SkyCoord(10, 2, unit="deg", frame="galactic")
    assert sky_of(found, N_L // 2, N_M // 2).separation(centre).arcsec < 1e-6
    # This matrix makes a step along l one along the second world axis.
    assert sky_of(found, N_L // 2 + 1, N_M // 2).b.deg == pytest.approx(2 + 0.125, abs=1e-4)


@pytest.mark.parametrize("place", ["dataset", "variable", "wcs_header_str", "fits_header_str"])
def test_the_portals_stores_keep_their_header(tmp_path, place):
    text = header().tostring(sep="\n")
    dataset = image()
    dataset["polarization"] = ("polarization", [1, 4])
    dataset["time"] = ("time", [60000.25, 60000.5])
    if place == "dataset":
        dataset.attrs["fits_wcs_header"] = text
    elif place == "variable":
        dataset["SKY"].attrs["fits_wcs_header"] = text
    elif place == "wcs_header_str":
        dataset["wcs_header_str"] = ((), np.bytes_(text.encode()))
    else:
        dataset["fits_header_str"] = (("time", "frequency", "polarization"), np.full((2, 3, 2), text))
    found = reopened(dataset, tmp_path / "a.zarr")
    assert found["polarization"].values.tolist() == ["I", "V"]
    assert found["time"].dtype.kind == "M"
    oracle = WCS(header()).celestial
    assert sky_of(found, 3, 4).separation(oracle.pixel_to_world(3, 4)).arcsec < 1e-6
    assert found.attrs["wcs_dims"] == "l m"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "CTYPE1  = 'RA---SIN'", "SIMPLE  =                    T\nNAXIS   =                    2"]
)
def test_a_header_that_is_none_costs_the_directions_only(tmp_path, text):
    found = reopened(image(fits_wcs_header=text), tmp_path / "a.zarr")
    assert "wcs_dims" not in found.attrs and "fits_wcs_header" not in found.attrs
    assert found["SKY"].shape == (2, 3, 2, N_L, N_M)


@pytest.mark.parametrize(
    "system",
    [
        {},
        {"reference_direction": 3},
        {"reference_direction": {"data": [1]}},
        {"reference_direction": {"data": ["a", "b"]}},
        SYSTEM | {"projection_parameters": ["zero"]},
        SYSTEM | {"native_pole_direction": {"data": [None, 1]}},
    ],
)
def test_a_coordinate_system_that_is_none_costs_the_directions_only(tmp_path, system):
    found = reopened(image(coordinate_system_info=system), tmp_path / "a.zarr")
    assert "wcs_dims" not in found.attrs


@pytest.mark.parametrize(
    ("values", "attrs", "expected"),
    [
        ([60000.0, np.nan], {}, ["2023-02-25", "NaT"]),
        ([60000.5], {"format": "MJD", "units": ["d"]}, ["2023-02-25T12"]),
        ([60000 * 86400 + 0.25], {}, ["2023-02-25T00:00:00.25"]),
        ([1.7e9], {"format": "unix", "units": "s"}, ["2023-11-14T22:13:20"]),
        ([1.0, 2.0], {}, None),
        ([60000.0], {"units": "m"}, None),
        ([np.nan], {}, None),
        ([], {}, None),
    ],
)
def test_numbers_that_are_times(values, attrs, expected):
    found = as_times(np.array(values), attrs)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, np.array(expected, "datetime64[ns]"))


def test_numbers_without_a_format_stay_numbers_outside_images(tmp_path):
    found = reopened(xr.Dataset({"a": ("time", [1, 2])}, {"time": [50000.0, 50001.0]}), tmp_path / "a.zarr")
    assert found["time"].values.tolist() == [50000.0, 50001.0]


def test_times_of_doubles_agree_with_astropy_to_a_microsecond():
    days = np.random.default_rng(0).uniform(50000, 61000, 200)
    expected = Time(days, format="mjd", scale="utc").to_value("datetime64")
    assert np.abs(as_times(days, {}) - expected).max() < np.timedelta64(1, "us")
