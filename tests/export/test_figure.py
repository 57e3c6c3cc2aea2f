"""Figures, read back pixel by pixel."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from skydeck.core.axis import axis_of, plain_axis
from skydeck.core.errors import RequestError
from skydeck.core.viewport import Viewport
from skydeck.export.figure import MARGINS, figure_png, picture_size
from skydeck.sky.wcs import Celestial, celestial_of

MakeHeader = Callable[..., str]
Rgb = npt.NDArray[np.uint8]
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
X, Y = plain_axis("x", 100), plain_axis("y", 60)
VIEW = Viewport(-0.5, 99.5, -0.5, 59.5, 100, 60)


def picture(seed: int = 0) -> Rgb:
    return np.random.default_rng(seed).integers(0, 256, (60, 100, 3), dtype=np.uint8)


def decoded(png: bytes) -> Rgb:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def inner(png: bytes, dpi: int = 150) -> Rgb:
    """The part of a figure inside its axes."""
    pixels = decoded(png)
    width, height = picture_size(100, 60)
    left, top = round(MARGINS[0] * dpi), round(MARGINS[3] * dpi)
    return pixels[top : top + height, left : left + width]


def made(text: str) -> Celestial:
    celestial = celestial_of(text)
    assert celestial is not None
    return celestial


@pytest.mark.parametrize("dpi", [100, 150])
def test_the_picture_is_there_pixel_for_pixel_first_row_at_the_bottom(dpi: int) -> None:
    rgb = picture()
    found = inner(figure_png(rgb, X, Y, VIEW, title="t", colors=GREY, ticks=[(0.0, "0"), (1.0, "9")], dpi=dpi), dpi)
    scale = found.shape[0] // 60
    assert scale == 6
    middle = found[scale // 2 :: scale, scale // 2 :: scale]
    np.testing.assert_array_equal(middle[::-1], rgb)


def test_the_colour_bar_runs_upwards() -> None:
    pixels = decoded(figure_png(picture(), X, Y, VIEW, colors=GREY))
    width, height = picture_size(100, 60)
    column = pixels[:, round(MARGINS[0] * 150) + width + round(0.21 * 150), 0].astype(int)
    bar = column[round(MARGINS[3] * 150) + 5 : round(MARGINS[3] * 150) + height - 5]
    assert bar[0] > 245
    assert bar[-1] < 10
    assert (np.diff(bar) <= 0).all()


def test_a_small_picture_is_enlarged_and_a_large_one_bounded() -> None:
    assert picture_size(100, 60) == (600, 360)
    assert picture_size(800, 800) == (800, 800)
    assert picture_size(8192, 8192) == (4096, 4096)
    assert picture_size(8192, 1) == (4096, 100)


def test_dark_figures_are_dark() -> None:
    light, dark = (decoded(figure_png(picture(), X, Y, VIEW, dark=dark))[0, 0] for dark in (False, True))
    assert light.min() == 255
    assert dark.max() < 60


def test_a_sky_figure_labels_the_sky_and_draws_its_grid(make_header: MakeHeader) -> None:
    celestial = made(make_header())
    plain = figure_png(picture(), X, Y, VIEW)
    on_sky = figure_png(picture(), X, Y, VIEW, celestial=celestial)
    with_grid = figure_png(picture(), X, Y, VIEW, celestial=celestial, grid=True)
    galactic = figure_png(picture(), X, Y, VIEW, celestial=celestial, frame="galactic")
    assert len({plain, on_sky, with_grid, galactic}) == 4
    np.testing.assert_array_equal(inner(on_sky), inner(plain))
    changed = (inner(with_grid) != inner(on_sky)).any(axis=2).mean()
    assert 0.01 < changed < 0.2


def test_an_all_sky_figure_is_labelled_inside(make_header: MakeHeader) -> None:
    celestial = made(make_header("AIT", centre=(0.0, 0.0), cell=(-4.0, 4.0)))
    view = Viewport(-0.5, 99.5, -0.5, 99.5, 100, 60)
    without = figure_png(picture(), X, Y, view)
    found = figure_png(picture(), X, Y, view, celestial=celestial)
    assert (inner(found) != inner(without)).any()


def test_times_labels_numbers_and_the_deepest_zoom_are_drawn() -> None:
    time = axis_of("time", 60, np.datetime64("2024-07-25T04:34:06", "ns") + np.arange(60) * np.timedelta64(1, "ms"))
    stokes = axis_of("stokes", 4, np.array(["I", "Q", "U", "V"]))
    low, high = time.limits
    for y_axis, view in (
        (time, Viewport(-0.5, 3.5, low, high, 100, 60)),
        (time, Viewport(-0.5, 3.5, low, low + 0.01, 100, 60)),
        (axis_of("z", 3, [1e300, 2e300, 3e300]), Viewport(-0.5, 3.5, 1e300, 3e300, 100, 60)),
        (axis_of("z", 3, [1e-300, 2e-300, 3e-300]), Viewport(-0.5, 3.5, 1e-300, 3e-300, 100, 60)),
    ):
        np.testing.assert_array_equal(inner(figure_png(picture(), stokes, y_axis, view))[3::6, 3::6][::-1], picture())


def test_no_text_is_mathematics_or_a_warning() -> None:
    title = "$\\frac{1}$ 漢字 \x00 \n second line " + "long " * 100
    axis = axis_of("kind", 3, np.array(["$x", "=1\n2", "字"]))
    view = Viewport(-0.5, 2.5, -0.5, 59.5, 100, 60)
    png = figure_png(picture(), axis, Y, view, title=title, unit="$^", colors=GREY, ticks=[(0.5, "$y^"), (7.0, "out")])
    with Image.open(io.BytesIO(png)) as image:
        assert image.text["Title"].startswith("$\\frac{1}$ ?? ? second line")
        assert len(image.text["Title"]) == 120


def test_many_threads_draw_the_same(make_header: MakeHeader) -> None:
    celestial = made(make_header())

    def draw(seed: int) -> bytes:
        return figure_png(picture(seed % 3), X, Y, VIEW, title="t", celestial=celestial, grid=True)

    expected = [draw(seed) for seed in range(3)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, range(12))) == expected * 4


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RequestError, match="viewport's size"):
        figure_png(picture()[:-1], X, Y, VIEW)
    with pytest.raises(RequestError, match="viewport's size"):
        figure_png(picture().astype(float), X, Y, VIEW)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="colour table"):
        figure_png(picture(), X, Y, VIEW, colors=GREY[:, :2])
    with pytest.raises(RequestError, match="dots an inch"):
        figure_png(picture(), X, Y, VIEW, dpi=10_000)
