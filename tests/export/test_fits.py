"""Cut-outs as FITS, read back by astropy."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

from skydeck.core.errors import RequestError, TooBig
from skydeck.export.cutout import cutout
from skydeck.export.fits import fits_bytes

MakeHeader = Callable[..., str]
CUBE = ("CTYPE3  = 'FREQ    '", "CRPIX3  = 3.0", "CRVAL3  = 1.42E9", "CDELT3  = 1.0E5", "CUNIT3  = 'Hz'", "NAXIS3  = 8")


def opened(data: bytes) -> fits.HDUList:
    assert len(data) % 2880 == 0
    hdus = fits.open(io.BytesIO(data))
    hdus.verify("exception")
    return hdus


def linear_cube(header: str, dims: tuple[str, str, str] = ("frequency", "y", "x")) -> xr.Dataset:
    sizes = {"frequency": 8, "y": 90, "x": 100}
    data = np.random.default_rng(1).standard_normal([sizes[dim] for dim in dims]).astype(np.float32)
    data[0, 0, 0] = np.nan
    frequency = 1.42e9 + (np.arange(8) - 2) * 1e5
    return xr.Dataset(
        {"data": (dims, data, {"units": "Jy/beam"})},
        coords={"frequency": ("frequency", frequency, {"units": "Hz"})},
        attrs={"fits_wcs_header": header, "wcs_dims": "x y", "header": header},
    )


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"rotation": 30.0},
        {"projection": "AIT", "centre": (10.0, 20.0), "cell": (-1.0, 1.0)},
        {"projection": "TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_0_2": -1e-4},
        {"projection": "TPV", "PV1_1": 1.0, "PV2_1": 1.0, "PV1_5": 0.01},
        {"words": ("GLON-", "GLAT-")},
        {"centre": (30.0, 50.0), "cell": (0.01, -0.01), "words": ("DEC--", "RA---"), "EQUINOX": 1950.0},
    ],
)
@pytest.mark.parametrize("dims", [("frequency", "y", "x"), ("x", "frequency", "y"), ("y", "x", "frequency")])
def test_a_pixel_has_the_same_place_in_the_sky_and_the_spectrum(
    make_header: MakeHeader, case: dict[str, Any], dims: tuple[str, str, str]
) -> None:
    text = "\n".join([make_header(**case), *CUBE]).replace(
        "NAXIS   =                    2", "NAXIS   =                    3"
    )
    ds = linear_cube(text, dims)
    cut = cutout(ds, "data", {"x": slice(20, 60), "y": slice(11, 80), "frequency": slice(3, 7)})
    with opened(fits_bytes(cut, "data")) as hdus:
        axes = 2 if "A_ORDER" in case else 3  # astropy reads SIP in two dimensions only
        truth, found = (WCS(header, naxis=axes) for header in (fits.Header.fromstring(text, sep="\n"), hdus[0].header))
        pixels = np.random.default_rng(2).integers(0, (40, 69, 4), (50, 3)).astype(float)[:, :axes]
        expected = truth.all_pix2world(pixels + np.array([20.0, 11.0, 3.0])[:axes], 0)
        np.testing.assert_allclose(found.all_pix2world(pixels, 0), expected, rtol=1e-11, atol=1e-10)
        np.testing.assert_array_equal(hdus[0].data, ds.data.transpose("frequency", "y", "x")[3:7, 11:80, 20:60])
        assert hdus[0].header["BUNIT"] == "Jy/beam"
        assert (hdus[0].header["CTYPE3"], hdus[0].header["CUNIT3"]) == ("FREQ", "Hz")


def test_l1448_comes_back(l1448_header: str) -> None:
    velocity = -9959.44378305 + (np.arange(53) + 1 + 187.0) * 66.42361
    ds = xr.Dataset(
        {"data": (("velocity", "y", "x"), np.zeros((53, 105, 105), np.float32))},
        coords={"velocity": ("velocity", velocity, {"units": "m/s"})},
        attrs={"fits_wcs_header": l1448_header, "wcs_dims": "x y", "header": l1448_header},
    )
    cut = cutout(ds, "data", {"x": slice(40, 60), "y": slice(30, 90), "velocity": slice(20, 30)})
    with opened(fits_bytes(cut, "data")) as hdus:
        truth, found = WCS(fits.Header.fromstring(l1448_header, sep="\n")), WCS(hdus[0].header)
        assert (found.wcs.ctype[2], hdus[0].header["SPECSYS"]) == ("VOPT", "LSRK")
        np.testing.assert_allclose(
            found.wcs_pix2world([[1, 2, 3]], 0), truth.wcs_pix2world([[41, 32, 23]], 0), rtol=1e-12
        )


def test_a_single_channel_keeps_its_width(make_header: MakeHeader) -> None:
    cut = cutout(linear_cube(make_header()), "data", {"frequency": slice(5, 6)})
    with opened(fits_bytes(cut, "data")) as hdus:
        assert (hdus[0].header["CRVAL3"], hdus[0].header["CDELT3"]) == (1.4203e9, pytest.approx(1e5))


def test_stokes_and_time_are_axes_with_their_codes() -> None:
    time = np.datetime64("2024-07-25T04:34:06", "ns") + np.arange(5) * np.timedelta64(2, "s")
    ds = xr.Dataset(
        {"data": (("time", "stokes", "l"), np.zeros((5, 4, 3)))},
        coords={"time": time, "stokes": ["XX", "YY", "XY", "YX"], "l": ("l", [-0.5, 0.0, 0.5], {"units": "parsnips"})},
    )
    with opened(fits_bytes(ds, "data")) as hdus:
        header = hdus[0].header
        assert [header[f"CTYPE{axis}"] for axis in (1, 2, 3)] == ["L", "STOKES", "TIME"]
        assert (header["CRVAL2"], header["CDELT2"]) == (-5, -1)
        assert (header["CDELT3"], header["TIMESYS"], header["MJDREF"]) == (2.0, "UTC", 40587.0)
        assert header["CRVAL3"] == pytest.approx(1721882046)
        assert "CUNIT1" not in header
        assert len(hdus) == 1
        assert WCS(header).wcs_pix2world([[2, 0, 0]], 0)[0, 0] == pytest.approx(0.5)


def test_uneven_and_text_coordinates_go_to_tables() -> None:
    time = np.array(["2024-07-25T00:00", "2024-07-25T00:01", "2024-07-25T01:00"], dtype="datetime64[ns]")
    ds = xr.Dataset(
        {"data": (("time", "frequency", "stokes", "name"), np.zeros((3, 3, 2, 2)))},
        coords={
            "time": time,
            "frequency": ("frequency", [1.0, 2.0, 4.0], {"units": "Hz"}),
            "stokes": ["I", "weird"],
            "name": ["α", "b"],
        },
    )
    with opened(fits_bytes(ds, "data")) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["AXIS_NAME", "AXIS_STOKES", "AXIS_FREQUENCY", "AXIS_TIME"]
        assert hdus["AXIS_FREQUENCY"].data["frequency"].tolist() == [1.0, 2.0, 4.0]
        assert hdus["AXIS_FREQUENCY"].columns[0].unit == "Hz"
        assert hdus["AXIS_STOKES"].data["stokes"].tolist() == ["I", "weird"]
        assert hdus["AXIS_NAME"].data["name"].tolist() == ["?", "b"]
        assert hdus["AXIS_TIME"].data["time"][2] == "2024-07-25T01:00:00.000000000"
        assert "AXIS_FREQUENCY" in hdus[0].header.comments["CDELT3"]
        assert WCS(hdus[0].header).naxis == 4


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("f2", ">f4"),
        ("f4", ">f4"),
        ("f8", ">f8"),
        (">f4", ">f4"),
        ("i2", ">i2"),
        ("u2", "u2"),
        ("i8", ">i8"),
        ("u1", "u1"),
        ("i1", "i1"),
        ("?", "u1"),
    ],
)
def test_every_kind_of_number(dtype: str, expected: str) -> None:
    values = (np.arange(6) % 2 if dtype == "?" else np.arange(6)).reshape(2, 3).astype(dtype)
    with opened(fits_bytes(xr.Dataset({"data": (("y", "x"), values)}), "data")) as hdus:
        np.testing.assert_array_equal(hdus[0].data, values)
        assert hdus[0].data.dtype.itemsize == np.dtype(expected).itemsize


def test_complex_data_are_two_images(make_header: MakeHeader) -> None:
    ds = linear_cube(make_header())
    ds["data"] = ds.data + 1j * np.float32(2.0) * ds.data
    with opened(fits_bytes(ds, "data")) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGINARY"]
        np.testing.assert_array_equal(hdus[0].data, ds.data.values.real)
        np.testing.assert_array_equal(hdus[1].data, ds.data.values.imag)
        assert WCS(hdus[1].header).celestial.wcs.ctype[0] == "RA---TAN"


def test_time_as_data_is_refused_and_so_is_text() -> None:
    for values in (np.array(["a", "b"]), np.array([None, 1], dtype=object), np.array([0, 1], dtype="datetime64[ns]")):
        with pytest.raises(RequestError, match="FITS images can't hold"):
            fits_bytes(xr.Dataset({"data": (("x",), values)}), "data")
    with pytest.raises(RequestError, match="no variable 'x'"):
        fits_bytes(xr.Dataset({"data": (("x",), [1])}), "x")
    with pytest.raises(TooBig):
        fits_bytes(xr.Dataset({"data": (("x",), np.zeros(100))}), "data", limit=10)


def test_a_broken_sky_or_one_cut_away_is_left_out(make_header: MakeHeader) -> None:
    ds = linear_cube(make_header())
    with opened(fits_bytes(ds.isel(x=3), "data")) as hdus:
        assert [hdus[0].header[f"CTYPE{axis}"] for axis in (1, 2)] == ["Y", "FREQ"]
    ds.attrs["fits_wcs_header"] = "nonsense"
    with opened(fits_bytes(ds, "data")) as hdus:
        assert [hdus[0].header[f"CTYPE{axis}"] for axis in (1, 2, 3)] == ["X", "Y", "FREQ"]


def test_odd_texts_do_not_break_the_header() -> None:
    ds = xr.Dataset(
        {"data": (("x",), np.zeros(2), {"units": "µ" * 200})},
        attrs={"header": "OBJECT  = 'é'\nTELESCOP= '" + "t" * 60 + "'"},
    )
    with opened(fits_bytes(ds, "data")) as hdus:
        assert hdus[0].header["BUNIT"] == "?" * 60
        assert hdus[0].header["OBJECT"] == "?"
