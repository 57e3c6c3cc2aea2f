"""Locate: what a name in an address means here, within what the settings allow. Pure but for looking at the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from skydeck.core.errors import NotAllowed, SourceMissing
from skydeck.settings import Settings, is_url, redacted
from skydeck.sources import confine


@dataclass(frozen=True, slots=True)
class Located:
    """``name`` is what pages and addresses say; ``location`` what is opened, which may hold credentials."""

    name: str
    location: str
    title: str
    options: tuple[tuple[str, str], ...] = ()


def locate(name: str, settings: Settings) -> Located:
    """The source that a name means: one the settings name, one given on the command line, or a path inside the roots.

    Raises NotAllowed for every other path and URL, and SourceMissing where nothing is there.
    """
    named = settings.sources.get(name)
    if named is not None:
        return Located(name, named.location, named.title or name, tuple(sorted(named.options.items())))
    for location in settings.open_paths:
        if name in (location, redacted(location)):
            return Located(redacted(location), location, title_of(redacted(location)))
    if is_url(name):
        raise NotAllowed(
            f"{redacted(name)} isn't a source of this server",
            remedy="Give the URL to 'skydeck serve', or name it under [sources] in observatory.toml",
        )
    path = confine(name, settings.roots)
    if not os.path.exists(path):  # Path.exists raises for names that are too long
        raise SourceMissing(f"There is nothing at {name}", remedy="Choose a file from the list")
    return Located(str(path), str(path), title_of(str(path)))


def title_of(location: str) -> str:
    """The last part of a path or URL."""
    return location.rstrip("/").rsplit("/", 1)[-1] or location


def first_sources(settings: Settings) -> list[Located]:
    """What there is to open without browsing: the settings' sources, then the files and URLs of the command line."""
    listed = [locate(name, settings) for name in settings.sources]
    given = [path for path in settings.open_paths if is_url(path) or not is_folder(path)]
    return listed + [Located(redacted(path), path, title_of(redacted(path))) for path in given]


def is_folder(path: str) -> bool:
    """Whether a path is a directory to browse and not a store to open."""
    from skydeck.sources.magic import kind_of_path

    return Path(path).is_dir() and not kind_of_path(path)
