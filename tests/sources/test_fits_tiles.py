import os
import pickle
import random
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.core.errors import SkydeckError, SourceChanged, SourceError
from skydeck.sources import fits_tiles
from skydeck.sources.fits import list_hdus, open_fits

RNG = np.random.default_rng(5)
ALGORITHMS = ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS")
COUNTS = RNG.integers(0, 3000, (48, 64)).astype("i2")
CUBE = RNG.integers(0, 3000, (6, 20, 30)).astype("i4")


def write(path: Path, data: np.ndarray, algorithm: str = "RICE_1", **options: object) -> Path:
    cards = options.pop("cards", {})
    hdu = fits.CompImageHDU(data, compression_type=algorithm, **options)
    hdu.header.update(cards)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


@pytest.fixture(autouse=True)
def nothing_left_open() -> object:
    yield
    fits_tiles._close_all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sections_agree_with_what_was_written(tmp_path: Path, algorithm: str) -> None:
    array = open_fits(write(tmp_path / "a.fits.fz", COUNTS, algorithm)).image
    assert array.dtype == np.int16
    assert np.array_equal(array.values, COUNTS)
    assert np.array_equal(array[40:5:-3, 7].values, COUNTS[40:5:-3, 7])
    assert array[47, 63].values == COUNTS[47, 63]


@pytest.mark.parametrize("tile", [(1, 1, 30), (1, 20, 30), (2, 7, 11), (6, 20, 30)])
@pytest.mark.parametrize(
    "key", [(slice(None),) * 3, (slice(0, 6, 5), slice(1, 20, 9), slice(3, 4)), (5, 19, slice(29, 0, -2))]
)
def test_any_tiling_gives_the_same_section(tmp_path: Path, tile: tuple[int, ...], key: tuple[int | slice, ...]) -> None:
    array = open_fits(write(tmp_path / "a.fits.fz", CUBE, tile_shape=tile)).image
    assert np.array_equal(array.variable[key].values, CUBE[key])


def test_a_stride_over_tiles_unpacks_only_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = open_fits(write(tmp_path / "a.fits.fz", CUBE, tile_shape=(1, 1, 30))).image
    asked: list[int] = []
    section = fits_tiles._section
    monkeypatch.setattr(fits_tiles, "_section", lambda *what: asked.append(1) or section(*what))
    assert np.array_equal(array[0, ::10].values, CUBE[0, ::10])
    assert len(asked) == 2


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u2", "u4"])
def test_whole_numbers_keep_their_type(tmp_path: Path, dtype: str) -> None:
    data = RNG.integers(0, 200, (20, 30)).astype(dtype)
    array = open_fits(write(tmp_path / "a.fits.fz", data)).image
    assert array.dtype == np.dtype(dtype)
    assert np.array_equal(array.values, data)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("method", [-1, 1, 2])
def test_quantized_numbers_agree_with_astropy(tmp_path: Path, dtype: str, method: int) -> None:
    data = RNG.normal(size=(40, 50)).astype(dtype)
    data[3, 4:9] = np.nan
    path = write(tmp_path / "a.fits.fz", data, quantize_method=method, dither_seed=7)
    array = open_fits(path).image
    assert array.dtype == np.dtype(dtype)
    assert np.array_equal(array[2:30:3].values, fits.getdata(path, 1)[2:30:3], equal_nan=True)
    assert np.isnan(array.values[3, 4:9]).all()


def test_lossless_floats_and_constant_tiles(tmp_path: Path) -> None:
    data = np.ones((12, 50), "f4")
    data[5] = RNG.normal(size=50)
    path = write(tmp_path / "a.fits.fz", data, "GZIP_1", quantize_level=0)
    assert np.array_equal(open_fits(path).image.values, data)
    other = write(tmp_path / "b.fits.fz", data)
    assert np.array_equal(open_fits(other).image.values, fits.getdata(other, 1))


def test_blank_is_nan_and_scales_apply(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS, cards={"BLANK": int(COUNTS[3, 4])})
    values = open_fits(path).image.values
    assert values.dtype == np.float32
    assert np.array_equal(np.isnan(values), COUNTS[3, 4] == COUNTS)


def test_the_header_is_the_image_s(tmp_path: Path) -> None:
    sky = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 4.0, "CRVAL2": 5.0, "CDELT1": -0.1, "CDELT2": 0.1}
    path = write(tmp_path / "a.fits.fz", COUNTS, cards={**sky, "BUNIT": "ct", "OBSERVER": "me"}, name="SCI")
    dataset = open_fits(path)
    assert dataset.attrs["wcs_dims"] == "x y"
    assert dataset.sci.attrs["units"] == "ct"
    assert "OBSERVER" in dataset.attrs["header"]
    assert "NAXIS1  =                   64" in dataset.attrs["header"]
    assert "TFORM1" not in dataset.attrs["header"]
    info = list_hdus(path)[1]
    assert (info.kind, info.shape, info.dtype, info.is_image) == ("compressed image", (48, 64), "int16", True)


def test_a_pickled_dataset_reads(tmp_path: Path) -> None:
    dataset = pickle.loads(pickle.dumps(open_fits(write(tmp_path / "a.fits.fz", COUNTS))))
    assert np.array_equal(dataset.image.values, COUNTS)


def test_threads_take_turns(tmp_path: Path) -> None:
    variable = open_fits(write(tmp_path / "a.fits.fz", CUBE)).image.variable

    def right(plane: int) -> bool:
        return bool(np.array_equal(variable[plane % 6].values, CUBE[plane % 6]))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(right, range(60)))


