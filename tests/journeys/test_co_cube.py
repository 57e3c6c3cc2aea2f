"""The CO cube of L1448: what is painted is what is in the file, in two sessions at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from explorer import Explorer

from server import Server
from skydeck.core.style import Style
from skydeck.render.colour import table
from skydeck.render.stretch import thresholds

Visit = Callable[..., Explorer]


@pytest.fixture(scope="module")
def data(co_cube: Path) -> np.ndarray:
    return fits.getdata(co_cube).astype(float)


def indices(pixels: np.ndarray, name: str) -> np.ndarray:
    """The colour index of each painted pixel; -1 for a colour that isn't in the map."""
    colours = {tuple(colour): index for index, colour in enumerate(table(name).tolist())}
    return np.array([[colours.get(tuple(pixel[:3]), -1) for pixel in row] for row in pixels.tolist()])


def expected(plane: np.ndarray, style: Style) -> np.ndarray:
    return np.searchsorted(thresholds(style), plane, side="right")


def style_of(page: Explorer) -> Style:
    page.until(lambda: {"low", "high"} <= page.query().keys())
    query = page.query()
    name, stretch = query.get("colormap", "viridis"), query.get("stretch", "linear")
    return Style(name, stretch, float(query["low"]), float(query["high"]))  # type: ignore[arg-type]


def assert_shows(page: Explorer, plane: np.ndarray) -> None:
    """The painted picture comes to be the plane in the page's own colours, to one step of 256.

    Limits of the whole cube follow the first picture, so that picture and address may differ for a moment.
    """

    def agrees() -> bool:
        painted, style = page.settled(), style_of(page)
        found = indices(painted["pixels"], style.colormap)
        right = found.shape == plane.shape and np.abs(found - expected(plane, style)).max() <= 1
        return bool(right and painted["place"] == pytest.approx([-0.5, -0.5, 105, 105]))

    page.until(agrees, what=lambda: f"last seen {page.settled()['place']}, {style_of(page)}, {page.text('sd-merit')!r}")


def test_the_picture_is_the_file(co: Server, visit: Visit, data: np.ndarray) -> None:
    page = visit(f"{co.url}/cubes")
    assert_shows(page, data[0])
    assert [label.split()[0] for label in page.labels()] == ["RA", "Dec"]
    assert "km/s" in page.caption()
    x, velocity = page.profile()
    assert velocity == pytest.approx(data[:, 52, 52])
    assert x[0] == pytest.approx(2.528, abs=0.01)


def test_the_cursor_reads_the_file(co: Server, visit: Visit, data: np.ndarray) -> None:
    page = visit(f"{co.url}/cubes")
    page.settled()
    page.page.mouse.move(*page.place(60, 40))
    page.page.mouse.move(*page.place(60.2, 40.2))
    page.until(lambda: "pixel 60, 40" in page.text("sd-readout"))
    text = page.text("sd-readout")
    number = re.search(r"-?\d+\.\d+", text)
    assert number is not None and float(number.group()) == pytest.approx(data[0, 40, 60], rel=1e-5)
    galactic = re.search(r"l (\d+\.\d+)° b ([-−+]\d+\.\d+)°", text)
    assert galactic is not None, text
    assert float(galactic.group(1)) == pytest.approx(158, abs=1)
    assert float(galactic.group(2).replace("−", "-")) == pytest.approx(-21.5, abs=1)


