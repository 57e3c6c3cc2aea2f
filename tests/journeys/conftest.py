"""Real servers and a real browser: nothing here knows Skydeck's code but the command that starts it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer import Explorer

from server import ROOT, Server, check_log

CO = ROOT.parent / "shared/data/fits/l1448_13co.fits"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        message = f"There is no Chromium here ({', '.join(BROWSERS)})"
        if os.environ.get("SKYDECK_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def co_cube() -> Path:
    if not CO.exists():
        pytest.skip("the CO cube isn't here (../shared/data/fits/l1448_13co.fits)")
    return CO


@pytest.fixture(scope="session")
def co(co_cube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("co"), co_cube)
    yield server
    server.stop()
    check_log(server)


@pytest.fixture
def visit(browser: object) -> Iterator[Callable[..., Explorer]]:
    """Open a page in a session of its own; at the end no page had an error or asked another host."""
    open_pages: list[Explorer] = []

    def visit(url: str, **options: object) -> Explorer:
        explorer = Explorer(browser, url, **options)
        open_pages.append(explorer)
        return explorer

    yield visit
    for explorer in open_pages:
        explorer.close()
    for explorer in open_pages:
        assert explorer.foreign == []
        assert explorer.complaints == []
