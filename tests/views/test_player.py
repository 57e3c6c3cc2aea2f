"""An animation shows each position in turn, no faster than its pictures are painted, and can be stopped."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc
from tornado.ioloop import IOLoop

from skydeck.compute import Threads
from skydeck.core.errors import SkydeckError
from skydeck.fetch import opened, release
from skydeck.fetch.answer import forget
from skydeck.views.player import UNPAINTED, Player
from skydeck.views.screen import Screen
from skydeck.views.state import CubeState

Until = Callable[[Callable[[], bool]], Awaitable[None]]
SIZE = 5


class Stage:
    """A player with its screen on a cube of 5 planes, and the positions of the pictures it sent."""

    def __init__(self, path: str, document: Document, threads: Threads) -> None:
        self.errors: list[SkydeckError] = []
        self.state = CubeState(fps=60.0)
        self.state.location = path
        self.screen = Screen(self.state, threads, threads, document, self.errors.append, lambda busy: None)
        self.player = Player(self.state, self.screen, threads, document, self.errors.append)
        document.add_root(self.screen.figure.plot)
        self.state.adopt(opened(path), {"fps": 60.0})
        self.seen: list[int] = []
        self.painting = True
        self.document = document
        self.screen.on_picture = lambda picture: self._saw()

    async def act(self, change: Callable[[], object]) -> None:
        """Do something as an event of the page does: on the session's loop, with its lock."""
        done = asyncio.Event()

        def acted() -> None:
            change()
            done.set()

        self.document.add_next_tick_callback(acted)
        await done.wait()

    def _saw(self) -> None:
        self.seen.append(int(self.state.index["f"]))
        if self.painting:
            self.paint()

    def paint(self) -> None:
        """Answer as the page does for all that was sent."""
        mailbox = self.screen.mailbox
        mailbox._ack.data = {"seq": [mailbox._seq], "ms": [4.0]}


def built(path: str, document: Document, threads: Threads) -> Stage:
    with set_curdoc(document):
        return Stage(path, document, threads)


@pytest.fixture
async def stage(tmp_path: Path, threads: Threads, until: Until) -> AsyncIterator[Stage]:
    path = str(tmp_path / "cube.zarr")
    document = Document()
    cells = np.arange(SIZE)[:, None, None] + np.zeros((SIZE, 4, 6))
    xr.Dataset({"sky": (("f", "y", "x"), cells)}).to_zarr(path, consolidated=False)
    session = ServerSession("player", document, IOLoop.current())
    made = await session.with_document_locked(lambda: built(path, document, threads))
    await until(lambda: bool(made.seen))
    await asyncio.sleep(0.05)
    yield made
    made.player.close()
    made.screen.close()
    forget(path)
    release(path)
    gc.freeze()
    session.destroy()
    gc.unfreeze()


async def test_a_loop_goes_round(stage: Stage, until: Until) -> None:
    stage.seen.clear()
    await stage.act(lambda: stage.player.play())
    await until(lambda: len(stage.seen) >= 2 * SIZE)
    assert stage.seen[: 2 * SIZE] == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0]
    await stage.act(lambda: stage.player.pause())
    assert not stage.player.playing
    assert stage.errors == []


async def test_ping_pong_turns_at_both_ends(stage: Stage, until: Until) -> None:
    stage.state.repeat = "ping-pong"
    stage.seen.clear()
    await stage.act(lambda: stage.player.play())
    await until(lambda: len(stage.seen) >= 9)
    assert stage.seen[:9] == [1, 2, 3, 4, 3, 2, 1, 0, 1]


async def test_once_ends_at_the_last_and_begins_again_from_the_first(stage: Stage, until: Until) -> None:
    stage.state.repeat = "once"
    stage.seen.clear()
    await stage.act(lambda: stage.player.play())
    await until(lambda: not stage.player.playing)
    assert stage.state.index["f"] == SIZE - 1
    stage.seen.clear()
    await stage.act(lambda: stage.player.play())
    await until(lambda: not stage.player.playing)
    assert {1, 2, 3, 4} <= set(stage.seen)


async def test_no_more_pictures_are_sent_than_are_painted(stage: Stage, until: Until) -> None:
    stage.painting = False
    await stage.act(lambda: stage.paint())
    stage.seen.clear()
    await stage.act(lambda: stage.player.play())
    await until(lambda: stage.screen.mailbox.unpainted >= UNPAINTED)
    await asyncio.sleep(0.2)
    sent = len(stage.seen)
    assert sent <= UNPAINTED + 1
    await stage.act(lambda: stage.paint())
    await until(lambda: len(stage.seen) > sent)


async def test_steps_go_round_and_seeking_stays_inside(stage: Stage) -> None:
    for by, index in ((1, 1), (-1, 0), (-1, 4), (1, 0), (13, 3)):
        await stage.act(lambda by=by: stage.player.step(by))
        assert stage.state.index["f"] == index
    await stage.act(lambda: stage.player.seek(99))
    assert stage.state.index["f"] == SIZE - 1
    await stage.act(lambda: stage.player.seek(-7))
    assert stage.state.index["f"] == 0


async def test_a_source_that_goes_away_stops_the_animation_with_a_sentence(stage: Stage, until: Until) -> None:
    await stage.act(lambda: stage.player.play())
    await until(lambda: len(stage.seen) > 2)
    forget(stage.state.location)
    opened(stage.state.location).checked = -1e9
    (Path(stage.state.location) / "zarr.json").unlink()
    await until(lambda: bool(stage.errors))
    await until(lambda: not stage.player.playing)
    assert "cube.zarr" in str(stage.errors[0])


async def test_a_closed_tab_ends_it_and_asks_for_no_more(
    stage: Stage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.act(lambda: stage.player.play())
    await until(lambda: len(stage.seen) >= 2)
    monkeypatch.setattr("skydeck.views.player.watched", lambda document: False)
    await until(lambda: not stage.player.playing)
    assert not stage.player._queue
    sent = stage.screen.mailbox._seq
    await asyncio.sleep(0.3)
    assert stage.screen.mailbox._seq == sent
