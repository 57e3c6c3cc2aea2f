from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

from skydeck.sources.fits import open_fits

SKY = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 40.0, "CRVAL2": 30.0, "CDELT1": -0.01, "CDELT2": 0.01}


def image(path: Path, shape: tuple[int, ...] = (5, 6), **cards: object) -> xr.Dataset:
    hdu = fits.PrimaryHDU(np.zeros(shape, "u1"))
    hdu.header.update(SKY)
    hdu.header.update(cards)
    hdu.writeto(path / "a.fits")
    return open_fits(path / "a.fits")


def world(dataset: xr.Dataset) -> WCS:
    return WCS(fits.Header.fromstring(dataset.attrs["fits_wcs_header"], sep="\n")).celestial


@pytest.mark.parametrize("equinox", [0.0, -1.0, "NaN", 1e9, 1799.0, "?"])
def test_an_absurd_equinox_is_not_given(tmp_path: Path, equinox: object) -> None:
    dataset = image(tmp_path, EQUINOX=equinox)
    position = world(dataset).pixel_to_world(0, 0)
    assert position.frame.name == "icrs"
    assert "EQUINOX" in dataset.attrs["notes"]


def test_an_absurd_equinox_does_not_change_a_frame_that_is_given(tmp_path: Path) -> None:
    assert world(image(tmp_path, EQUINOX=0.0, RADESYS="FK5")).pixel_to_world(0, 0).frame.name == "fk5"


@pytest.mark.parametrize("equinox", [1950.0, 2000.0, "J2000"])
def test_a_sensible_equinox_is_kept(tmp_path: Path, equinox: object) -> None:
    dataset = image(tmp_path, EQUINOX=equinox)
    assert world(dataset).pixel_to_world(0, 0).frame.name == ("fk4" if equinox == 1950.0 else "fk5")
    assert "notes" not in dataset.attrs


@pytest.mark.parametrize(
    "cards",
    [
        {"CRVAL1": "NaN"},
        {"CDELT1": 0.0},
        {"PC1_1": 0.0, "PC1_2": 0.0},
        {"PC1_1": 1.0, "PC1_2": 1.0, "PC2_1": 1.0, "PC2_2": 1.0},
        {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"},
        {"CTYPE2": "GLAT-TAN"},
        {"CRPIX1": 1e30, "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"},
    ],
)
def test_an_unusable_sky_is_told_and_opens_all_the_same(tmp_path: Path, cards: dict[str, object]) -> None:
    dataset = image(tmp_path, **cards)
    assert dataset.attrs["wcs_problem"]
    assert "fits_wcs_header" not in dataset.attrs
    assert dataset.image.load().shape == (5, 6)


def test_one_sky_axis_alone_is_no_sky(tmp_path: Path) -> None:
    dataset = image(tmp_path, CTYPE2="")
    assert "fits_wcs_header" not in dataset.attrs
    assert dataset.image.load().shape == (5, 6)


@pytest.mark.parametrize("cards", [{"CDELT3": 0.0}, {"CRVAL3": "NaN"}, {"CDELT3": "NaN"}, {"CTYPE3": "WAVE-TAB"}])
def test_a_bad_third_axis_does_not_spoil_the_sky(tmp_path: Path, cards: dict[str, object]) -> None:
    dataset = image(tmp_path, (3, 5, 6), **({"CTYPE3": "FREQ", "CRVAL3": 1e9, "CDELT3": 1e6} | cards))
    assert dataset.attrs["wcs_dims"] == "x y"
    position = world(dataset).pixel_to_world(-1, -1)
    assert (position.ra.deg, position.dec.deg) == pytest.approx((40, 30))


def test_a_matrix_with_an_empty_row_does_not_spoil_the_sky(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.zeros((1, 5, 6), "u1"))
    hdu.header.update({key: value for key, value in SKY.items() if "CDELT" not in key})
    hdu.header.update({"CD1_1": -0.01, "CD2_2": 0.01, "CD3_3": 0.0, "CTYPE3": "FREQ", "CRVAL3": 1e9, "CRPIX3": 1.0})
    hdu.writeto(tmp_path / "a.fits")
    dataset = open_fits(tmp_path / "a.fits")
    assert world(dataset).pixel_to_world(-1, -1).ra.deg == pytest.approx(40)
    assert dataset.frequency.values.tolist() == [1e9]


def test_sky_axes_beyond_the_image_are_a_problem(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.zeros(6, "u1"))
    hdu.header.update({"WCSAXES": 3, "CTYPE1": "WAVE", "CRVAL1": 5e-7, "CDELT1": 1e-9, "CRPIX1": 1.0})
    hdu.header.update({"CTYPE2": "RA---TAN", "CTYPE3": "DEC--TAN", "CDELT2": -0.01, "CDELT3": 0.01})
    hdu.writeto(tmp_path / "a.fits")
    dataset = open_fits(tmp_path / "a.fits")
    assert "the image has 1" in dataset.attrs["wcs_problem"]
    assert np.allclose(dataset.wavelength, 5e-7 + 1e-9 * np.arange(6))


def test_distortion_tables_in_other_hdus_are_left_out(tmp_path: Path) -> None:
    dataset = image(tmp_path, CPDIS1="LOOKUP", DP1="EXTVER: 1")
    assert "Distortion tables" in dataset.attrs["notes"]
    assert world(dataset).pixel_to_world(-1, -1).ra.deg == pytest.approx(40)


def test_sip_distortion_is_kept(tmp_path: Path) -> None:
    sip = {
        "CRPIX1": 1.0,
        "CRPIX2": 1.0,
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-3,
        "B_0_2": 1e-3,
    }
    dataset = image(tmp_path, **sip)
    ours, theirs = world(dataset), WCS(fits.getheader(tmp_path / "a.fits"))
    assert ours.pixel_to_world(50, 60).separation(theirs.pixel_to_world(50, 60)).arcsec < 1e-9
    assert ours.sip is not None


def test_warnings_become_notes(tmp_path: Path) -> None:
    dataset = image(tmp_path, **{"DATE-OBS": "31/12/99"})
    assert "51543" in dataset.attrs["notes"]
    assert dataset.attrs["wcs_dims"] == "x y"


@pytest.mark.parametrize("order", [10, 2147483647, -1, 1.5, "x"])
def test_impossible_sip_orders_are_left_out(tmp_path: Path, order: object) -> None:
    dataset = image(tmp_path, CRPIX1=1.0, CRPIX2=1.0, A_ORDER=order, B_ORDER=2, A_2_0=1e-3)
    assert "SIP" in dataset.attrs["notes"]
    assert world(dataset).sip is None


def test_sip_is_named_in_the_axis_type(tmp_path: Path) -> None:
    dataset = image(tmp_path, CRPIX1=1.0, CRPIX2=1.0, A_ORDER=2, B_ORDER=2, A_2_0=1e-3)
    assert "RA---TAN-SIP" in dataset.attrs["fits_wcs_header"]
    assert world(dataset).sip is not None


@pytest.mark.parametrize("axes", [2147483647, 0, -3, "x"])
def test_impossible_numbers_of_axes_are_left_out(tmp_path: Path, axes: object) -> None:
    dataset = image(tmp_path, WCSAXES=axes, WCSAXESB=axes)
    assert "WCSAXES" in dataset.attrs["notes"]
    assert dataset.attrs["wcs_dims"] == "x y"