def test_play_measure_and_share(co: Server, visit: Visit, data: np.ndarray) -> None:
    first, second = visit(f"{co.url}/cubes"), visit(f"{co.url}/cubes?colormap=inferno")
    first.settled()
    before = first.painted()
    first.page.keyboard.press("Space")
    seen = set()
    first.until(lambda: (seen.add(first.caption()), len(seen) > 3)[1])
    assert first.painted() > before + 2
    assert_shows(second, data[0])
    first.page.keyboard.press("Space")
    rested = first.settled()["seq"]
    first.page.wait_for_timeout(700)
    assert first.painted() == rested
    index = int(first.query()["index.velocity"])
    assert_shows(first, data[index])

    first.page.get_by_text("box", exact=True).click()
    first.until(lambda: first.query().get("tool") == "box" and "region" in first.query())
    start, end = first.place(52, 52), first.place(70, 40)
    first.page.mouse.move(*start)
    first.page.mouse.down()
    for part in np.linspace(0, 1, 12)[1:]:
        first.page.mouse.move(*(np.array(start) + part * (np.array(end) - np.array(start))))
    first.page.mouse.up()
    first.until(lambda: abs(sum(map(float, first.query()["region"].split(",")[:2])) / 2 - 70) < 1)
    first.settled()
    x0, x1, y0, y1 = (float(edge) for edge in first.query()["region"].split(","))
    columns = [x for x in range(105) if x0 <= x <= x1]
    rows = [y for y in range(105) if y0 <= y <= y1]
    mean = data[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean(axis=(1, 2))
    first.until(lambda: np.allclose(first.profile()[1], mean, rtol=1e-4))

    first.page.get_by_text("Copy link").click()
    first.page.wait_for_timeout(800)
    link = first.page.evaluate("navigator.clipboard.readText()")
    assert link == first.page.url
    second.page.goto(link)
    second.wait_painted()
    assert_shows(second, data[index])
    mine, theirs = first.settled(), second.settled()
    np.testing.assert_array_equal(mine["pixels"], theirs["pixels"])
    second.until(lambda: np.allclose(second.profile()[1], mean, rtol=1e-4))
    assert second.caption() == first.caption()


def test_colours_change_without_new_pixels(co: Server, visit: Visit, data: np.ndarray) -> None:
    page = visit(f"{co.url}/cubes")
    number = page.settled()["seq"]
    page.page.get_by_label("Colour map").select_option("magma")
    page.page.get_by_label("Stretch").select_option("asinh")
    page.until(lambda: page.query().get("stretch") == "asinh" and page.query().get("colormap") == "magma")
    assert_shows(page, data[0])
    page.page.get_by_label("Low", exact=True).fill("0.5")
    page.page.keyboard.press("Enter")
    page.until(lambda: page.query().get("low") == "0.5")
    assert_shows(page, data[0])
    assert page.painted() == number


def test_colours_change_though_the_script_is_compiled_again(co: Server, visit: Visit, data: np.ndarray) -> None:
    """Bokeh does so when several messages come before its first compilation is done."""
    page = visit(f"{co.url}/cubes")
    assert_shows(page, data[0])
    page.ask('for (const m of models()) if (m.code?.includes("createImageBitmap")) m._state = null')
    page.page.get_by_label("Stretch").select_option("sqrt")
    page.until(lambda: page.query().get("stretch") == "sqrt")
    assert_shows(page, data[0])


def test_keys(co: Server, visit: Visit) -> None:
    page = visit(f"{co.url}/cubes")
    page.settled()
    page.page.keyboard.press("ArrowRight")
    page.until(lambda: page.query().get("index.velocity") == "1")
    page.page.keyboard.press("ArrowUp")
    page.until(lambda: page.query().get("index.velocity") == "11")
    page.page.keyboard.press("ArrowLeft")
    page.until(lambda: page.query().get("index.velocity") == "10")
    whole = page.ranges()
    page.page.keyboard.press("+")
    page.until(lambda: page.ranges()[1] - page.ranges()[0] < 0.8 * (whole[1] - whole[0]))
    page.page.keyboard.press("Home")
    page.until(lambda: page.ranges() == pytest.approx(whole))
    page.page.keyboard.press("?")
    page.page.get_by_text("play or pause").wait_for()


def test_zoom_and_pan(co: Server, visit: Visit, data: np.ndarray) -> None:
    page = visit(f"{co.url}/cubes")
    number = page.settled()["seq"]
    page.page.mouse.move(*page.place(80, 60))
    for _ in range(5):
        page.page.mouse.wheel(0, -240)
        page.page.wait_for_timeout(60)
    page.wait_painted(number)
    page.until(lambda: "xrange" in page.query())
    painted, (x0, x1, y0, y1) = page.settled(), page.ranges()
    assert x1 - x0 < 70 and x0 < 80 < x1
    left, bottom, wide, high = painted["place"]
    assert left <= x0 + 1 and left + wide >= min(x1, 104.5) - 1
    part = data[0, round(bottom + 0.5) : round(bottom + high + 0.5), round(left + 0.5) : round(left + wide + 0.5)]
    found = indices(painted["pixels"], "viridis")
    assert np.abs(found - expected(part, style_of(page))).max() <= 1

    start = page.place((x0 + x1) / 2 + 3, (y0 + y1) / 2 + 3)
    page.page.mouse.move(*start)
    page.page.mouse.down()
    for step in range(1, 9):
        page.page.mouse.move(start[0] + 10 * step, start[1])
    page.page.mouse.up()
    page.until(lambda: page.ranges()[0] < x0 - 0.5)
    page.settled()
    assert page.ranges()[1] - page.ranges()[0] == pytest.approx(x1 - x0, rel=1e-3)
