"""Player: a plane set moving along one dimension, at a pace, no faster than the browser paints."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial

import param
from bokeh.document import Document

from skydeck.compute import Compute, Token
from skydeck.core.errors import Cancelled, SkydeckError
from skydeck.fetch import Picture, picture
from skydeck.views.screen import Screen
from skydeck.views.state import CubeState
from skydeck.views.watched import watched

log = logging.getLogger(__name__)

UNPAINTED = 2
TELL_SECONDS = 0.35
CHECK_SECONDS = 0.25
FPS_OVER = 20


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that is being made: where along the dimension, and its picture to come."""

    index: int
    future: Future[Picture]
    token: Token


class Player(param.Parameterized):
    """Plays ``state.play``.

    ``rate`` is the frames painted a second, over the last FPS_OVER; ``milliseconds`` what the browser took for one.
    """

    playing = param.Boolean(False)
    rate = param.Number(0.0)

    def __init__(
        self,
        state: CubeState,
        screen: Screen,
        compute: Compute,
        document: Document,
        fail: Callable[[SkydeckError], None],
    ) -> None:
        super().__init__()
        self.state = state
        self.screen = screen
        self.milliseconds = 0.0
        self._compute = compute
        self._fail = fail
        self._document = document
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[Frame] = deque()
        self._painted: deque[float] = deque(maxlen=FPS_OVER)
        self._room = asyncio.Event()
        self._direction = 1
        self._told = 0.0
        screen.mailbox.on_painted = self._heard

    def toggle(self) -> None:
        """Play, or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Start from the position shown; at the end of a run that doesn't repeat, from its beginning."""
        if self.playing or not self.state.play or self.state.opened is None:
            return
        self._direction = 1
        if self.state.repeat == "once" and self._index == self._size - 1:
            self._tell(0)
        self._painted.clear()
        self.screen.stop_asking()
        self.screen.playing = True
        self.playing = True
        self._task = asyncio.ensure_future(self._run())

    def pause(self) -> None:
        """Stop at the frame shown; what was being made is dropped, and the frame at rest becomes sharp."""
        if self.playing:
            self.abandon()
            self._tell(self._index)
            self.screen.ask()

    def abandon(self) -> None:
        """Stop, for nobody looks any more."""
        self._halt()
        self.playing = False
        self.rate = 0.0

    def step(self, by: int) -> None:
        """Move by frames along the played dimension, around its ends."""
        if self.state.play and self._size:
            self.seek((self._index + by) % self._size)

    def seek(self, index: int) -> None:
        """Go to a position; playing goes on from there."""
        self._drop()
        self._tell(min(max(index, 0), self._size - 1))

    def close(self) -> None:
        """The session is over."""
        self._halt()

    @property
    def _size(self) -> int:
        assert self.state.opened is not None
        return self.state.opened.dataset.sizes.get(self.state.play, 0)

    @property
    def _index(self) -> int:
        return int(self.state.index.get(self.state.play, 0))

    def _halt(self) -> None:
        self.screen.playing = False
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._drop()

    def _drop(self) -> None:
        while self._queue:
            self._queue.popleft().token.cancel()

    async def _run(self) -> None:
        try:
            await self._frames()
        except (asyncio.CancelledError, CancelledError, Cancelled):
            pass
        except SkydeckError as error:
            self._document.add_next_tick_callback(partial(self._failed, error))
        except Exception:  # whatever a reader raises ends this animation, not the session
            log.exception("an animation failed")
            fault = SkydeckError("The animation stopped on an error", remedy="The server's log says more")
            self._document.add_next_tick_callback(partial(self._failed, fault))

    async def _frames(self) -> None:
        due = time.monotonic()
        while self.playing:
            if not watched(self._document):
                self._document.add_next_tick_callback(self.abandon)
                return
            self._fill()
            if not self._queue:
                self._document.add_next_tick_callback(self.pause)
                return
            frame = self._queue.popleft()
            try:
                made = await asyncio.wrap_future(frame.future)
            except (CancelledError, asyncio.CancelledError, Cancelled):
                if frame.token():
                    continue
                raise
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._wait_for_room()
            if frame.token():
                continue
            due = max(due + 1 / self.state.fps, time.monotonic() - 1 / self.state.fps)
            self._document.add_next_tick_callback(partial(self._send, frame.index, made))

    async def _wait_for_room(self) -> None:
        while self.screen.mailbox.unpainted >= UNPAINTED:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), CHECK_SECONDS)
            except TimeoutError:
                if not watched(self._document):
                    return

    def _fill(self) -> None:
        """Keep the next frames in the making."""
        last = self._queue[-1].index if self._queue else self._index
        while len(self._queue) <= self.state.prefetch:
            following = self._next(last)
            if following is None:
                return
            request = self.screen.request(**{self.state.play: following})
            if request is None:
                return
            token = Token()
            look = self.screen.look(True, request.viewport)
            self._queue.append(Frame(following, self._compute.submit(picture, request, look, token=token), token))
            last = following

    def _next(self, index: int) -> int | None:
        """The position after ``index``; None where a run ends."""
        size = self._size
        if size < 2:
            return None
        if self.state.repeat == "ping-pong":
            if not 0 <= index + self._direction < size:
                self._direction = -self._direction
            return index + self._direction
        if index + 1 < size:
            return index + 1
        return 0 if self.state.repeat == "loop" else None

    def _send(self, index: int, made: Picture) -> None:
        if not self.playing:
            return
        self.state.index[self.state.play] = index
        self.screen.show(made)
        if time.monotonic() - self._told > TELL_SECONDS:
            self._tell(index)

    def _tell(self, index: int) -> None:
        """Let everything that shows the position know of it."""
        self._told = time.monotonic()
        positions = {**self.state.index, self.state.play: index}
        if positions == self.state.index:
            self.state.param.trigger("index")
        else:
            self.state.index = positions

    def _heard(self, seq: int, milliseconds: float) -> None:
        self.milliseconds = milliseconds
        self._room.set()
        if self.playing:
            self._painted.append(time.monotonic())
            if len(self._painted) > 1:
                self.rate = (len(self._painted) - 1) / (self._painted[-1] - self._painted[0] or 1.0)

    def _failed(self, error: SkydeckError) -> None:
        self.pause()
        self._fail(error)
