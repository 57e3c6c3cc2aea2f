"""The apps are short, imports are quick, and pages fetch nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import skydeck

ROOT = Path(__file__).parents[1]
APPS = sorted((ROOT / "apps").glob("*.py"))
PAGES = sorted(
    path for path in Path(skydeck.__file__).parent.rglob("*") if path.suffix in (".js", ".css", ".html", ".mjs")
)
HEAVY = ("datashader", "distributed", "matplotlib", "scipy", "zarr", "h5py", "numba", "panel", "holoviews", "bokeh")
ELSEWHERE = re.compile(r"(?:https?:|wss?:)?//[\w.-]+\.\w+|@import|\bimport\s*\(|\bfrom\s+[\"']", re.IGNORECASE)


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def imported(module: str) -> set[str]:
    return set(python(f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})").split())


def test_there_are_apps_and_pages() -> None:
    assert {path.stem for path in APPS} >= {"main", "cubes"}
    assert {path.name for path in PAGES} >= {"screen.js", "client.js", "page.html"}


@pytest.mark.parametrize("path", APPS, ids=lambda path: path.stem)
def test_an_app_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    assert text.startswith('"""')
    assert f"panel serve apps/{'' if path.stem == 'main' else path.name}" in text


def test_apps_run_and_leave_what_is_heavy_for_its_first_use() -> None:
    """As ``panel serve`` runs them for each visitor, from the first line to the last."""
    code = f"""
import sys
import warnings
warnings.simplefilter("ignore", PendingDeprecationWarning)  # Panel's, of the next major version
from panel.io.application import build_single_handler_application

for path in {[str(path) for path in APPS]!r}:
    application = build_single_handler_application(path)
    document = application.create_document()
    assert not [handler.error_detail for handler in application.handlers if handler.failed]
    assert "dist_url" in document.template_variables, path
from skydeck.server.session import finish
finish()
print(*{{name.split(".")[0] for name in sys.modules}})
"""
    assert not set(python(code).split()) & {"distributed", "imageio"}


@pytest.mark.parametrize("module", ["skydeck", "skydeck.core.axis", "skydeck.settings", "skydeck.compute"])
def test_small_modules_stay_small(module: str) -> None:
    assert not imported(module) & {*HEAVY, "xarray", "astropy"}


@pytest.mark.parametrize("module", ["skydeck.sources", "skydeck.fetch"])
def test_heavy_libraries_wait_for_their_first_use(module: str) -> None:
    assert not imported(module) & set(HEAVY)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_another_host(path: Path) -> None:
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if ELSEWHERE.search(line)]
    assert [line for line in found if "www.w3.org" not in line] == []
