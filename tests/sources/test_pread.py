import os
import pickle
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skydeck.core.errors import NotAllowed, SourceChanged, SourceError, SourceMissing
from skydeck.sources import pread
from skydeck.sources.pread import drop_integers, pinned, read_block, signature, spans_of

SHAPE = (5, 30, 200)
CUBE = np.random.default_rng(3).integers(-(2**31), 2**31, SHAPE).astype(">i4")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pread") / "cube.raw"
    path.write_bytes(b"head!" + CUBE.tobytes())
    return path


def read(path: Path, key: tuple[int | slice, ...]) -> np.ndarray:
    spans = spans_of(key, SHAPE)
    with pinned(path).opened() as descriptor:
        return drop_integers(read_block(descriptor, 5, SHAPE, CUBE.dtype, spans), key, spans)


def index(size: int) -> st.SearchStrategy[int | slice]:
    return st.one_of(st.integers(-size, size - 1), st.slices(size))


keys = st.tuples(*(index(size) for size in SHAPE))


@pytest.mark.parametrize(("block", "through"), [(4 << 20, 8192), (4 << 20, 0), (1000, 100), (64, 10_000), (1, 0)])
def test_any_section_is_what_numpy_gives(raw: Path, monkeypatch: pytest.MonkeyPatch, block: int, through: int) -> None:
    monkeypatch.setattr(pread, "BLOCK", block)
    monkeypatch.setattr(pread, "READ_THROUGH", through)

    @settings(max_examples=60, deadline=None)
    @given(keys)
    def check(key: tuple[int | slice, ...]) -> None:
        got = read(raw, key)
        assert got.shape == CUBE[key].shape
        assert np.array_equal(got, CUBE[key])

    check()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    real = os.preadv

    def count(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        got = real(descriptor, buffers, offset)
        sizes.append(got)
        return got

    monkeypatch.setattr(os, "preadv", count)
    return sizes


def test_contiguous_rows_come_in_one_read(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted(monkeypatch)
    read(raw, (slice(1, 4), slice(None), slice(None)))
    assert sizes == [3 * 30 * 200 * 4]


def test_neighbouring_pieces_come_in_few_reads(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted(monkeypatch)
    read(raw, (2, slice(None), slice(10, 20)))
    assert len(sizes) == 1


def test_a_stride_over_planes_skips_what_lies_between(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted(monkeypatch)
    read(raw, (slice(0, 5, 2), slice(0, 1), slice(None)))
    assert sizes == [800, 800, 800]


def test_a_read_with_gaps_takes_no_more_than_a_block(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pread, "BLOCK", 5000)
    sizes = counted(monkeypatch)
    got = read(raw, (slice(None), slice(None), slice(0, 200, 3)))
    assert np.array_equal(got, CUBE[:, :, ::3])
    assert max(sizes) <= 5000


def test_what_lies_beyond_the_end_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "short.raw"
    path.write_bytes(b"\1" * 6)
    with pinned(path).opened() as descriptor:
        block = read_block(descriptor, 0, (10,), np.dtype("u1"), spans_of((slice(None),), (10,)))
    assert block.tolist() == [1] * 6 + [0] * 4


def test_an_index_beyond_the_axis_is_an_index_error() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        spans_of((5,), (5,))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda path: path.write_bytes(b"x" * 99), "shortened"),
        (lambda path: path.write_bytes(b"x" * 200), "changed"),
        (lambda path: os.utime(path, ns=(1, 1)), "changed"),
        (lambda path: path.unlink(), "removed"),
    ],
)
def test_a_changed_file_is_noticed(tmp_path: Path, change: object, word: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * 100)
    file = pinned(path)
    assert file.read(0, 1000) == b"a" * 100
    change(path)  # type: ignore[operator]
    with pytest.raises(SourceChanged, match=f"{word} while it was open. Reload it"):
        file.read(0, 1)


def test_a_file_replaced_by_its_twin_is_noticed(tmp_path: Path) -> None:
    path, twin = tmp_path / "a", tmp_path / "b"
    for each in (path, twin):
        each.write_bytes(b"a" * 100)
        os.utime(each, ns=(5, 5))
    file = pinned(path)
    os.replace(twin, path)
    with pytest.raises(SourceChanged):
        file.read(0, 1)


def test_a_change_during_the_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * 100)
    with pytest.raises(SourceChanged, match="shortened"), pinned(path).opened():
        path.write_bytes(b"")


def test_signature_says_what_a_cache_needs(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    before = signature(path)
    assert before == signature(path)
    path.write_bytes(b"ab")
    assert signature(path) != before
    with pytest.raises(SourceMissing, match="no file"):
        signature(tmp_path / "none")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a directory"):
        pinned(tmp_path)
    with pytest.raises(SourceError, match="not a regular file"):
        pinned("/dev/null")
    with pytest.raises(SourceMissing):
        pinned(tmp_path / "a" / "b")
    with pytest.raises(SourceError, match="null"):
        pinned("a\0b")


def test_no_permission_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(NotAllowed, match="permission"):
            pinned(path).read(0, 1)
    finally:
        os.seteuid(user)


def test_a_pinned_file_pickles_and_holds_no_descriptor(raw: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    file = pickle.loads(pickle.dumps(pinned(raw)))
    assert file.read(0, 5) == b"head!"
    assert len(os.listdir("/dev/fd")) == before


def test_many_threads_read_at_once(raw: Path) -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(100):
            plane, row = int(rng.integers(5)), int(rng.integers(30))
            if not np.array_equal(read(raw, (plane, row, slice(None, None, 3))), CUBE[plane, row, ::3]):
                wrong.append(seed)

    threads = [Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
