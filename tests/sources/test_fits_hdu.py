import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.core.errors import SourceError
from skydeck.sources import fits_hdu
from skydeck.sources.fits import list_hdus, open_fits

DATA = np.arange(12, dtype="i2").reshape(3, 4)


@pytest.fixture
def multi(tmp_path: Path) -> Path:
    path = tmp_path / "multi.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2, 3])], name="CAT")
    hdus = [fits.PrimaryHDU(), table, fits.ImageHDU(np.arange(5.0), name="LINE")]
    hdus += [fits.ImageHDU(DATA + version, name="SCI", ver=version) for version in (1, 2)]
    fits.HDUList(hdus).writeto(path)
    return path


def raw(path: Path, *cards: str, data: bytes = b"", end: bool = True) -> Path:
    text = "".join(card.ljust(80) for card in (*cards, "END" if end else ""))
    path.write_bytes(text.ljust(-(-len(text) // 2880) * 2880).encode() + data)
    return path


def test_the_list_agrees_with_astropy(multi: Path) -> None:
    found = list_hdus(multi)
    with fits.open(multi) as hdus:
        assert [(info.index, info.name, info.version) for info in found] == [
            (index, hdu.name, hdu.ver) for index, hdu in enumerate(hdus)
        ]
        assert [info.data_at for info in found] == [hdu.fileinfo()["datLoc"] for hdu in hdus]
    assert [info.kind for info in found] == ["empty", "table", "image", "image", "image"]
    assert [info.is_image for info in found] == [False, False, True, True, True]
    assert (found[2].shape, found[2].dtype) == ((5,), "float64")
    assert (found[3].shape, found[3].dtype) == ((3, 4), "int16")
    assert str(found[3]) == "3 (SCI): image 4 × 3"


def test_by_default_the_first_image_of_two_axes_opens(multi: Path) -> None:
    assert open_fits(multi)["sci"].values.tolist() == (DATA + 1).tolist()


@pytest.mark.parametrize(("wanted", "name", "value"), [("2", "line", 0.0), (3, "sci", 1), ("sci", "sci", 1)])
@pytest.mark.parametrize("blanks", ["", "  "])
def test_an_hdu_is_chosen_by_index_or_name(
    multi: Path, wanted: str | int, name: str, value: float, blanks: str
) -> None:
    variable = open_fits(multi, f"{blanks}{wanted}{blanks}")[name]
    assert variable.values.ravel()[0] == value


def test_an_hdu_is_chosen_by_name_and_version(multi: Path) -> None:
    assert open_fits(multi, "SCI, 2")["sci"].values.tolist() == (DATA + 2).tolist()


def test_one_axis_opens_when_there_is_no_better(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.arange(5.0))]).writeto(path)
    assert open_fits(path).image.dims == ("x",)


def test_a_wrong_choice_says_what_there_is(multi: Path) -> None:
    with pytest.raises(SourceError, match=r"no HDU 'XYZ'.*1 \(CAT\): table 4 × 3; 2 \(LINE\): image 5; 3 \(SCI\)"):
        open_fits(multi, "XYZ")
    with pytest.raises(SourceError, match=r"no HDU 'SCI,3'"):
        open_fits(multi, "SCI,3")
    with pytest.raises(SourceError, match="no image"):
        open_fits(multi, "CAT")
    with pytest.raises(SourceError, match="no image"):
        open_fits(multi, 0)


def test_a_table_only_says_that_there_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])], name="CAT").writeto(path)
    with pytest.raises(SourceError, match=r"holds no image.*1 \(CAT\): table"):
        open_fits(path)


def test_random_groups_are_no_image_and_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    groups = fits.GroupsHDU(
        fits.GroupData(np.ones((7, 2, 3), "f4"), parnames=["a"], pardata=[np.arange(7)], bitpix=-32)
    )
    fits.HDUList([groups, fits.ImageHDU(DATA, name="MAP")]).writeto(path)
    assert [info.kind for info in list_hdus(path)] == ["groups", "image"]
    assert open_fits(path)["map"].values.tolist() == DATA.tolist()


def test_an_ascii_table_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    table = fits.TableHDU.from_columns([fits.Column("a", "I6", array=np.arange(900), ascii=True)])
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(DATA)]).writeto(path)
    assert [info.kind for info in list_hdus(path)] == ["empty", "table", "image"]
    assert open_fits(path).image.values.tolist() == DATA.tolist()


