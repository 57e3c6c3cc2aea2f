"""Colour maps and painting."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skydeck.core.errors import RequestError
from skydeck.core.style import STRETCHES, Stretch, Style
from skydeck.render import colour
from skydeck.render.colour import COLORMAPS, paint, table
from skydeck.render.stretch import thresholds

NAMES = [name for names in COLORMAPS.values() for name in names]


def brute(values: np.ndarray, style: Style, steps: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Pixel by pixel, as the browser does it."""
    colours = table(style.colormap, style.reverse)
    out = np.empty((*values.shape, 3), np.uint8)
    for row, line in enumerate(values[::-1]):
        for col, value in enumerate(line.tolist()):
            out[row, col] = background if value != value else colours[sum(step <= value for step in steps.tolist())]
    return out


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_map_has_256_colours(name: str) -> None:
    colours = table(name)
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) > 100
    np.testing.assert_array_equal(table(name, reverse=True), colours[::-1])
    with pytest.raises(ValueError, match="read-only"):
        colours[0] = 1


def test_no_name_is_listed_twice_and_the_first_is_the_default() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert NAMES[0] == Style().colormap == "viridis"


def luminance(name: str) -> np.ndarray:
    return table(name).astype(float) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", next(iter(COLORMAPS.values())))
def test_even_maps_grow_steadily_lighter(name: str) -> None:
    assert (np.diff(luminance(name)[::8]) > 0).all()


@pytest.mark.parametrize("name", COLORMAPS["Cyclic"])
def test_cyclic_maps_end_where_they_begin(name: str) -> None:
    colours = table(name).astype(int)
    assert np.abs(colours[0] - colours[-1]).max() <= 25


def test_known_colours() -> None:
    assert table("viridis")[[0, 255]].tolist() == [[68, 1, 84], [253, 231, 36]]
    assert table("gray")[[0, 128, 255]].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    assert table("jet")[0].tolist() == [0, 0, 127]


def test_an_unknown_map_is_refused() -> None:
    with pytest.raises(RequestError, match="viridis"):
        table("no such map")


@pytest.mark.parametrize("name", STRETCHES)
def test_painting_agrees_with_brute_force(name: Stretch) -> None:
    values = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    values[0, :5] = np.nan, np.inf, -np.inf, 3e38, -3e38
    style = Style(stretch=name, low=-1, high=2)
    steps = thresholds(style, values)
    np.testing.assert_array_equal(paint(values, style, steps, (9, 8, 7)), brute(values, style, steps, (9, 8, 7)))


@given(
    hnp.arrays(np.float32, (3, 4)),
    st.floats(),
    st.floats(),
    st.sampled_from(STRETCHES),
    st.booleans(),
)
def test_painting_survives_any_numbers(
    values: np.ndarray, low: float, high: float, name: Stretch, reverse: bool
) -> None:
    style = Style(stretch=name, low=low, high=high, reverse=reverse)
    steps = thresholds(style, values)
    np.testing.assert_array_equal(paint(values, style, steps), brute(values, style, steps, (0, 0, 0)))


@given(hnp.arrays(np.float32, 255, elements=st.floats(-100, 100, width=32)), st.integers(0, 9))
def test_painting_agrees_whatever_the_thresholds(steps: np.ndarray, seed: int) -> None:
    known = np.sort(steps).astype(np.float64) + 1e-12
    values = np.random.default_rng(seed).choice(np.sort(steps), (4, 50)).astype(np.float32)
    np.testing.assert_array_equal(paint(values, Style(), known), brute(values, Style(), known, (0, 0, 0)))


def test_row_nought_is_painted_at_the_bottom() -> None:
    picture = paint(np.array([[0.0], [1.0]], np.float32), Style(colormap="gray"), thresholds(Style()))
    assert picture[:, 0, 0].tolist() == [255, 0]


def test_integers_doubles_and_odd_layouts_are_painted_too() -> None:
    values = np.arange(12).reshape(3, 4)
    style = Style(low=0, high=11)
    want = brute(values.astype(np.float32), style, thresholds(style), (0, 0, 0))
    for same in (values, values.astype(">f4"), np.asfortranarray(values.astype(float)), values.astype("u1")):
        np.testing.assert_array_equal(paint(same, style, thresholds(style)), want)


def test_numpy_alone_paints_the_same() -> None:
    values = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    values[3, 4:7] = np.nan, np.inf, -np.inf
    steps, scale = colour._steps(thresholds(Style()))
    colours = np.concatenate([table("viridis"), np.array([[1, 2, 3]], np.uint8)])
    out = np.empty((30, 20, 3), np.uint8)
    colour._paint_plainly(values, steps, scale, colours, out)
    np.testing.assert_array_equal(out, paint(values, Style(), thresholds(Style()), (1, 2, 3)))


def test_an_empty_picture_stays_empty() -> None:
    assert paint(np.empty((0, 5), np.float32), Style(), thresholds(Style())).shape == (0, 5, 3)


@pytest.mark.parametrize("values", [np.zeros(4), np.zeros((2, 2), complex), np.zeros((2, 2), "M8[s]")])
def test_what_cannot_be_painted_is_refused(values: np.ndarray) -> None:
    with pytest.raises(RequestError, match="2-D real numbers"):
        paint(values, Style(), thresholds(Style()))


def test_other_thresholds_are_refused() -> None:
    with pytest.raises(RequestError, match="255"):
        paint(np.zeros((2, 2)), Style(), np.zeros(7))


CODE = """
import sys, numpy as np
{before}
from skydeck.core.style import Style
from skydeck.render.colour import paint, _painter
from skydeck.render.stretch import thresholds
assert "matplotlib" not in sys.modules and sys.modules.get("numba") is None
picture = paint(np.eye(2, dtype="f4"), Style(colormap="gray"), thresholds(Style()))
assert picture[..., 0].tolist() == [[0, 255], [255, 0]], picture
assert (type(_painter()).__name__ == "CPUDispatcher") == {compiled}, _painter()
"""


@pytest.mark.parametrize("before", ["", "sys.modules['numba'] = None"])
def test_heavy_libraries_come_on_use_and_numba_may_be_missing(tmp_path: Path, before: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    subprocess.run(
        [sys.executable, "-c", CODE.format(before=before, compiled=not before)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "file")},
        check=True,
    )


def test_the_kept_colour_maps_are_those_of_their_libraries() -> None:
    spec = importlib.util.spec_from_file_location("make_colormaps", Path(__file__).with_name("make_colormaps.py"))
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name in (name for names in COLORMAPS.values() for name in names):
        np.testing.assert_array_equal(table(name), made.original(name), err_msg=name)
