"""A name in an address leads only to what the settings allow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from skydeck.core.errors import NotAllowed, SkydeckError, SourceMissing
from skydeck.settings import Settings
from skydeck.views.locate import first_sources, is_folder, locate, title_of

SECRET_URL = "https://me:pw@host.example/data/cube.zarr?token=abc"
SHOWN_URL = "https://host.example/data/cube.zarr?token=***"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file, a folder and ways out; beside it a secret."""
    (tmp_path / "secret.fits").write_bytes(b"SIMPLE  =")
    inside = tmp_path / "root"
    (inside / "deep").mkdir(parents=True)
    (inside / "cube.fits").write_bytes(b"SIMPLE  =")
    (inside / "deep" / "other.fits").write_bytes(b"SIMPLE  =")
    (inside / "way out").symlink_to(tmp_path)
    (inside / "secret link").symlink_to(tmp_path / "secret.fits")
    (inside / "link").symlink_to(inside / "cube.fits")
    (inside / "loop").symlink_to(inside / "loop")
    return inside


def allowing(root: Path, **more: Any) -> Settings:
    return Settings(roots=(root,), **more)


@pytest.mark.parametrize("name", ["cube.fits", "deep/other.fits", "link", "deep"])
def test_a_path_inside_a_root_is_found_either_way(root: Path, name: str) -> None:
    real = (root / name).resolve()
    for asked in (name, str(root / name)):
        found = locate(asked, allowing(root))
        assert (found.name, found.location, found.title) == (str(real), str(real), real.name)


ESCAPES = [
    "../secret.fits",
    "deep/../../secret.fits",
    "deep/../cube.fits",
    "way out/secret.fits",
    "secret link",
    "/etc/passwd",
    "~/.ssh/id_rsa",
    "~root",
    "",
    "cube.fits\0.zarr",
    "/proc/self/environ",
    "//etc/passwd",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_path_leads_outside(root: Path, name: str) -> None:
    with pytest.raises(NotAllowed):
        locate(name, allowing(root))
    with pytest.raises(NotAllowed):
        locate(f"{root}/../secret.fits", allowing(root))


@pytest.mark.parametrize("there", [True, False])
def test_outside_it_isn_t_told_what_exists(root: Path, there: bool) -> None:
    name = str(root.parent / ("secret.fits" if there else "nothing.fits"))
    with pytest.raises(NotAllowed) as caught:
        locate(name, allowing(root))
    assert str(caught.value).replace(name, "NAME") == (
        "“NAME” isn't in a folder that may be shown here. Choose a file from the list."
    )


@pytest.mark.parametrize(
    "url", ["https://elsewhere/x", "file:///etc/passwd", "s3://bucket/x", "zip://a::file:///etc/passwd", SECRET_URL]
)
def test_other_urls_are_refused_without_their_secrets(root: Path, url: str) -> None:
    with pytest.raises(NotAllowed, match="isn't a source of this server") as caught:
        locate(url, allowing(root))
    assert not any(secret in str(caught.value) for secret in ("me:", "pw", "abc"))


@pytest.mark.parametrize("name", ["nothing.fits", "cube.fits/inside", "a" * 300, "b/" * 2000 + "c", "loop"])
def test_what_isn_t_there_is_missing(root: Path, name: str) -> None:
    with pytest.raises((SourceMissing, NotAllowed)):
        locate(name, allowing(root))


def test_without_roots_there_is_nothing(root: Path) -> None:
    for name in ("cube.fits", str(root / "cube.fits"), "/"):
        with pytest.raises(NotAllowed):
            locate(name, Settings())


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "deep", "way out", "loop", "link", "~", "", "secret.fits", "root", "/"])))
def test_no_combination_leads_outside(root: Path, parts: list[str]) -> None:
    for name in ("/".join(parts), f"{root}/{'/'.join(parts)}"):
        try:
            found = locate(name, allowing(root))
        except SkydeckError:
            continue
        assert os.path.realpath(found.location).startswith(os.path.realpath(root))


def test_sources_of_the_settings_come_by_name(root: Path) -> None:
    sources = {"survey": {"location": SECRET_URL, "title": "The survey", "options": {"group": "a", "anon": "true"}}}
    chosen = allowing(root, sources=sources)
    found = locate("survey", chosen)
    assert (found.name, found.location, found.title) == ("survey", SECRET_URL, "The survey")
    assert found.options == (("anon", "true"), ("group", "a"))
    assert [one.name for one in first_sources(chosen)] == ["survey"]


def test_urls_of_the_command_line_are_shown_without_their_secrets(root: Path) -> None:
    chosen = Settings(open_paths=(SECRET_URL, str(root), str(root / "cube.fits")))
    for name in (SECRET_URL, SHOWN_URL):
        found = locate(name, chosen)
        assert (found.name, found.location) == (SHOWN_URL, SECRET_URL)
    listed = first_sources(chosen)
    assert [one.name for one in listed] == [SHOWN_URL, str(root / "cube.fits")]
    assert not any(secret in one.name + one.title for one in listed for secret in ("pw", "abc"))


def test_a_store_is_no_folder(root: Path) -> None:
    (root / "cube.zarr").mkdir()
    (root / "cube.zarr" / "zarr.json").write_text("{}")
    assert is_folder(str(root))
    assert not is_folder(str(root / "cube.zarr"))
    assert not is_folder(str(root / "cube.fits"))
    assert not is_folder(str(root / "nothing"))


@pytest.mark.parametrize(
    ("location", "title"), [("/a/b.fits", "b.fits"), ("/a/b.zarr/", "b.zarr"), ("b", "b"), ("/", "/")]
)
def test_a_title_is_the_last_part(location: str, title: str) -> None:
    assert title_of(location) == title