def test_walking_ends_after_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(DATA) for _ in range(20))]).writeto(path)
    assert len(list_hdus(path)) == 21
    monkeypatch.setattr(fits_hdu, "MAX_HDUS", 5)
    assert len(list_hdus(path)) == 5
    with pytest.raises(SourceError, match="no HDU '9'"):
        open_fits(path, 9)


def test_walking_ends_at_too_much_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(DATA) for _ in range(20))]).writeto(path)
    monkeypatch.setattr(fits_hdu, "MAX_HEADERS", 3 * 2880)
    assert len(list_hdus(path)) == 4


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    path = raw(tmp_path / "a.fits", "SIMPLE  =                    T", end=False)
    with pytest.raises(SourceError, match="has no END in 2880 bytes"):
        open_fits(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(SourceError, match="has no END in 700 bytes"):
        open_fits(path)


def test_a_header_bomb_is_refused(tmp_path: Path) -> None:
    path = raw(tmp_path / "a.fits", "SIMPLE  =                    T", end=False)
    os.truncate(path, 1 << 33)
    with pytest.raises(SourceError, match="longer than any real one"):
        open_fits(path)


def test_a_long_header_opens_and_its_bulk_is_kept_for_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    hdu = fits.PrimaryHDU(DATA)
    for count in range(3000):
        hdu.header.add_history(f"step {count}")
    hdu.writeto(path)
    dataset = open_fits(path)
    assert dataset.attrs["header"].count("HISTORY") == 3000
    assert "notes" not in dataset.attrs


def test_more_cards_than_can_be_parsed_are_noted(tmp_path: Path) -> None:
    cards = ["SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    1"]
    cards += ["NAXIS1  =                    3", *(f"K{count:<7}= {count}" for count in range(9000))]
    dataset = open_fits(raw(tmp_path / "a.fits", *cards, data=b"\0\1\0\2\0\3"))
    assert dataset.image.values.tolist() == [1, 2, 3]
    assert "the first 5000 were used" in dataset.attrs["notes"]


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        (("BITPIX  = 17", "NAXIS   = 0"), ""),
        (("BITPIX  = 17", "NAXIS   = 1", "NAXIS1  = 3"), "BITPIX of HDU 0 is 17"),
        (("BITPIX  = 16", "NAXIS   = -1"), "NAXIS of HDU 0 is -1"),
        (("BITPIX  = 16", "NAXIS   = 999"), "0 to 32 axes"),
        (("BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 3"), "NAXIS2 of HDU 0 is missing"),
        (("BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = -3"), "claims the size"),
        (("BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = 'many'"), "NAXIS1 of HDU 0 is 'many'"),
        (("BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = 3.5"), "A whole number was expected"),
        (("BITPIX  = 16", "NAXIS   = 1", "NAXIS1  = 99999999999999999999999"), "A whole number"),
        (("BITPIX  = 64", "NAXIS   = 2", "NAXIS1  = 9223372036854775807", "NAXIS2  = 99"), "claims the size"),
        (("BITPIX  = 64", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 9", "NAXIS3  = 9"), "holds no image"),
        ((), "NAXIS of HDU 0 is missing"),
    ],
)
def test_impossible_structure_is_explained(tmp_path: Path, cards: tuple[str, ...], message: str) -> None:
    path = raw(tmp_path / "a.fits", "SIMPLE  =                    T", *cards)
    with pytest.raises(SourceError, match=message or "holds no image"):
        open_fits(path)


def test_a_size_beyond_the_disk_opens_and_is_missing(tmp_path: Path) -> None:
    cards = ("SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 1000000", "NAXIS2  = 1000000000")
    dataset = open_fits(raw(tmp_path / "a.fits", *cards, data=b"\0\7"))
    assert dataset.image.shape == (1_000_000_000, 1_000_000)
    assert dataset.image[0, 0] == 7
    assert np.isnan(dataset.image[-1, :: 1 << 18].values).all()


def test_the_list_ends_before_a_damaged_extension(multi: Path) -> None:
    data = bytearray(multi.read_bytes())
    at = list_hdus(multi)[3].data_at
    place = data.rindex(b"BITPIX  =                   16", 0, at)
    data[place : place + 30] = b"BITPIX  =                   17"
    multi.write_bytes(data)
    assert [info.index for info in list_hdus(multi)] == [0, 1, 2]
    with pytest.raises(SourceError, match="BITPIX of HDU 3 is 17"):
        open_fits(multi)
    assert open_fits(multi, 2)["line"].shape == (5,)


def test_what_follows_the_last_hdu_is_left_alone(multi: Path) -> None:
    with multi.open("ab") as file:
        file.write(b"something else" * 300)
    assert len(list_hdus(multi)) == 5
