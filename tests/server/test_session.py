"""What a server does between its sessions: it lets go of memory once nobody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.models import Div
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc
from tornado.ioloop import IOLoop

from skydeck.fetch.answer import forget_all, planes
from skydeck.server import session
from skydeck.server.session import Rest
from skydeck.views.page import CubePage


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


async def test_a_page_that_cant_be_made_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(session, "CubeView", broken)
    document = Document()
    with set_curdoc(document):
        page = CubePage()
        page.server_doc(document)
    made = ServerSession("page", document, IOLoop.current())
    context = SimpleNamespace(session=made, request=SimpleNamespace(arguments={}), id="page")
    document._session_context = lambda: context
    await made.with_document_locked(lambda: session._fill(page, document, "", None))
    said = [model.text for model in document.models if isinstance(model, Div)]
    assert any("Something went wrong" in text for text in said)
    assert not any("no such luck" in text for text in said)
    assert "no such luck" in caplog.text
