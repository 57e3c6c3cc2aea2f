"""A real Bokeh session without a browser: its callbacks run on the test's own loop, with the session's lock."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from bokeh.document import Document
from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

from skydeck.compute import Threads


@pytest.fixture
async def document() -> AsyncIterator[Document]:
    """The document of a running session."""
    made = Document()
    session = ServerSession("test", made, IOLoop.current())
    yield made
    gc.freeze()  # destroying collects garbage three times, over all that was ever imported
    session.destroy()
    gc.unfreeze()


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads(4)
    yield pool
    pool.close()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait, while the loop runs, until something holds; the test's own timeout ends a wait in vain."""

    async def wait(holds: Callable[[], bool]) -> None:
        while not holds():
            await asyncio.sleep(0.005)

    return wait
