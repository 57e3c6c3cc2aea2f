"""The cube explorer's figures, in a real browser with a real server: run by ``make bench``.

Each figure is printed beside what must be reached, and all of them as a table at the end. A miss fails the run where
SKYDECK_BENCH_STRICT=1. The browser, the server and the other user share this machine's processors: wall times are
upper bounds, and the CPU times say more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser
from tests.bench.cube import small_fits, sparse_fits, zarr_cube
from tests.bench.figures import Figures, median, p95
from tests.bench.served import Served, fetch, served, wait_until_listening
from tests.bench.visitor import visiting_meanwhile
from tests.bench.watched import Watched, chromium, watched

pytestmark = pytest.mark.timeout(900)

CO_CUBE = Path(__file__).parents[3] / "shared" / "data" / "fits" / "l1448_13co.fits"
PLAY_SECONDS = 10.0
MOVES = 15
OPENING = """
import json, sys, time
import skydeck.fetch, skydeck.sources.fits, psutil, astropy.io.fits, astropy.wcs
from skydeck.sources import open_source
before = psutil.Process().memory_info().rss
begin = time.perf_counter()
dataset = open_source(sys.argv[1], {})
print(json.dumps([time.perf_counter() - begin, (psutil.Process().memory_info().rss - before) / 1e6, dataset.nbytes]))
"""


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    made = Figures()
    yield made
    print(f"\n\n{made.table()}\n")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Served]:
    """One that has shown a page, so that everything is imported and compiled."""
    paths = [zarr_cube(), sparse_fits(), *([CO_CUBE] if CO_CUBE.exists() else [])]
    with served(*paths) as running:
        _warm(running, browser)
        yield running


def _warm(running: Served, browser: Browser) -> None:
    wait_until_listening(running)
    with watched(browser, _page(running, zarr_cube())) as page:
        page.quiet(3)
    for _ in range(20):  # workers import and compile; at rest each takes some hundredths of a processor
        if running.idle_cpu() < 0.2:
            break


def _page(server: Served, path: Path, **state: str) -> str:
    return f"{server.url}/cubes?source={quote(str(path))}" + "".join(f"&{key}={text}" for key, text in state.items())


def test_from_the_command_to_a_picture(browser: Browser, figures: Figures) -> None:
    bare, shown = [], []
    for _ in range(2):
        begin = time.monotonic()
        subprocess.run([sys.executable, "-c", "import panel, holoviews"], check=True)
        bare.append(time.monotonic() - begin)
        with served(zarr_cube()) as fresh:
            wait_until_listening(fresh)
            listening = time.monotonic() - fresh.begun
            with watched(browser, _page(fresh, zarr_cube())):
                shown.append(time.monotonic() - fresh.begun)
                cpu = fresh.cpu()
    figures.note("bare `import panel, holoviews`", min(bare), "s")
    figures.note("`skydeck serve` to an open port", listening, "s")
    figures.note("CPU of the server until the first picture", cpu, "s")
    figures.at_most("`skydeck serve` to the first picture painted", min(shown), min(bare) + 3, "s")


def test_memory(browser: Browser, figures: Figures) -> None:
    with served(zarr_cube()) as fresh:
        wait_until_listening(fresh)
        with watched(browser, _page(fresh, zarr_cube())) as page:
            page.quiet(3)
            time.sleep(3)
            figures.at_most("memory with a page open", fresh.memory(), 400, "MB")
        time.sleep(3)
        figures.at_most("memory once it is closed", fresh.memory(), 400, "MB")


@pytest.mark.parametrize("workers", [0, 2])
def test_animation(workers: int, browser: Browser, figures: Figures, request: pytest.FixtureRequest) -> None:
    if not workers:
        _animation(request.getfixturevalue("server"), "", browser, figures)
        return
    with served(zarr_cube(), workers=workers) as cluster:
        _warm(cluster, browser)
        _animation(cluster, f", --workers {workers}", browser, figures)


def _animation(server: Served, how: str, browser: Browser, figures: Figures) -> None:
    with watched(browser, _page(server, zarr_cube())) as page:
        page.quiet(2)
        *_, width, height = page.frame()
        figures.note(f"frame{how}", width, f"× {height:.0f} pixels")
        idle = server.idle_cpu(2)
        begin, cpu, counted = page.now(), server.cpu(), page.received()
        page.page.keyboard.press("Space")
        page.wait(PLAY_SECONDS)
        spent, log = server.cpu() - cpu, page.log()
        page.page.keyboard.press("Space")
        quiet = server.seconds_to_idle(page.wait, idle)
        pressed = next(at for at, what in log["acts"] if what == "keydown" and at >= begin)
        painted = [ack["at"] for ack in log["acks"] if ack["at"] >= pressed]
        figures.at_least(f"frames painted a second, 10 asked for{how}", _rate(painted), 9.9, "/s")
        figures.at_most(f"first frame after play{how}", painted[0] - pressed, 300, "ms")
        mails = sum(mail["at"] >= pressed for mail in log["mails"])
        figures.at_most(f"bytes a frame{how}", (page.received() - counted) / mails / 1e6, 0.3, "MB")
        cost = (spent - idle * PLAY_SECONDS) / len(painted)
        figures.at_most(f"server CPU a frame{how}", 1e3 * cost, 30, "ms")
        figures.at_most(f"from stop to an idle server{how}", quiet, 0.5, "s")
        page.quiet()
        page.page.keyboard.press("Space")
        page.wait(2)
        page.page.close()
        figures.at_most(f"from a closed tab to an idle server{how}", server.seconds_to_idle(time.sleep, idle), 0.5, "s")


def _rate(milliseconds: list[float]) -> float:
    return 1e3 * (len(milliseconds) - 1) / (milliseconds[-1] - milliseconds[0])


def test_another_user(server: Served, browser: Browser, figures: Figures) -> None:
    figures.note(
        "GET of the index, nobody else there (median)", 1e3 * median([fetch(server.url) for _ in range(9)]), "ms"
    )
    with watched(browser, _page(server, zarr_cube())) as page:
        page.quiet()
        with visiting_meanwhile(server.url) as ended:
            page.page.keyboard.press("Space")
            page.wait(2 * PLAY_SECONDS)
            found = ended()
    for what, times in (("heartbeat", found.heartbeat), ("pan taken", found.pan), ("GET of the index", found.index)):
        figures.at_most(f"another user's {what} during the animation, p95", p95(times), 50, "ms")
    figures.note("another user's pan with its picture, p95", p95(found.picture), "ms")


@pytest.mark.parametrize("which", [zarr_cube, sparse_fits])
def test_moving_about(which: Callable[[], Path], server: Served, browser: Browser, figures: Figures) -> None:
    name = "Zarr cube" if which is zarr_cube else "64 GB FITS"
    with watched(browser, _page(server, which())) as page:
        page.quiet(3)
        zooms = [page.answered(lambda turn=turn: _wheel(page, turn), "wheel") for turn in _settled(page, MOVES)]
        pans = [page.answered(lambda turn=turn: _drag(page, turn), "pointermove") for turn in _settled(page, MOVES)]
    for what, times in (("zoom", zooms), ("pan", pans)):
        figures.at_most(f"{what} on the {name}, p50", median(times), 150, "ms")
        figures.at_most(f"{what} on the {name}, p95", p95(times), 400, "ms")


def _settled(page: Watched, count: int) -> Iterator[int]:
    """Count, with the pointer on the middle of the picture, and each time wait until nothing moves any more."""
    left, top, width, height = page.frame()
    for turn in range(count):
        page.page.mouse.move(left + width / 2, top + height / 2)
        page.quiet()
        yield turn


def _wheel(page: Watched, turn: int) -> None:
    page.page.mouse.wheel(0, -120 if turn % 5 < 3 else 120)


def _drag(page: Watched, turn: int) -> None:
    left, top, width, height = page.frame()
    x, y, by = left + width / 2, top + height / 2, 60 if turn % 2 else -60
    page.page.mouse.down()
    for part in range(1, 7):
        page.page.mouse.move(x + by * part / 6, y + by * part / 12)
    page.page.mouse.up()


@pytest.mark.skipif(not CO_CUBE.exists(), reason=f"the CO cube isn't at {CO_CUBE}")
def test_spectrum_under_a_dragged_region(server: Served, browser: Browser, figures: Figures) -> None:
    with watched(browser, _page(server, CO_CUBE, tool="box", region="30,60,30,60")) as page:
        page.quiet(1)
        x, y = page.page.evaluate(
            """() => {
              const view = Bokeh.index.find_one(bench.picture), at = view.el.getBoundingClientRect()
              const {left, right, bottom, top} = bench.box, {x_scale, y_scale} = view.frame
              return [at.left + x_scale.compute((left + right) / 2), at.top + y_scale.compute((bottom + top) / 2)]
            }"""
        )
        page.page.mouse.move(x, y)
        page.page.mouse.down()
        begin = page.now()
        for step in range(100):  # from cell to cell: a region of the same cells has the same spectrum
            page.page.mouse.move(x + 10 * abs(step % 16 - 8), y + 10 * abs(step % 10 - 5))
        end = page.now()
        page.page.mouse.up()
        painted = [at for at in page.log()["profiles"] if begin <= at <= end]
    figures.at_least("spectra a second under a dragged region", 1e3 * len(painted) / (end - begin), 10, "/s")


def test_opening_64_gb(browser: Browser, figures: Figures) -> None:
    answers = [
        json.loads(
            subprocess.run([sys.executable, "-c", OPENING, str(sparse_fits())], check=True, capture_output=True).stdout
        )
        for _ in range(3)
    ]
    assert answers[0][2] > 64e9
    figures.at_most("`open_source` of the 64 GB FITS", median([one[0] for one in answers]), 1, "s")
    figures.at_most("memory it adds", max(one[1] for one in answers), 100, "MB")
    with served(zarr_cube(), small_fits(), sparse_fits()) as fresh:
        _warm(fresh, browser)
        first = _seconds_to_show(browser, _page(fresh, small_fits()))  # imports what every FITS file needs
        time.sleep(3)
        before, loaded = fresh.memory(), _seconds_to_show(browser, _page(fresh, small_fits()))
        shown = _seconds_to_show(browser, _page(fresh, sparse_fits()))
        figures.note("a page with the first FITS of a server", first, "s")
        figures.note("a page with a small FITS, again", loaded, "s")
        figures.at_most("a page with the 64 GB FITS, more than that", shown - loaded, 1, "s")
        most = before
        for _ in range(50):
            time.sleep(0.1)
            most = max(most, fresh.memory())
        figures.at_most("memory its picture adds", most - before, 100, "MB")


def _seconds_to_show(browser: Browser, url: str) -> float:
    begin = time.monotonic()
    with watched(browser, url):
        return time.monotonic() - begin
