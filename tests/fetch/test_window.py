"""Windows read in pieces hold what numpy would give."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from skydeck.core.errors import Cancelled, RequestError
from skydeck.core.raster import Plane
from skydeck.fetch import window as module
from skydeck.fetch.window import chunks_of, fixed_selection, part_of, read
from skydeck.sources import open_source

SHAPE = (5, 17, 23)
CELLS = np.arange(np.prod(SHAPE), dtype=np.int32).reshape(SHAPE)


@pytest.fixture(scope="module")
def grids() -> Any:
    """The same cells in stores of several chunk grids."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for chunks in ((1, 17, 23), (5, 4, 7), (2, 17, 1), (5, 17, 23), (1, 1, 1), (7, 20, 30)):
            path = f"{folder}/{'x'.join(map(str, chunks))}.zarr"
            cube = xr.Dataset({"sky": (("f", "y", "x"), CELLS)})
            cube.to_zarr(path, consolidated=False, encoding={"sky": {"chunks": chunks}})
            found[chunks] = open_source(path)["sky"]
        yield found


spans = st.tuples(*(st.integers(0, size - 1).flatmap(lambda low, size=size: st.one_of(
    st.just(low), st.integers(low, size).map(lambda high, low=low: slice(low, high))
)) for size in SHAPE))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(picked=st.data(), wanted=spans, most=st.sampled_from([1, 40, 300, 2000, 1 << 20]))
def test_pieces_together_are_the_window(grids: Any, picked: st.DataObject, wanted: tuple[Any, ...], most: int) -> None:
    variable = grids[picked.draw(st.sampled_from(list(grids)))]
    before, module.PIECE_BYTES = module.PIECE_BYTES, most
    try:
        found = read(variable, dict(zip(("f", "y", "x"), wanted, strict=True)))
    finally:
        module.PIECE_BYTES = before
    np.testing.assert_array_equal(found, CELLS[wanted])
    assert found.dtype == CELLS.dtype


@settings(max_examples=60, deadline=None)
@given(picked=st.data(), wanted=spans, most=st.sampled_from([40, 300, 2000]))
def test_pieces_decode_no_more_than_they_may(
    grids: Any, picked: st.DataObject, wanted: tuple[Any, ...], most: int
) -> None:
    """No piece decodes more than the limit, or one chunk; no chunk is decoded for two pieces along its own axis."""
    chunks = picked.draw(st.sampled_from(list(grids)))
    before, module.PIECE_BYTES = module.PIECE_BYTES, most
    try:
        pieces = list(module._pieces(grids[chunks], dict(zip(("f", "y", "x"), wanted, strict=True))))
    finally:
        module.PIECE_BYTES = before
    one = int(np.prod(chunks)) * CELLS.itemsize
    for piece in pieces:
        decoded = 1
        for dim, size in zip(("f", "y", "x"), chunks, strict=True):
            span = piece[dim] if isinstance(piece[dim], slice) else slice(piece[dim], piece[dim] + 1)
            decoded *= (-(-span.stop // size) - span.start // size) * size
        # a span that begins inside a chunk touches one chunk more along each axis than its length says
        assert decoded * CELLS.itemsize <= 8 * max(most, one)


def test_a_cancelled_read_ends_at_the_next_piece(grids: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_BYTES", 17 * 23 * 4)
    asked = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        read(grids[1, 17, 23], {"f": slice(0, 5), "y": slice(0, 17), "x": slice(0, 23)}, cancelled)
    assert len(asked) == 3


def test_what_isn_t_said_is_held_at_0() -> None:
    variable = xr.DataArray(np.zeros((2, 3, 4, 5)), dims=("a", "b", "y", "x"), name="sky")
    assert fixed_selection(variable, Plane("s", "sky", "x", "y", (("b", 2),))) == {"a": 0, "b": 2}


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (Plane("s", "sky", "q", "y"), "no dimension 'q'"),
        (Plane("s", "sky", "x", "x"), "Both axes"),
        (Plane("s", "sky", "x", "y", (("a", 2),)), "a has no index 2"),
        (Plane("s", "sky", "x", "y", (("a", -1),)), "0 to 1"),
        (Plane("s", "sky", "x", "y", (("q", 0),)), "no dimension 'q' to hold"),
    ],
)
def test_a_plane_that_isn_t_there_is_refused(plane: Plane, words: str) -> None:
    variable = xr.DataArray(np.zeros((2, 4, 5)), dims=("a", "y", "x"), name="sky")
    with pytest.raises(RequestError, match=words):
        fixed_selection(variable, plane)


COMPLEX = np.array([[1 + 1j, -2j], [np.nan, -1]])


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("value", np.abs(COMPLEX)),
        ("amplitude", np.abs(COMPLEX)),
        ("phase", np.angle(COMPLEX)),
        ("real", COMPLEX.real),
        ("imaginary", COMPLEX.imag),
    ],
)
def test_complex_data_have_parts(part: Any, expected: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(part_of(COMPLEX, part), expected)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_seconds_whatever_their_unit(unit: str) -> None:
    stamps = np.array(["1970-01-02", "NaT"], f"datetime64[{unit}]")
    np.testing.assert_array_equal(part_of(stamps, "value"), [86400, np.nan])
    spans = np.array([5, "NaT"], "timedelta64[s]").astype(f"timedelta64[{unit}]")
    np.testing.assert_array_equal(part_of(spans, "value"), [5, np.nan])


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", ">f4"])
def test_real_numbers_stay_what_they_are(dtype: str) -> None:
    values = np.array([0, 1], dtype)
    assert part_of(values, "phase") is values


def test_text_is_refused() -> None:
    with pytest.raises(RequestError, match="Text"):
        part_of(np.array(["a"]), "value")


def test_chunks_are_found_in_either_kind_of_encoding() -> None:
    variable = xr.DataArray(np.zeros((4, 6)), dims=("y", "x"))
    assert chunks_of(variable) == {"y": 1, "x": 1}
    variable.encoding = {"chunks": (2, 3)}
    assert chunks_of(variable) == {"y": 2, "x": 3}
    variable.encoding = {"preferred_chunks": {"y": 4}, "chunks": (2, 3)}
    assert chunks_of(variable) == {"y": 4, "x": 1}
    assert chunks_of(variable.transpose("x", "y")) == {"x": 1, "y": 4}


def test_a_path_is_all_that_a_read_needs(tmp_path: Path) -> None:
    cube = xr.Dataset({"sky": (("y", "x"), CELLS[0])})
    cube.to_zarr(tmp_path / "a.zarr", consolidated=False)
    found = read(open_source(str(tmp_path / "a.zarr"))["sky"], {"y": 3, "x": 4})
    assert found.shape == ()
    assert found == CELLS[0, 3, 4]
