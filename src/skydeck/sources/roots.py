"""Roots: keep a path that somebody typed inside the folders that may be shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from skydeck.core.errors import NotAllowed


def confine(path: str | Path, roots: Sequence[Path]) -> Path:
    """The real path of ``path`` where that lies in one of ``roots`` (a root may also be a single file).

    A relative path is looked for in each root in turn. Symbolic links are followed first. Raises NotAllowed, with the
    same sentence whether something exists there or not, for ``..``, ``~``, NUL bytes and everything outside.
    """
    text = str(path)
    wanted = Path(text)
    if not roots or not text or "\0" in text or text.startswith("~") or ".." in wanted.parts:
        raise _refused(text)
    real_roots = [_real(root) for root in roots]
    candidates = [_real(wanted)] if wanted.is_absolute() else [_real(root / wanted) for root in real_roots]
    inside = [candidate for candidate in candidates if any(candidate.is_relative_to(root) for root in real_roots)]
    if not inside:
        raise _refused(text)
    return next((candidate for candidate in inside if os.path.exists(candidate)), inside[0])


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name too long
        raise _refused(str(path)) from None


def _refused(text: str) -> NotAllowed:
    name = text.replace("\0", "")[:200]
    return NotAllowed(f"“{name}” isn't in a folder that may be shown here", remedy="Choose a file from the list")
