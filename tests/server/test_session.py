"""What a server does between its sessions: it lets go of memory once nobody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from skydeck.fetch.answer import forget_all, planes
from skydeck.server import session
from skydeck.server.session import Rest


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    done: list[str] = []
    monkeypatch.setattr(session, "trim", lambda: done.append("trim"))
    monkeypatch.setattr(session, "tidy", lambda: done.append("tidy"))
    yield done
    forget_all()


def settled(done: list[str], count: int) -> list[str]:
    """The list, once the threads that fill it have had their turn."""
    end = time.monotonic() + 5
    while len(done) < count and time.monotonic() < end:
        time.sleep(0.01)
    return done


def test_rest_comes_in_two_steps(let_go: list[str]) -> None:
    planes.put("plane", np.zeros(10))
    rest = Rest(patience=3)
    rest()
    assert let_go == []
    rest()
    assert settled(let_go, 1) == ["trim"]
    rest()
    assert planes.get("plane") is not None  # which is a question: it begins anew
    for _ in range(4):
        rest()
    assert settled(let_go, 4)[1:] == ["trim", "tidy", "trim"]
    assert planes.bytes == 0
    for _ in range(5):
        rest()
    assert len(let_go) == 4


def test_questions_keep_it_from_resting(let_go: list[str]) -> None:
    rest = Rest(patience=2)
    for turn in range(6):
        planes.get(turn)
        rest()
    assert let_go == []
