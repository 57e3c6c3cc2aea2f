"""Compute: where work runs: threads of this process, or a dask.distributed cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from skydeck.core.errors import SkydeckError, SourceMissing

T = TypeVar("T")
Done = Future[Any]


class Compute(Protocol):
    """Something that runs a function elsewhere and hands back a Future."""

    name: str

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args, cancelled)``; ``token`` cancels it, also while it runs where that is possible."""

    def health(self) -> Health:
        """Whether all of it can do its part."""

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
        """Also call this when cancelled."""
        self._stops.append(stop)

    def cancel(self) -> None:
        """Say so. Queued work is dropped; running work ends at its next check."""
        self._event.set()
        for stop in self._stops:
            stop()


class Threads:
    """A pool of this process's threads, one more than processors: a quick question doesn't wait for two slow ones."""

    name = "threads"

    def __init__(self, count: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(count or (os.cpu_count() or 2) + 1, thread_name_prefix="skydeck-compute")

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args, token)`` in the pool."""
        token = token or Token()
        future = self._pool.submit(work, *args, token)
        token.on_cancel(future.cancel)
        return future

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

    A worker that can't see a source is left out for that source and another one asked; a worker that dies has its
    task run again elsewhere. ``health()`` says so.
    """

    RETRIES = 3

    def __init__(self, client: Any, *, owned: Any = None) -> None:
        self._client = client
        self._owned = owned
        self._blind: dict[str, set[str]] = {}
        self.name = f"dask {client.scheduler.address if client.scheduler else ''}".strip()

    def submit(self, work: Callable[..., T], *args: Any, token: Token | None = None) -> Future[T]:
        """Run ``work(*args)`` on a worker."""
        promise: Future[T] = Future()
        token = token or Token()
        token.on_cancel(promise.cancel)
        self._try(promise, token, work, args, set())
        return promise

    def health(self) -> Health:
        """How many workers there are, and what is wrong with them, from what the client already knows."""
        workers = self._client.scheduler_info(n_workers=-1).get("workers", {})
        blind = {worker for lost in self._blind.values() for worker in lost} & set(workers)
        if not workers:
            return Health(0, "No dask worker is connected: pictures wait until one is")
        if blind:
            return Health(len(workers), f"{len(blind)} of {len(workers)} workers can't see the data; the others answer")
        return Health(len(workers))

    def close(self) -> None:
        """Disconnect; end the workers if they are ours."""
        self._client.close(timeout=2)
        if self._owned is not None:
            self._owned.close(timeout=5)

    def _try(
        self, promise: Future[T], token: Token, work: Callable[..., T], args: tuple[Any, ...], blind: set[str]
    ) -> None:
        allowed = self._allowed(blind)
        try:
            task = self._client.submit(
                _located, work, args, pure=False, retries=0, workers=allowed, allow_other_workers=False
            )
        except Exception as error:  # a client that lost its scheduler raises whatever its comm raised
            _settle(
                promise,
                error=SkydeckError(f"The dask cluster is gone ({error})", remedy="Restart it, or serve without it"),
            )
            return
        token.on_cancel(task.cancel)
        task.add_done_callback(lambda done: self._finish(done, promise, token, work, args, blind))

    def _allowed(self, blind: set[str]) -> list[str] | None:
        if not blind:
            return None
        others = [
            worker for worker in self._client.scheduler_info(n_workers=-1).get("workers", {}) if worker not in blind
        ]
        return others or None

    def _finish(
        self,
        task: Any,
        promise: Future[T],
        token: Token,
        work: Callable[..., T],
        args: tuple[Any, ...],
        blind: set[str],
    ) -> None:
        if token() or promise.done():
            return
        if task.status != "finished":
            error = _cause(task)
            _settle(promise, error=error)
            return
        where, result, error = task.result()
        if isinstance(error, SourceMissing) and len(blind) < self.RETRIES and self._allowed({*blind, where}):
            self._blind.setdefault(str(args[:1]), set()).add(where)
            self._try(promise, token, work, args, {*blind, where})
        elif error is not None:
            _settle(promise, error=error)
        else:
            _settle(promise, result=cast(T, result))


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
    error = task.exception()
    if isinstance(error, SkydeckError):
        return error
    return SkydeckError(f"A dask worker failed: {type(error).__name__}: {error}", remedy="Look at the worker's log")


def _settle(promise: Future[T], result: T | None = None, error: Exception | None = None) -> None:
    if promise.done():
        return
    if error is not None:
        promise.set_exception(error)
    else:
        promise.set_result(cast(T, result))


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
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit=memory_limit or "auto",
        dashboard_address=None,
        host="127.0.0.1",
        processes=True,
    )
    return Cluster(Client(cluster, set_as_default=False), owned=cluster)
