"""Session: one visitor's page, made from the process's Settings and compute, let go when the visitor leaves."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import panel as pn
from bokeh.document import Document
from panel.io.resources import get_dist_path
from panel.io.state import set_curdoc
from tornado.ioloop import PeriodicCallback

from skydeck.compute import Compute, Threads, connect, make_do
from skydeck.core.memory import frugal, tidy, trim
from skydeck.fetch.answer import forget_all, keep, planes, rasters
from skydeck.settings import settings
from skydeck.views.cube import Answer, CubeView, foresee
from skydeck.views.figure import backend
from skydeck.views.page import CubePage

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.001  # a request waits its turn among the threads that compute, several times: 5 ms each is long

REST_MS = 2_000
REST_CALLS = 30  # a minute
WARM_MS = 1500  # after a page is there: its first picture comes first

_warmed = threading.Event()
_making = threading.Lock()


@cache
def compute() -> Compute:
    """Where this process's work runs; made once."""
    chosen = settings()
    frugal()
    sys.setswitchinterval(SWITCH_SECONDS)
    make_do()
    keep(chosen.cache_bytes)
    return connect(chosen.scheduler, chosen.workers, chosen.memory_limit)


@cache
def local() -> Compute:
    """Threads for what must run here: graticules, opening, exports."""
    return Threads()


def finish() -> None:
    """Let go of threads and workers, where they were made."""
    for made in (compute, local):
        if made.cache_info().currsize:
            made().close()


def begin() -> Document:
    """The document of the session that asks, told to take Panel's style sheets from this server."""
    document = pn.state.curdoc
    assert document is not None, "there is no session"
    document.template_variables["dist_url"] = get_dist_path(cdn=False)
    return document


def explorer() -> pn.Template:
    """The cube explorer for the session that asks."""
    document = begin()
    query = (pn.state.location.search if pn.state.location is not None else "") or ""
    page = CubePage()
    document.add_next_tick_callback(partial(_fill, page, document, query, foresee(query, settings(), local())))
    return page


async def _fill(page: CubePage, document: Document, query: str, foreseen: Future[Answer] | None) -> None:
    """Make the view, once the page is on its way to the browser, and in parts, between which others are answered.

    Bokeh holds the document's lock meanwhile: the browser gets the document when it is complete.
    """
    tend()
    with set_curdoc(document), _silent(document):
        try:
            view = await asyncio.to_thread(_view, document)
            pn.state.on_session_destroyed(lambda context: view.close())
            view.prepare(foreseen)
            await page.fill(view)
        except Exception:  # whatever it is: the visitor sees a sentence, and the log has the traceback
            log.exception("a page couldn't be made")
            page.apologise()
            return
        pn.state.onload(partial(_start, view, query))


def _view(document: Document) -> CubeView:
    """One after the other: HoloViews' options, for one, belong to the whole process."""
    with _making:
        return CubeView(settings(), compute(), local(), document)


@contextmanager
def _silent(document: Document) -> Iterator[None]:
    """Make changes at once, and send none: a browser gets the document later, and with them.

    Panel would put them off until one is connected; Bokeh would send them to one that has no document yet.
    """
    pn.state._connected[document] = True
    session = document.session_context.session if document.session_context is not None else None
    timers = _Timers(session)
    document.callbacks.remove_on_change(session)
    document.callbacks.on_change_dispatch_to(timers)
    try:
        yield
    finally:
        document.callbacks.remove_on_change(timers)
        document.callbacks.on_change_dispatch_to(session)


class _Timers:
    """Of all that a document tells its session, only which callbacks to run when."""

    def __init__(self, session: Any) -> None:
        self._session_callback_added = session._session_callback_added
        self._session_callback_removed = session._session_callback_removed


def _start(view: CubeView, query: str) -> None:
    view.start(query)
    view.document.add_timeout_callback(warm, WARM_MS)


def expect() -> None:
    """Import what the first page needs, and open what it shows first, while nobody has come for it yet."""
    threading.Thread(target=backend, name="skydeck-expect", daemon=True).start()
    foresee("", settings(), local())


@cache
def warm() -> None:
    """Compile the kernels in the background: pictures come before, but more slowly."""
    threading.Thread(target=_warm, name="skydeck-warm", daemon=True).start()


@cache
def tend() -> None:
    """Look every so often whether memory can go back, on the loop that serves sessions, whoever started it."""
    PeriodicCallback(Rest(REST_CALLS), REST_MS).start()


class Rest:
    """Lets go of memory in two steps: of what was freed, once nothing was asked between two calls; of what is kept
    for the next question, once nothing was asked for ``patience`` calls."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._uses = -1
        self._calls = 0

    def __call__(self) -> None:
        uses = planes.uses + rasters.uses
        self._calls = 0 if uses != self._uses else self._calls + 1
        self._uses = uses
        if self._calls == self._patience:
            forget_all()
            tidy()
        if self._calls in (1, self._patience):
            threading.Thread(target=trim, name="skydeck-trim").start()


def ready() -> bool:
    """Whether the kernels are compiled."""
    return _warmed.is_set()


def _warm() -> None:
    Threads(1).warm()
    compute().warm()
    _warmed.set()
