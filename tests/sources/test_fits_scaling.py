import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.sources.fits import open_fits


def write(path: Path, data: np.ndarray, **cards: object) -> Path:
    """A file whose stored numbers are ``data`` and whose header says what ``cards`` say."""
    hdu = fits.PrimaryHDU(data)
    hdu.writeto(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's, of the impossible cards that are wanted here
        with fits.open(path, mode="update", do_not_scale_image_data=True, ignore_blank=True) as hdus:
            hdus[0].header.update(cards)
    return path


def oracle(path: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array(fits.getdata(path, memmap=False))


STORED = {
    "u1": np.array([[0, 1, 127], [128, 254, 255]], "u1"),
    "i2": np.array([[0, -1, 127], [-32768, 254, 32767]], "i2"),
    "i4": np.array([[0, -1, 127], [-(2**31), 254, 2**31 - 1]], "i4"),
    "i8": np.array([[0, -1, 127], [-(2**63), 254, 2**63 - 1]], "i8"),
    "f4": np.array([[0, -1.5, np.nan], [np.inf, 254, 3e38]], "f4"),
    "f8": np.array([[0, -1.5, np.nan], [np.inf, 254, 1e300]], "f8"),
}


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize(("scale", "zero"), [(0.5, 0.0), (2.0, 100.0), (1.0, 7.0), (-1e-3, 1e3)])
def test_scaled_values_agree_with_astropy(tmp_path: Path, kind: str, scale: float, zero: float) -> None:
    path = write(tmp_path / "a.fits", STORED[kind], BSCALE=scale, BZERO=zero)
    values, expected = open_fits(path).image.values, oracle(path)
    assert values.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_allclose(values, expected, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "zero", "dtype"),
    [("u1", -128, "i1"), ("i2", 2**15, "u2"), ("i4", 2**31, "u4"), ("i8", 2**63, "u8")],
)
def test_whole_numbers_of_the_other_sign_stay_whole(tmp_path: Path, kind: str, zero: int, dtype: str) -> None:
    path = write(tmp_path / "a.fits", STORED[kind], BZERO=zero)
    values = open_fits(path).image.values
    assert values.dtype == dtype
    assert values.tolist() == [[int(number) + zero for number in row] for row in STORED[kind]]


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8"])
@pytest.mark.parametrize("cards", [{}, {"BSCALE": 0.25, "BZERO": 3.0}, {"BZERO": 32768.0}])
def test_blank_is_nan(tmp_path: Path, kind: str, cards: dict[str, float]) -> None:
    path = write(tmp_path / "a.fits", STORED[kind], BLANK=127, **cards)
    values = open_fits(path).image.values
    assert values.dtype == ("f4" if kind in {"u1", "i2"} else "f8")
    expected = STORED[kind].astype("f8") * cards.get("BSCALE", 1) + cards.get("BZERO", 0)
    expected[STORED[kind] == 127] = np.nan
    np.testing.assert_allclose(values, expected, rtol=1e-7, equal_nan=True)
    if not cards:
        np.testing.assert_array_equal(values, oracle(path))


@pytest.mark.parametrize("blank", [300, -1, 3.5, "no"])
def test_an_impossible_blank_is_noted_and_ignored(tmp_path: Path, blank: object) -> None:
    dataset = open_fits(write(tmp_path / "a.fits", STORED["u1"], BLANK=blank))
    assert dataset.image.dtype == "u1"
    assert "BLANK" in dataset.attrs["notes"]


def test_blank_means_nothing_among_floats(tmp_path: Path) -> None:
    dataset = open_fits(write(tmp_path / "a.fits", STORED["f4"], BLANK=254))
    assert dataset.image.values[1, 1] == 254


@pytest.mark.parametrize("cards", [{"BSCALE": 0.0}, {"BSCALE": "x"}, {"BZERO": "NaN"}])
def test_impossible_scales_show_the_stored_numbers(tmp_path: Path, cards: dict[str, object]) -> None:
    dataset = open_fits(write(tmp_path / "a.fits", STORED["i2"], **cards))
    assert dataset.image.values.tolist() == STORED["i2"].tolist()


def test_a_scale_beyond_the_type_is_infinite_and_silent(tmp_path: Path) -> None:
    dataset = open_fits(write(tmp_path / "a.fits", STORED["i2"], BSCALE=1e300))
    assert np.isinf(dataset.image.values[0, 2])
