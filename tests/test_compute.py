"""Threads run work, and stop it when it is no longer wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from skydeck.compute import Health, Threads, Token, connect
from skydeck.core.cancel import Check, stop_if
from skydeck.core.errors import Cancelled, SourceError


@pytest.fixture
def one() -> Iterator[Threads]:
    """A pool of a single thread, so that what is queued is known."""
    pool = Threads(1)
    yield pool
    pool.close()


def until_told(check: Check) -> str:
    while True:
        stop_if(check)
        time.sleep(0.001)


def test_work_gets_its_arguments_and_a_check(one: Threads) -> None:
    token = Token()
    assert one.submit(lambda a, b, check: (a + b, check is token), 1, 2, token=token).result(5) == (3, True)
    assert one.submit(lambda check: check()).result(5) is False


def test_work_runs_elsewhere(one: Threads) -> None:
    where = one.submit(lambda check: threading.current_thread()).result(5)
    assert where is not threading.current_thread()


def test_errors_come_back(one: Threads) -> None:
    def work(check: Check) -> None:
        raise SourceError("It is broken")

    with pytest.raises(SourceError, match="broken"):
        one.submit(work).result(5)


def test_running_work_ends_at_its_next_check(one: Threads) -> None:
    token, begun = Token(), threading.Event()

    def work(check: Check) -> str:
        begun.set()
        return until_told(check)

    running = one.submit(work, token=token)
    assert begun.wait(5)
    token.cancel()
    with pytest.raises(Cancelled):
        running.result(5)


def test_queued_work_is_dropped(one: Threads) -> None:
    first, second, ran = Token(), Token(), []
    running = one.submit(until_told, token=first)
    queued = one.submit(lambda check: ran.append("queued"), token=second)
    second.cancel()
    first.cancel()
    with pytest.raises(Cancelled):
        running.result(5)
    with pytest.raises(CancelledError):
        queued.result(5)
    one.submit(lambda check: None).result(5)
    assert ran == []


def test_what_was_cancelled_before_it_was_submitted_never_runs(one: Threads) -> None:
    hold, token, ran = Token(), Token(), []
    one.submit(until_told, token=hold)
    token.cancel()
    late = one.submit(lambda check: ran.append("late"), token=token)
    hold.cancel()
    assert late.cancelled()
    one.submit(lambda check: None).result(5)
    assert ran == []


def test_a_token_tells_everybody_once_or_more() -> None:
    token, told = Token(), []
    token.on_cancel(lambda: told.append("before"))
    assert not token()
    token.cancel()
    assert token()
    token.on_cancel(lambda: told.append("after"))
    assert told == ["before", "after"]
    token.cancel()
    assert set(told) == {"before", "after"}


def test_no_cancellation_is_lost_between_threads() -> None:
    """A stop that is added while another thread cancels is called."""
    for _ in range(200):
        token, called = Token(), threading.Event()
        other = threading.Thread(target=token.cancel)
        other.start()
        token.on_cancel(called.set)
        other.join()
        assert called.is_set()


def test_a_quick_question_isn_t_kept_by_slow_ones() -> None:
    import os

    pool, tokens = Threads(), [Token() for _ in range(os.cpu_count() or 2)]
    for token in tokens:
        pool.submit(until_told, token=token)
    assert pool.submit(lambda check: "quick").result(5) == "quick"
    for token in tokens:
        token.cancel()
    pool.close()


def test_closing_drops_what_is_queued() -> None:
    pool, token = Threads(1), Token()
    begun = threading.Event()
    running = pool.submit(lambda check: (begun.set(), until_told(check)), token=token)
    queued = pool.submit(lambda check: None)
    assert begun.wait(5)
    pool.close()
    assert queued.cancelled()
    token.cancel()
    with pytest.raises(Cancelled):
        running.result(5)


def test_threads_are_what_one_gets_without_asking() -> None:
    pool = connect()
    assert isinstance(pool, Threads)
    assert pool.health() == Health(1)
    pool.close()
