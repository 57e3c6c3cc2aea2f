import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

from skydeck.sources.fits import open_fits


def spectrum(path: Path, ctype: str, unit: str, value: float, step: float, **cards: object) -> xr.Dataset:
    hdu = fits.PrimaryHDU(np.zeros((8, 2, 3), "u1"))
    hdu.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -0.1, "CDELT2": 0.1, "CRVAL2": 20.0})
    hdu.header.update({"CTYPE3": ctype, "CUNIT3": unit, "CRVAL3": value, "CDELT3": step, "CRPIX3": 3.0})
    hdu.header.update(cards)
    hdu.writeto(path / "a.fits")
    return open_fits(path / "a.fits")


@pytest.mark.parametrize(
    ("ctype", "unit", "value", "step", "name", "units", "cards"),
    [
        ("FREQ", "Hz", 1.42e9, 1e5, "frequency", "Hz", {}),
        ("FREQ", "MHz", 1420.0, 0.1, "frequency", "Hz", {}),
        ("FREQ-LSR", "Hz", 1.42e9, -1e5, "frequency", "Hz", {}),
        ("VRAD", "km/s", -10.0, 1.5, "velocity", "m/s", {}),
        ("VELO-LSR", "m/s", -10.0, 1.5, "velocity", "m/s", {"VELREF": 257}),
        ("VELO", "m/s", -10.0, 1.5, "velocity", "m/s", {}),
        ("VOPT", "m/s", 1e6, 1e3, "velocity", "m/s", {}),
        ("VOPT-F2W", "m/s", 1e6, 1e5, "velocity", "m/s", {"RESTFRQ": 1.42e9}),
        ("FELO-HEL", "m/s", 1e6, 1e5, "velocity", "m/s", {"RESTFREQ": 1.42e9, "VELREF": 2}),
        ("WAVE", "nm", 500.0, 10.0, "wavelength", "m", {}),
        ("WAVE-LOG", "nm", 500.0, 10.0, "wavelength", "m", {}),
        ("AWAV", "Angstrom", 5000.0, 10.0, "wavelength", "m", {}),
        ("WAVE-F2W", "m", 0.2, 0.01, "wavelength", "m", {}),
        ("FREQ-W2F", "Hz", 1e9, 1e8, "frequency", "Hz", {}),
        ("ENER", "keV", 2.0, 0.1, "energy", "J", {}),
        ("WAVN", "1/m", 2.0, 0.1, "wavenumber", "1/m", {}),
        ("ZOPT", "", 2.0, 0.1, "redshift", "", {}),
        ("BETA", "", 0.2, 0.01, "beta", "", {}),
    ],
)
def test_spectral_axes_agree_with_wcslib(
    tmp_path: Path, ctype: str, unit: str, value: float, step: float, name: str, units: str, cards: dict[str, object]
) -> None:
    coordinate = spectrum(tmp_path, ctype, unit, value, step, **cards)[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world = WCS(fits.getheader(tmp_path / "a.fits")).spectral
    assert np.allclose(coordinate, world.wcs_pix2world(np.arange(8), 0)[0], rtol=1e-12)
    assert coordinate.attrs["units"] == units
    assert coordinate.dtype == np.float64


@pytest.mark.parametrize(
    ("ctype", "unit", "name", "factor"),
    [
        ("VELOCITY", "km/s", "velocity", 1e3),
        ("FREQUENC", "GHz", "frequency", 1e9),
        ("LAMBDA", "um", "wavelength", 1e-6),
    ],
)
def test_names_outside_the_standard_are_linear_in_si_units(
    tmp_path: Path, ctype: str, unit: str, name: str, factor: float
) -> None:
    coordinate = spectrum(tmp_path, ctype, unit, 4.0, 0.5)[name]
    assert np.allclose(coordinate, (4.0 + 0.5 * (np.arange(8) - 2)) * factor, rtol=1e-12)


def test_a_unit_that_does_not_fit_is_kept(tmp_path: Path) -> None:
    coordinate = spectrum(tmp_path, "VELOCITY", "Jy", 4.0, 0.5).velocity
    assert coordinate.values[2] == 4.0
    assert coordinate.attrs["units"] == "Jy"


def test_rest_frequency_and_frame_go_along(tmp_path: Path) -> None:
    attributes = spectrum(tmp_path, "VRAD", "m/s", 0.0, 10.0, RESTFRQ=1.42e9, SPECSYS="LSRK").velocity.attrs
    assert attributes["rest_frequency"] == 1.42e9
    assert attributes["frame"] == "LSRK"
    assert attributes["long_name"] == "radio velocity"


def test_a_spectral_axis_turned_against_another_is_told_through_the_whole_wcs(tmp_path: Path) -> None:
    coordinate = spectrum(tmp_path, "FREQ", "Hz", 1e9, 1e6, PC3_1=0.5).frequency
    assert np.allclose(coordinate, 1e9 + 1e6 * (np.arange(8) - 2))


def test_frequencies_are_there_without_a_usable_sky(tmp_path: Path) -> None:
    dataset = spectrum(tmp_path, "FREQ", "MHz", 1420.0, 1.0, CTYPE1="RA---QQQ", CTYPE2="DEC--QQQ")
    assert dataset.image.dims == ("frequency", "y", "x")
    assert "fits_wcs_header" not in dataset.attrs
    assert dataset.attrs["wcs_problem"]
    assert np.allclose(dataset.frequency, 1.42e9 + 1e6 * (np.arange(8) - 2))


@pytest.mark.parametrize("ctype", ["WAVE-TAB", "WAVE-GRI", "FREQ-XYZ"])
def test_the_sky_is_there_without_a_usable_spectrum(tmp_path: Path, ctype: str) -> None:
    dataset = spectrum(tmp_path, ctype, "", 1.0, 1.0, PS3_0="TAB", PS3_1="W")
    assert dataset.image.dims[0] in {"wavelength", "frequency"}
    assert dataset.attrs["wcs_dims"] == "x y"
    WCS(fits.Header.fromstring(dataset.attrs["fits_wcs_header"], sep="\n")).celestial.pixel_to_world(0, 0)
    assert dataset.attrs["notes"]
