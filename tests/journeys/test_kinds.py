"""Every kind of coordinate and datum, painted where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import xarray as xr
from explorer import Explorer

from server import Server, check_log
from skydeck.core.style import Style
from skydeck.render.colour import table
from skydeck.render.stretch import thresholds

Visit = Callable[..., Explorer]
RANDOM = np.random.default_rng(3)
CUBE = RANDOM.normal(size=(4, 20, 30)).astype("f4")
GAINS = (CUBE + 1j * CUBE[::-1]).astype("c8")


def stores() -> dict[str, xr.Dataset]:
    times = np.datetime64("2024-07-25T04:00", "ns") + np.arange(20) * np.timedelta64(60, "s")
    odd = CUBE[0].astype("f4").copy()
    odd[3, 4], odd[5, 6], odd[7] = np.inf, -np.inf, np.nan
    lon, lat = np.meshgrid(np.linspace(350, 369, 30), np.linspace(-5, 5, 20))
    return {
        "descending": xr.Dataset(
            {"v": (("s", "t", "l"), CUBE)},
            {"t": times, "l": np.linspace(0.03, -0.03, 30), "s": np.array(list("IQUV"), dtype=object)},
        ),
        "plain": xr.Dataset({"v": (("a", "b", "c"), CUBE)}),
        "complex": xr.Dataset({"v": (("a", "b", "c"), GAINS)}),
        "odd": xr.Dataset({"v": (("b", "c"), odd)}),
        "blank": xr.Dataset({"v": (("b", "c"), np.full((20, 30), np.nan, "f4"))}),
        "flags": xr.Dataset({"v": (("b", "c"), CUBE[0] > 0)}),
        "mesh": xr.Dataset(
            {"v": (("b", "c"), CUBE[0])},
            {"lon": (("b", "c"), lon % 360, {"units": "deg"}), "lat": (("b", "c"), lat, {"units": "deg"})},
        ),
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("kinds")
    for name, dataset in stores().items():
        dataset.to_zarr(folder / f"{name}.zarr", zarr_format=2, consolidated=False)
    server = Server(folder.parent, folder)
    yield server, folder
    server.stop()
    check_log(server)


def show(served: tuple[Server, Path], visit: Visit, name: str, query: str = "") -> Explorer:
    server, folder = served
    return visit(f"{server.url}/cubes?source={quote(str(folder / name))}.zarr&low=-2&high=2&limits=manual{query}")


def assert_painted(page: Explorer, plane: np.ndarray) -> None:
    """The painted picture is the plane, to one step of 256; what is NaN is transparent."""
    pixels = page.settled()["pixels"]
    colours = {tuple(colour): index for index, colour in enumerate(table("viridis").tolist())}
    assert pixels.shape[:2] == plane.shape
    gaps = np.isnan(plane)
    np.testing.assert_array_equal(pixels[..., 3] == 0, gaps)
    found = np.array([[colours.get(tuple(pixel[:3]), 999) for pixel in row] for row in pixels.tolist()])
    wanted = np.searchsorted(thresholds(Style(low=-2, high=2)), plane, side="right")
    assert np.abs(found - wanted)[~gaps].max() <= 1


def test_descending_times_and_labels(served: tuple[Server, Path], visit: Visit) -> None:
    page = show(served, visit, "descending", "&x=l&y=t&index.s=2")
    assert_painted(page, CUBE[2][:, ::-1])  # the painted row runs from low to high; east is left
    x0, x1, _, _ = page.ranges()
    assert x0 == pytest.approx(0.031, abs=1e-3) and x1 == pytest.approx(-0.031, abs=1e-3)
    assert "UTC" in page.labels()[1]
    assert page.caption() == "s U"
    box = page.page.get_by_label("s", exact=True)
    box.click()
    page.page.keyboard.press("Control+A")
    box.press_sequentially("V", delay=50)
    page.page.wait_for_timeout(300)
    box.press("Enter")
    page.until(lambda: page.query().get("index.s") == "3")
    assert_painted(page, CUBE[3][:, ::-1])


def test_axes_either_way_round(served: tuple[Server, Path], visit: Visit) -> None:
    page = show(served, visit, "plain", "&x=a&y=c&index.b=7")
    assert_painted(page, CUBE[:, 7, :].T)
    page.page.get_by_text("⇄").click()
    page.until(lambda: page.query().get("x") == "c")
    assert_painted(page, CUBE[:, 7, :])
    assert page.labels() == ("c", "a")


@pytest.mark.parametrize(("part", "made"), [("value", np.abs), ("phase", np.angle), ("real", np.real)])
def test_complex_data(
    served: tuple[Server, Path], visit: Visit, part: str, made: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert_painted(show(served, visit, "complex", f"&part={part}"), made(GAINS[0]))


def test_infinities_and_gaps(served: tuple[Server, Path], visit: Visit) -> None:
    page = show(served, visit, "odd")
    assert_painted(page, stores()["odd"].v.values)
    server, folder = served
    free = visit(f"{server.url}/cubes?source={quote(str(folder / 'odd.zarr'))}")
    free.until(lambda: {"low", "high"} <= free.query().keys())
    assert -5 < float(free.query()["low"]) < float(free.query()["high"]) < 5


def test_nothing_but_gaps(served: tuple[Server, Path], visit: Visit) -> None:
    page = show(served, visit, "blank")
    assert (page.settled()["pixels"][..., 3] == 0).all()


def test_flags(served: tuple[Server, Path], visit: Visit) -> None:
    assert_painted(show(served, visit, "flags"), (CUBE[0] > 0).astype(float))


def test_a_mesh_across_zero_degrees(served: tuple[Server, Path], visit: Visit) -> None:
    page = show(served, visit, "mesh", "&mesh=1")
    painted = page.settled()
    x, _, width, _ = painted["place"]
    assert x == pytest.approx(350, abs=1) and x + width == pytest.approx(369, abs=1)
    assert (painted["pixels"][..., 3] == 255).mean() > 0.9
