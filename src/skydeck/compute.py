"""Compute: where work runs: threads of this process, or a dask.distributed cluster."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from skydeck.core.errors import SkydeckError, SourceMissing
from skydeck.core.raster import Plane

log = logging.getLogger(__name__)

T = TypeVar("T")
Done = Future[Any]


class Compute(Protocol):
    """Something that runs a function elsewhere and hands back a Future."""

    name: str

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args, cancelled)``; ``token`` cancels it, also while it runs where that is possible."""

    def health(self) -> Health:
        """Whether all of it can do its part."""

    def warm(self) -> None:
        """Load and compile what the first picture needs."""

    def close(self) -> None:
        """Let go of threads, workers and connections."""


class Token:
    """A flag that says "no longer wanted", callable as the check that work is handed."""

    __slots__ = ("_event", "_stops")

    def __init__(self) -> None:
        self._event = threading.Event()
        self._stops: list[Callable[[], Any]] = []

    def __call__(self) -> bool:
        return self._event.is_set()

    def on_cancel(self, stop: Callable[[], Any]) -> None:
        """Also call this when cancelled; at once where that has happened already. It may be called twice."""
        self._stops.append(stop)
        if self._event.is_set():
            stop()

    def cancel(self) -> None:
        """Say so. Queued work is dropped; running work ends at its next check."""
        self._event.set()
        for stop in self._stops:
            stop()


class Threads:
    """A pool of this process's threads, one more than processors: a quick question needn't wait for slow ones."""

    name = "threads"

    def __init__(self, count: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(count or (os.cpu_count() or 2) + 1, thread_name_prefix="skydeck-compute")

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args, token)`` in the pool."""
        token = token or Token()
        future = self._pool.submit(work, *args, token)
        token.on_cancel(future.cancel)
        return future

    def warm(self) -> None:
        """Load and compile what the first picture needs, in this thread."""
        _warm()

    def health(self) -> Health:
        """Threads have no ills."""
        return Health(1)

    def close(self) -> None:
        """Drop what is queued and end the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Health:
    """The cluster as a user should know it: workers there, and whether some could not do their part."""

    workers: int
    degraded: str = ""


class Cluster:
    """A dask.distributed cluster: one task per viewport.

    A worker that can't see a source is left out for it, and another one asked; the task of a worker that dies runs
    again elsewhere. What is known of the workers is at most LOOK_SECONDS old, and asking for it never waits.
    """

    RETRIES = 3
    LOOK_SECONDS = 2.0
    FORGET_SECONDS = 60.0

    def __init__(self, client: Any, *, owned: Any = None) -> None:
        self._client = client
        self._owned = owned
        self._blind: dict[tuple[str, str], float] = {}
        self._workers = frozenset(client.scheduler_info(n_workers=-1).get("workers", {}))
        self._closed = threading.Event()
        self._warming: list[Any] = []  # a future that nobody holds is a task that dask drops
        self.name = "dask"
        threading.Thread(target=self._watch, name="skydeck-cluster", daemon=True).start()

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args)`` on a worker."""
        promise: Future[T] = Future()
        token = token or Token()
        token.on_cancel(promise.cancel)
        self._try(_Question(promise, token, work, args, _source_of(args)), self.RETRIES)
        return promise

    def warm(self) -> None:
        """Have the workers there are load what the first picture needs, as a task each."""
        for worker in sorted(self._workers):
            self._warming.append(self._client.submit(_warm, pure=False, workers=[worker]))

    def health(self) -> Health:
        """How many workers there are, and what is wrong with them."""
        blind = {worker for worker, _ in self._unseeing()} & self._workers
        if not self._workers:
            return Health(0, "No dask worker is connected: pictures wait until one is")
        if blind:
            return Health(
                len(self._workers),
                f"{len(blind)} of {len(self._workers)} workers can't see the data; the others answer",
            )
        return Health(len(self._workers))

    def close(self) -> None:
        """Disconnect; end the workers if they are ours."""
        self._closed.set()
        self._client.close(timeout=2)
        if self._owned is not None:
            self._owned.close(timeout=5)

    def _watch(self) -> None:
        while not self._closed.wait(self.LOOK_SECONDS):
            try:
                self._workers = frozenset(self._client.scheduler_info(n_workers=-1).get("workers", {}))
            except Exception:  # whatever its comm raises while the scheduler is away
                self._workers = frozenset()

    def _unseeing(self) -> list[tuple[str, str]]:
        """Pairs of a worker and a source that it couldn't see lately."""
        now = time.monotonic()
        return [pair for pair, when in self._blind.copy().items() if now - when < self.FORGET_SECONDS]

    def _allowed(self, source: str) -> list[str] | None:
        """The workers to ask about a source; None for any."""
        blind = {worker for worker, hidden in self._unseeing() if hidden == source}
        return sorted(self._workers - blind) or None if blind else None

    def _try(self, question: _Question[T], tries: int) -> None:
        try:
            task = self._client.submit(
                _located, question.work, question.args, pure=False, workers=self._allowed(question.source)
            )
        except Exception as error:  # a client that lost its scheduler raises whatever its comm raised
            gone = SkydeckError(f"The dask cluster is gone ({error})", remedy="Restart it, or serve without it")
            question.settle(error=gone)
            return
        question.token.on_cancel(task.cancel)
        task.add_done_callback(lambda done: self._finish(done, question, tries))

    def _finish(self, task: Any, question: _Question[T], tries: int) -> None:
        if question.token() or question.promise.done():
            return
        if task.status in ("lost", "pending"):  # its worker died with the answer, and the scheduler has it made again
            task.add_done_callback(lambda done: self._finish(done, question, tries))
            return
        if task.status != "finished":
            question.settle(error=_cause(task))
            return
        try:
            where, result, error = task.result()
        except Exception as failure:  # a promise must be kept or broken, whatever fetching an answer raises
            log.warning("an answer couldn't be fetched from a worker", exc_info=failure)
            question.settle(error=_cause(task))
            return
        if isinstance(error, SourceMissing) and tries > 0:
            self._blind[where, question.source] = time.monotonic()
            if self._allowed(question.source):
                self._try(question, tries - 1)
                return
        question.settle(result, error)


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """One piece of work on its way to a worker."""

    promise: Future[T]
    token: Token
    work: Callable[..., T]
    args: tuple[Any, ...]
    source: str

    def settle(self, result: T | None = None, error: Exception | None = None) -> None:
        """Hand over the answer, unless nobody waits any more."""
        if not self.promise.set_running_or_notify_cancel():
            return
        if error is not None:
            self.promise.set_exception(error)
        else:
            self.promise.set_result(cast(T, result))


