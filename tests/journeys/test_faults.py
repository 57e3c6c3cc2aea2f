"""What goes wrong: sentences instead of tracebacks, sessions that go on, pages that come back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from explorer import Explorer

from server import Server, check_log

Visit = Callable[..., Explorer]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    rows = np.arange(30, dtype="f4")[:, None] + np.zeros(40, "f4")
    fits.PrimaryHDU(np.stack([rows, rows + 100])).writeto(folder / "good.fits")
    (folder / "empty.fits").write_bytes(b"")
    (folder / "text.fits").write_bytes(b"no FITS at all" * 300)
    (folder / "no_store.zarr").mkdir()
    (folder / "outside.fits").symlink_to("/etc/passwd")
    whole = (folder / "good.fits").read_bytes()
    (folder / "short.fits").write_bytes(whole[: 2880 + 900])
    labels = np.array([HOSTILE, "b", "c"], dtype=object)
    attrs = {"units": HOSTILE, "long_name": HOSTILE}
    data = np.zeros((3, 8, 9), "f4") + np.arange(9, dtype="f4")
    hostile = xr.Dataset(
        {HOSTILE: (("name", "y", "x"), data, attrs)}, {"name": ("name", labels, attrs)}, {"note": HOSTILE}
    )
    hostile.to_zarr(folder / "hostile.zarr", zarr_format=2, consolidated=False)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Server]:
    server = Server(folder.parent, folder)
    yield server
    server.stop()
    check_log(server)


def address(server: Server, path: Path | str) -> str:
    return f"{server.url}/cubes?source={quote(str(path))}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.fits", "There is nothing at"),
        ("empty.fits", "empty"),
        ("text.fits", "FITS"),
        ("no_store.zarr", "store"),
        ("outside.fits", "isn't in a folder"),
        ("../../../etc/passwd", "isn't in a folder"),
        ("/etc/passwd", "isn't in a folder"),
        ("https://127.0.0.1:1/cube.zarr", "isn't a source of this server"),
    ],
)
def test_a_bad_source_is_a_sentence_and_the_session_goes_on(
    served: Server, visit: Visit, folder: Path, name: str, words: str
) -> None:
    inside = "/" in name
    page = visit(address(served, name if inside else folder / name), wait=False)
    page.page.locator(".sd-error").wait_for(timeout=60_000)
    said = page.page.locator(".sd-error").inner_text()
    assert words in said
    assert "Traceback" not in said and "Error" not in said
    page.page.get_by_text("Open", exact=True).click()
    page.page.get_by_text("good.fits").click()
    page.wait_painted()
    assert page.picture()["pixels"].shape == (30, 40, 4)
    page.until(lambda: page.page.locator(".sd-error").count() == 0)


def test_a_short_file_shows_what_it_has(served: Server, visit: Visit, folder: Path) -> None:
    page = visit(address(served, folder / "short.fits"))
    page.page.locator(".sd-warning").wait_for()
    painted = page.settled()["pixels"]
    assert painted[0, 0, 3] == 255
    assert painted[-1, -1, 3] == 0


def test_a_file_that_is_replaced_is_shown_anew(served: Server, visit: Visit, folder: Path) -> None:
    path = folder / "changing.fits"
    fits.PrimaryHDU(np.arange(1200, dtype="f4").reshape(2, 20, 30)).writeto(path)
    page = visit(address(served, path))
    assert page.settled()["pixels"].shape == (20, 30, 4)
    page.page.wait_for_timeout(1200)
    fits.PrimaryHDU(np.arange(2400, dtype="f4").reshape(2, 30, 40)).writeto(folder / "new.fits")
    os.replace(folder / "new.fits", path)
    page.page.keyboard.press("ArrowRight")
    page.until(lambda: page.picture()["pixels"].shape == (30, 40, 4))


def test_a_file_that_vanishes_is_a_sentence(served: Server, visit: Visit, folder: Path) -> None:
    path = folder / "vanishing.fits"
    fits.PrimaryHDU(np.arange(1200, dtype="f4").reshape(2, 20, 30)).writeto(path)
    page = visit(address(served, path))
    page.settled()
    page.page.wait_for_timeout(1200)
    path.unlink()
    page.page.keyboard.press("ArrowRight")
    page.page.locator(".sd-error").wait_for()
    page.until(lambda: "there" in page.page.locator(".sd-error").inner_text())


def test_words_from_data_never_become_elements(served: Server, visit: Visit, folder: Path) -> None:
    page = visit(address(served, folder / "hostile.zarr"))
    page.settled()
    page.page.get_by_text("Header", exact=True).click()
    page.page.get_by_text("Attributes").wait_for()
    assert page.page.locator("img[src=x]").count() == 0


def test_a_server_that_comes_back_brings_the_page_back(tmp_path: Path, folder: Path, visit: Visit) -> None:
    server = Server(tmp_path, folder / "good.fits")
    page = visit(address(server, folder / "good.fits") + "&colormap=magma")
    page.settled()
    page.page.keyboard.press("ArrowRight")
    page.until(lambda: "index.axis3" in page.query())
    query = page.query()
    before = page.settled()["pixels"]
    server.kill()
    page.page.locator("#sd-lost").wait_for(state="visible", timeout=60_000)
    again = Server(tmp_path, folder / "good.fits", port=server.port)
    try:
        page.page.locator("#sd-lost").wait_for(state="hidden", timeout=60_000)
        page.wait_painted()
        assert page.query() == query
        np.testing.assert_array_equal(page.settled()["pixels"], before)
    finally:
        page.close()
        again.stop()
        page.complaints.clear()  # the browser's own words about a server that was away
