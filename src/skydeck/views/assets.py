"""Assets: the page's own HTML, CSS and JavaScript, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def asset(name: str) -> str:
    """The text of a file beside this one."""
    return files("skydeck.views").joinpath(name).read_text(encoding="utf-8")