def _source_of(args: tuple[Any, ...]) -> str:
    """The source a piece of work is about: that of its Request or Plane."""
    for arg in args:
        plane = getattr(arg, "plane", arg)
        if isinstance(plane, Plane):
            return plane.source
    return ""


def _warm() -> None:
    from skydeck.core.memory import frugal, settle
    from skydeck.reduce import block
    from skydeck.render import colour

    frugal()
    try:
        block.warm()
        colour.warm()
    finally:
        settle()


@contextmanager
def _keyboard_ignored() -> Iterator[None]:
    """Processes begun in here don't hear Ctrl+C, so that it ends the server, which then ends them in good order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _located(work: Callable[..., T], args: tuple[Any, ...]) -> tuple[str, T | None, SkydeckError | None]:
    """Run on a worker: where it ran, the answer, or the error a user should read."""
    from distributed import get_worker

    where = str(get_worker().address)
    try:
        return where, work(*args), None
    except SkydeckError as error:
        return where, None, error


def _cause(task: Any) -> Exception:
    if task.status == "cancelled":
        return SkydeckError("The dask cluster dropped the task", remedy="Try again, or serve without a cluster")
    error = task.exception(timeout=10)
    if isinstance(error, SkydeckError):
        return error
    return SkydeckError(f"A dask worker failed: {type(error).__name__}: {error}", remedy="Look at the worker's log")


def make_do() -> None:
    """Answer without compiled code until it was warmed up: for a server whose first visitor shouldn't wait."""
    from skydeck.reduce import block

    block.make_do()


def connect(scheduler: str | None = None, workers: int | None = None, memory_limit: int | None = None) -> Compute:
    """Threads by default; a cluster at ``scheduler``; or ``workers`` local dask worker processes of ``memory_limit``
    bytes each.

    Raises SkydeckError where the scheduler doesn't answer within 10 s.
    """
    if not scheduler and not workers:
        return Threads()
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            return Cluster(Client(scheduler, timeout="10s", set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise SkydeckError(
                f"No dask scheduler answers at {scheduler}",
                expected="An address such as tcp://127.0.0.1:8786",
                remedy="Start one with 'dask scheduler', or use --workers N",
            ) from error
    with _keyboard_ignored():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory_limit or "auto",
            dashboard_address=None,
            host="127.0.0.1",
            processes=True,
        )
    return Cluster(Client(cluster, set_as_default=False), owned=cluster)
