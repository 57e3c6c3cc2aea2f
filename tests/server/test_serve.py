"""The commands that serve, as processes of their own on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from astropy.io import fits
from tests.bench.visitor import visiting

from server import ROOT, free_port

pytestmark = pytest.mark.timeout(240)

FOREIGN = re.compile(r"""(?:src|href)=["']https?://(?!127\.0\.0\.1|localhost)[^"']+""")


@contextmanager
def running(folder: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed at the end, if it hasn't ended by then."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)


def answer(url: str, seconds: float = 90) -> str:
    """The body of the first answer of 200."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return str(response.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < end, f"nothing at {url}"
            time.sleep(0.2)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((8, 9), "f4")).writeto(path)
    return path


@pytest.mark.parametrize(("how", "prefix"), [(signal.SIGINT, ""), (signal.SIGTERM, "/sky")])
def test_serve_answers_and_ends(tmp_path: Path, image: Path, how: signal.Signals, prefix: str) -> None:
    port = free_port()
    options = ["--prefix", prefix] if prefix else []
    command = [sys.executable, "-m", "skydeck", "serve", str(image), "--port", str(port), *options]
    with running(tmp_path, *command) as process:
        alive = json.loads(answer(f"http://127.0.0.1:{port}{prefix}/healthz"))
        assert alive["status"] == "ok"
        page = answer(f"http://127.0.0.1:{port}{prefix}/")
        assert "image.fits" in page
        assert not FOREIGN.findall(page)
        assert json.loads(answer(f"http://127.0.0.1:{port}{prefix}/readyz"))["status"] == "ready"
        process.send_signal(how)
        assert process.wait(20) in (0, 130, 128 + how, -how)
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert f"http://127.0.0.1:{port}{prefix}/" in log


async def models(url: str) -> int:
    """How many models the document of a new session has."""
    async with aiohttp.ClientSession() as client, visiting(client, url) as visitor:
        return str(await visitor.ask("PULL-DOC-REQ", {})).count('"type":"object"')


async def test_pages_that_are_made_at_the_same_time_are_all_complete(tmp_path: Path, image: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(tmp_path, sys.executable, "-m", "skydeck", "serve", str(image), "--port", str(port)):
        await asyncio.to_thread(answer, f"{url}/healthz")
        await models(f"{url}/cubes")  # the first may be made before its source is open
        counts = await asyncio.gather(*[models(f"{url}/cubes") for _ in range(5)])
    assert min(counts) > 150
    assert len(set(counts)) == 1
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_demo_makes_its_data_and_shows_it(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "skydeck", "demo", "--no-browser", "--port", str(port)]
    with running(tmp_path, *command, XDG_CACHE_HOME=str(tmp_path)):
        page = answer(f"http://127.0.0.1:{port}/", 120)
    assert "galaxy" in page
    assert list(tmp_path.glob("skydeck/demo/*/galaxy.zarr"))


@pytest.mark.parametrize("plugins", [[], ["--plugins", "skydeck.server.plugin"]])
def test_panel_serve_apps(tmp_path: Path, image: Path, plugins: list[str]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "panel", "serve", "apps/", "--port", str(port), "--address", "127.0.0.1", *plugins]
    with running(tmp_path, *command, SKYDECK_OPEN_PATHS=str(image)):
        page = answer(f"http://127.0.0.1:{port}/apps")
        assert "image.fits" in page
        cubes = answer(f"http://127.0.0.1:{port}/apps?page=cubes")
        assert "sd-picture" in cubes
        assert not FOREIGN.findall(page + cubes)
        if plugins:
            assert json.loads(answer(f"http://127.0.0.1:{port}/healthz"))["status"] == "ok"
