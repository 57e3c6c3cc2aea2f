"""Quiet: warnings of the reading libraries become notes instead of lines on a terminal."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skydeck.sources.location import redact

_lock = threading.Lock()
_local = threading.local()
_state: dict[str, Any] = {"depth": 0, "context": None}


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect this thread's warnings as texts while others may do the same.

    ``warnings.catch_warnings`` restores the filters of whoever entered first and breaks when threads overlap; here the
    first to enter saves them and the last to leave restores them. Warnings of threads that collect nothing are dropped
    meanwhile (zarr warns from a thread of its own).
    """
    outer = getattr(_local, "notes", None)
    _local.notes = notes = [] if outer is None else outer
    _enter()
    try:
        yield notes
    finally:
        _local.notes = outer
        _leave()


def _enter() -> None:
    with _lock:
        if _state["depth"] == 0:
            _state["context"] = warnings.catch_warnings()
            _state["context"].__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _keep
        _state["depth"] += 1


def _leave() -> None:
    with _lock:
        _state["depth"] -= 1
        if _state["depth"] == 0:
            _state["context"].__exit__(None, None, None)


def _keep(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    notes = getattr(_local, "notes", None)
    # Deprecations and resource warnings are between libraries; a reader of data can't act on them.
    if notes is None or issubclass(category, DeprecationWarning | FutureWarning | ResourceWarning):
        return
    text = redact(str(message)).strip().splitlines()
    if text and text[0] not in notes and len(notes) < 50:
        notes.append(text[0])