def test_few_files_stay_open_and_close_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_tiles, "OPEN_FILES", 2)
    before = len(os.listdir("/dev/fd"))
    datasets = [open_fits(write(tmp_path / f"{count}.fits.fz", COUNTS + count)) for count in range(5)]
    for _ in range(2):
        for count, dataset in enumerate(datasets):
            assert dataset.image.variable[3, 4].values == COUNTS[3, 4] + count
    assert len(os.listdir("/dev/fd")) == before + 2
    for dataset in datasets:
        dataset.close()
    assert len(os.listdir("/dev/fd")) == before


def test_a_changed_file_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS)
    variable = open_fits(path).image.variable
    assert variable[0, 0].values == COUNTS[0, 0]
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceChanged, match="changed while it was open"):
        variable[0, 1].load()


def test_tiles_cut_off_are_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS)
    info = list_hdus(path)[1]
    os.truncate(path, info.data_at + 48 * 8 + 1500)
    dataset = open_fits(path)
    values = dataset.image.values
    gone = np.isnan(values).all(axis=1)
    assert 0 < gone.sum() < 48
    assert np.array_equal(values[~gone], COUNTS[~gone].astype("f4"))
    assert np.array_equal(dataset.image[::-5, 3:60:9].values, values[::-5, 3:60:9], equal_nan=True)
    assert f"{gone.sum()} of 48 tiles" in dataset.attrs["truncated"]


def patched(path: Path, find: bytes, put: bytes) -> Path:
    data = path.read_bytes()
    assert find in data
    path.write_bytes(data.replace(find, put, 1))
    return path


def read_in_another_process(path: Path) -> str:
    """What reading everything ends in; a decoder that runs wild would end the process that does it."""
    script = f"""
from skydeck.core.errors import SkydeckError
from skydeck.sources.fits import open_fits
try:
    open_fits({str(path)!r}).image.load()
    print("read")
except SkydeckError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_tile_that_claims_another_size_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS, "HCOMPRESS_1")
    head = b"\xdd\x99" + struct.pack(">ii", 16, 64)
    assert "is damaged" in read_in_another_process(patched(path, head, b"\xdd\x99" + struct.pack(">ii", 64, 64)))


def test_a_line_list_that_runs_on_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS, "PLIO_1")
    info = list_hdus(path)[1]
    data = bytearray(path.read_bytes())
    at = info.data_at + 48 * 8
    data[at + 4 : at + 10] = struct.pack(">hhh", -100, 32767, 32767)
    path.write_bytes(data)
    assert "is damaged" in read_in_another_process(path)


def test_settings_that_never_end_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS)
    card = b"ZVAL1   =                   32"
    assert "impossible settings" in read_in_another_process(patched(path, card, b"ZVAL1   =                    0"))


def test_a_gzip_bomb_in_a_tile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_tiles, "SUSPECT", 1000)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(bytes(3_000_000)) + packer.flush()
    path = write(tmp_path / "a.fits.fz", RNG.integers(0, 2**15, (48, 64)).astype("i2"), "GZIP_1", tile_shape=(48, 64))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x1f\x8b\x08")
    data[at : at + len(bomb)] = bomb
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"Tile 0 .* is damaged"):
        open_fits(path).image.load()


def test_honest_big_gzip_tiles_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_tiles, "SUSPECT", 1000)
    path = write(tmp_path / "a.fits.fz", COUNTS, "GZIP_2", tile_shape=(48, 64))
    assert np.array_equal(open_fits(path).image.values, COUNTS)


@pytest.mark.parametrize(
    ("find", "put", "message"),
    [
        (b"ZTILE1  =                   64", b"ZTILE1  =                    0", "claims tiles"),
        (b"ZTILE1  =                   64", b"ZTILE1  =                   32", "96 are needed"),
        (b"ZBITPIX =                   16", b"ZBITPIX =                   15", "ZBITPIX of HDU 1 is 15"),
        (b"TTYPE1  = 'COMPRESSED_DATA'", b"TTYPE1  = 'COMPRESSED_NONE'", "holds no tiles"),
        (b"TFORM1  = '1PB(", b"TFORM1  = '1?B(", "no usable TFORM"),
        (b"NAXIS2  =                   48", b"NAXIS2  =                   49", "has 49 tiles"),
        (b"ZCMPTYPE= 'RICE_1  '", b"ZCMPTYPE= 'NICE_1  '", "can't be"),
    ],
)
def test_impossible_tables_are_explained(tmp_path: Path, find: bytes, put: bytes, message: str) -> None:
    path = patched(write(tmp_path / "a.fits.fz", COUNTS), find, put)
    with pytest.raises(SourceError, match=message):
        open_fits(path).image.load()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_damage_is_never_worse_than_an_error_of_ours(tmp_path: Path, algorithm: str) -> None:
    path = write(tmp_path / "a.fits.fz", COUNTS[:32, :32], algorithm)
    original = path.read_bytes()
    start = list_hdus(path)[1].data_at
    for seed in range(60):
        rng = random.Random(seed)
        data = bytearray(original)
        for _ in range(4):
            at = (
                rng.randrange(2880, len(data))
                if rng.random() < 0.3
                else rng.randrange(start, min(start + 3000, len(data)))
            )
            data[at] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            open_fits(path).image.load()
        except SkydeckError as error:
            assert str(error)
        except AttributeError:
            assert "image" not in open_fits(path)  # its name was hit
