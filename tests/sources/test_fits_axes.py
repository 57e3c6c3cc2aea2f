from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

from skydeck.sources import fits_axes
from skydeck.sources.fits import open_fits


def cube(path: Path, *ctypes: str, sizes: tuple[int, ...] = (), **cards: object) -> xr.Dataset:
    """An image whose FITS axes have these types; each with CRVAL 10, CDELT 2, CRPIX 1 unless ``cards`` say else."""
    shape = sizes or tuple(range(2, 2 + len(ctypes)))
    hdu = fits.PrimaryHDU(np.zeros(shape[::-1], "u1"))
    for axis, ctype in enumerate(ctypes, start=1):
        hdu.header.update({f"CTYPE{axis}": ctype, f"CRVAL{axis}": 10.0, f"CDELT{axis}": 2.0, f"CRPIX{axis}": 1.0})
    hdu.header.update(cards)
    hdu.writeto(path / "a.fits")
    return open_fits(path / "a.fits")


def names(dataset: xr.Dataset) -> tuple[object, ...]:
    """Dimensions in the order of the FITS axes."""
    return dataset.image.dims[::-1]


def test_axes_without_types_are_x_y_and_numbered(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "", "", "", "", CRVAL1="junk")
    assert names(dataset) == ("x", "y", "axis3", "axis4")
    assert not dataset.coords


@pytest.mark.parametrize(
    ("ctypes", "expected"),
    [
        (("GLON-CAR", "GLAT-CAR"), ("x", "y")),
        (("DEC--SIN", "RA---SIN"), ("x", "y")),
        (("VRAD", "GLON-CAR", "GLAT-CAR"), ("velocity", "x", "y")),
        (("HPLN-TAN", "HPLT-TAN", "UTC"), ("x", "y", "time")),
        (("FREQ", ""), ("frequency", "y")),
        (("", "", "FREQ-LSR", "STOKES"), ("x", "y", "frequency", "stokes")),
        (("BEAM", "Row Number", "9X", "X"), ("beam", "row_number", "axis3", "axis4")),
        (("BEAM", "BEAM", "BEAM"), ("beam", "beam_2", "beam_3")),
        (("VELO-LSR", "FELO-HEL", "WAVE"), ("velocity", "velocity_2", "wavelength")),
        (("LINEAR", "PIXEL"), ("x", "y")),
    ],
)
def test_names(tmp_path: Path, ctypes: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert names(cube(tmp_path, *ctypes)) == expected


def test_a_second_pair_of_sky_axes_is_not_the_sky(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "RA---TAN", "DEC--TAN", "GLON-CAR", "GLAT-CAR")
    assert names(dataset) == ("x", "y", "glon_car", "glat_car")


def test_stokes_codes_become_labels(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "STOKES", "", sizes=(12, 2), CRVAL1=4.0, CDELT1=-1.0)
    assert dataset.stokes.values.tolist() == ["V", "U", "Q", "I", "0", "RR", "LL", "RL", "LR", "XX", "YY", "XY"]
    assert dataset.stokes.dtype.kind == "U"


def test_odd_stokes_codes_keep_their_numbers(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "STOKES", sizes=(3,), CRVAL1=1.0, CDELT1=0.5)
    assert dataset.stokes.values.tolist() == ["I", "1.5", "Q"]


def test_a_single_cell_needs_no_increment(tmp_path: Path) -> None:
    dataset = cube(
        tmp_path, "RA---TAN", "DEC--TAN", "STOKES", "FREQ", sizes=(4, 5, 1, 1), CDELT3=0.0, CDELT4=0.0, CRVAL3=-5.0
    )
    assert dataset.stokes.values.tolist() == ["XX"]
    assert dataset.frequency.values.tolist() == [10.0]
    assert dataset.attrs["wcs_dims"] == "x y"


def test_other_axes_are_linear_with_their_unit(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "BASELINE", CUNIT1="m", CRPIX1=2.0)
    assert dataset.baseline.values.tolist() == [8.0, 10.0]
    assert dataset.baseline.attrs["units"] == "m"


def test_a_matrix_gives_the_increment(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.zeros((3, 4), "u1"))
    hdu.header.update({"CTYPE1": "BEAM", "CTYPE2": "FREQ", "CD1_1": 5.0, "CD2_2": 7.0, "CRVAL2": 100.0, "CRPIX2": 1.0})
    hdu.header.update({"CRPIX1": 1.0, "CRVAL1": 0.0})
    hdu.writeto(tmp_path / "a.fits")
    dataset = open_fits(tmp_path / "a.fits")
    assert dataset.beam.values.tolist() == [0, 5, 10, 15]
    assert dataset.frequency.values.tolist() == [100, 107, 114]


@pytest.mark.parametrize("cards", [{"CDELT1": 0.0}, {"CRVAL1": "NaN"}, {"CDELT1": "NaN"}, {"CRPIX1": "NaN"}])
def test_an_axis_without_usable_numbers_has_no_coordinate(tmp_path: Path, cards: dict[str, object]) -> None:
    dataset = cube(tmp_path, "BEAM", "FREQ", **cards)
    assert names(dataset) == ("beam", "frequency")
    assert "beam" not in dataset.coords
    assert dataset.frequency.values.tolist() == [10, 12, 14]
    assert "beam" in dataset.attrs["notes"]


def test_an_endless_axis_has_no_coordinate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_axes, "MAX_COORDINATE", 5)
    dataset = cube(tmp_path, "FREQ", sizes=(6,))
    assert not dataset.coords
    assert "too many" in dataset.attrs["notes"]


def test_degenerate_axes_are_kept(tmp_path: Path) -> None:
    dataset = cube(tmp_path, "RA---SIN", "DEC--SIN", "FREQ", "STOKES", sizes=(4, 5, 1, 1))
    assert dict(dataset.image.sizes) == {"stokes": 1, "frequency": 1, "y": 5, "x": 4}


def test_numbers_beyond_all_bounds_give_no_coordinate(tmp_path: Path) -> None:
    dataset = cube(
        tmp_path, "BEAM", "TIME", "FREQ", CDELT1=1e308, CRPIX1=-1e308, CDELT2=1e308, CRVAL2=1e308, MJDREF=5e4
    )
    assert "beam" not in dataset.coords
    assert dataset.frequency.size == 4
