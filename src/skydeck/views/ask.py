"""Ask: a session's question to the compute; the latest wins, and the answer comes on the session's own loop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from bokeh.document import Document

from skydeck.compute import Compute, Token
from skydeck.core.errors import Cancelled, SkydeckError

log = logging.getLogger(__name__)

PATIENCE_MS = 250


class Ask:
    """One lane of questions of one session.

    A question asked while another is being answered waits; only the newest waits. The one being answered is cancelled
    when a newer one has waited for it for PATIENCE_MS, so that a steady drag still sees answers. ``deliver(answer)``
    and
    ``fail(error)`` are called on the session's loop with its lock held. After ``close`` nothing is called any more.
    """

    def __init__(
        self,
        document: Document,
        compute: Compute,
        deliver: Callable[[Any], None],
        fail: Callable[[SkydeckError], None],
        busy: Callable[[bool], None] = lambda busy: None,
    ) -> None:
        self._document = document
        self._compute = compute
        self._deliver = deliver
        self._fail = fail
        self._busy = busy
        self._number = 0
        self._running: tuple[int, Token] | None = None
        self._waiting: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        return self._running is None

    def __call__(self, work: Callable[..., Any], *args: Any) -> None:
        """Ask for ``work(*args)``; replaces a question that still waits."""
        if self._closed:
            return
        if self._running is None:
            self._start(work, args)
            return
        first = self._waiting is None
        self._waiting = (work, args)
        if first:
            number = self._running[0]
            self._document.add_timeout_callback(partial(self._impatient, number), PATIENCE_MS)

    def cancel(self) -> None:
        """Drop what waits and what is being answered."""
        self._waiting = None
        if self._running is not None:
            self._running[1].cancel()
            self._running = None
            self._busy(False)

    def close(self) -> None:
        """The session is over."""
        self._closed = True
        self._waiting = None
        if self._running is not None:
            self._running[1].cancel()

    def _start(self, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._number += 1
        token = Token()
        if self._running is None:
            self._busy(True)
        self._running = (self._number, token)
        future = self._compute.submit(work, *args, token=token)
        future.add_done_callback(partial(self._arrived, self._number))

    def _arrived(self, number: int, future: Future[Any]) -> None:
        """On whichever thread ended the work."""
        if not self._closed:
            self._document.add_next_tick_callback(partial(self._settle, number, future))

    def _settle(self, number: int, future: Future[Any]) -> None:
        if self._closed or self._running is None or self._running[0] != number:
            return
        waiting, self._waiting = self._waiting, None
        self._running = None
        self._busy(False)
        try:
            answer = future.result()
        except (Cancelled, CancelledError):
            pass
        except SkydeckError as error:
            self._fail(error)
        except Exception as error:  # the session must outlive any fault of a reader; the log has the traceback
            log.exception("a question failed")
            self._fail(
                SkydeckError(f"Something went wrong: {type(error).__name__}", remedy="The server's log says more")
            )
        else:
            self._deliver(answer)
        finally:
            self._go_on(waiting)

    def _go_on(self, waiting: tuple[Callable[..., Any], tuple[Any, ...]] | None) -> None:
        if waiting is not None:
            work, args = waiting
            self(work, *args)

    def _impatient(self, number: int) -> None:
        running = self._running
        if not self._closed and running is not None and running[0] == number and self._waiting is not None:
            running[1].cancel()
            waiting, self._waiting = self._waiting, None
            self._start(*waiting)
