"""Phones, dark rooms and files to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from explorer import Explorer
from PIL import Image

from server import Server

Visit = Callable[..., Explorer]


def test_a_phone(co: Server, visit: Visit) -> None:
    page = visit(f"{co.url}/cubes", viewport={"width": 420, "height": 860})
    page.settled()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 420
    top = page.place(0, 104)[1]
    assert top < 300
    assert page.page.get_by_label("Colour map").bounding_box() is not None
    page.page.locator(".sd-play").click()
    page.until(lambda: "index.velocity" in page.query() or page.painted() > 6)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_light_and_dark(co: Server, visit: Visit, theme: str) -> None:
    page = visit(f"{co.url}/cubes", color_scheme=theme)
    page.settled()
    paper = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in paper.removeprefix("rgb(").rstrip(")").split(",")) / 3
    assert (brightness < 80) == (theme == "dark")
    ink = page.ask("return plot().below[0].major_label_text_color")
    assert (int(ink[1:3], 16) > 128) == (theme == "dark")
    page.page.get_by_text("◐").click()
    page.until(lambda: page.page.evaluate("document.documentElement.dataset.theme") != theme)


def taken(page: Explorer, button: str) -> bytes:
    """Press an export button and receive the file."""
    with page.page.expect_download(timeout=90_000) as download:
        page.page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_exports(co: Server, visit: Visit, co_cube: Path) -> None:
    page = visit(f"{co.url}/cubes?index.velocity=20")
    page.settled()
    page.page.get_by_text("Export", exact=True).click()
    picture = Image.open(io.BytesIO(taken(page, "PNG")))
    assert picture.format == "PNG" and picture.width > 600
    with fits.open(io.BytesIO(taken(page, "FITS"))) as cut:
        np.testing.assert_array_equal(np.squeeze(cut[0].data), fits.getdata(co_cube)[20])
    rows = [row for row in csv.reader(io.StringIO(taken(page, "CSV").decode())) if not row[0].startswith("#")]
    assert np.allclose([float(row[1]) for row in rows[1:]], fits.getdata(co_cube)[:, 52, 52])
    assert taken(page, "MP4")[4:8] == b"ftyp"
    assert taken(page, "GIF").startswith(b"GIF8")
    assert taken(page, "Zarr").startswith(b"PK")
