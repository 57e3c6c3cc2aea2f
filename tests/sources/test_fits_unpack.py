import bz2
import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.core.errors import SourceError, TooBig
from skydeck.sources import fits_unpack
from skydeck.sources.fits import is_fits, list_hdus, open_fits
from skydeck.sources.fits_unpack import default_cache, unpacked
from skydeck.sources.pread import pinned

DATA = np.random.default_rng(2).normal(size=(200, 300)).astype("f4")


def packed(path: Path, data: np.ndarray = DATA) -> Path:
    plain = path.with_suffix("")
    fits.PrimaryHDU(data).writeto(plain, overwrite=True)
    packer = gzip.compress if path.suffix == ".gz" else bz2.compress
    path.write_bytes(packer(plain.read_bytes()))
    plain.unlink()
    return path


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_packed_files_open_by_section(tmp_path: Path, suffix: str) -> None:
    path = packed(tmp_path / f"a.fits{suffix}")
    heard: list[float] = []
    dataset = open_fits(path, unpack_cache=tmp_path / "cache", progress=heard.append)
    assert np.array_equal(dataset.image[5:100:7].values, DATA[5:100:7])
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
    assert list_hdus(path, unpack_cache=tmp_path / "cache")[0].shape == (200, 300)
    assert is_fits(path)
    assert str(tmp_path / "cache") not in str(dataset.encoding)


def test_a_file_is_unpacked_once(tmp_path: Path) -> None:
    path, cache = packed(tmp_path / "a.fits.gz"), tmp_path / "cache"
    copy = unpacked(pinned(path), cache)
    assert unpacked(pinned(path), cache) == copy
    assert len(list(cache.glob("*.fits"))) == 1
    packed(path, DATA + 1)
    assert unpacked(pinned(path), cache).path != copy.path
    assert np.array_equal(open_fits(path, unpack_cache=cache).image.values, DATA + 1)


def test_many_threads_unpack_once(tmp_path: Path) -> None:
    path, cache = packed(tmp_path / "a.fits.gz"), tmp_path / "cache"
    with ThreadPoolExecutor(6) as pool:
        copies = set(pool.map(lambda _: unpacked(pinned(path), cache), range(6)))
    assert len(copies) == 1
    assert not list(cache.glob("*.part"))


def test_the_copy_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    paths = [packed(tmp_path / f"{count}.fits.gz", DATA + count) for count in range(3)]
    size = pinned(unpacked(pinned(paths[0]), cache).path).size
    first, second = (unpacked(pinned(path), cache, cache_bytes=2 * size + 1) for path in paths[:2])
    unpacked(pinned(paths[0]), cache)
    third = unpacked(pinned(paths[2]), cache, cache_bytes=2 * size + 1)
    left = {str(path) for path in cache.glob("*.fits")}
    assert left == {first.path, third.path}
    assert second.path not in left


def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(b"SIMPLE  =                    T" + bytes(40_000_000)))
    with pytest.raises(TooBig, match=r"more than 0\.01 GB"):
        unpacked(pinned(path), tmp_path / "cache", max_bytes=10_000_000)
    assert not [name for name in os.listdir(tmp_path / "cache") if not name.endswith(".used")]


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_unpack, "KEEP_FREE", 1 << 60)
    with pytest.raises(TooBig, match="disk is full"):
        unpacked(pinned(packed(tmp_path / "a.fits.gz")), tmp_path / "cache")


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_a_packed_file_cut_short_is_explained(tmp_path: Path, suffix: str) -> None:
    path = packed(tmp_path / f"a.fits{suffix}", np.random.default_rng(1).normal(size=(900, 900)))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match="can't be unpacked"):
        open_fits(path, unpack_cache=tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".used"]


def test_a_packed_file_that_is_damaged_is_explained(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.fits.gz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SourceError, match="can't be unpacked"):
        open_fits(path, unpack_cache=tmp_path / "cache")


def test_packed_text_is_no_fits(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(SourceError, match="doesn't unpack to a FITS file"):
        open_fits(path, unpack_cache=tmp_path / "cache")
    assert not is_fits(path)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="can't be written"):
        open_fits(packed(tmp_path / "a.fits.gz"), unpack_cache=tmp_path / "file" / "cache")


def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "skydeck" / "unpacked"
    path = packed(tmp_path / "a.fits.gz")
    assert np.array_equal(open_fits(path).image.values, DATA)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "skydeck" / "unpacked"
