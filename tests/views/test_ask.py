"""The latest question wins, answers come on the session's loop, and after the end nothing comes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bokeh.document import Document

from skydeck.compute import Threads
from skydeck.core.cancel import Check, stop_if
from skydeck.core.errors import SkydeckError, SourceError
from skydeck.views import ask as module
from skydeck.views.ask import Ask

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Said:
    """What an Ask told its owner."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.errors: list[SkydeckError] = []
        self.busy: list[bool] = []
        self.threads: set[threading.Thread] = set()

    def deliver(self, answer: Any) -> None:
        self.threads.add(threading.current_thread())
        self.answers.append(answer)


class Gate:
    """Work that waits until it is let through or no longer wanted."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[Any] = []
        self.cancelled: list[Any] = []

    def work(self, name: Any, check: Check) -> Any:
        self.begun.append(name)
        while not self.open.wait(0.002):
            if check():
                self.cancelled.append(name)
            stop_if(check)
        return name


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def ask(document: Document, threads: Threads, said: Said) -> Ask:
    return Ask(document, threads, said.deliver, said.errors.append, said.busy.append)


async def test_an_answer_comes_on_the_session_s_loop(ask: Ask, said: Said, gate: Gate, until: Until) -> None:
    assert ask.idle
    ask(gate.work, "one")
    assert not ask.idle
    gate.open.set()
    await until(lambda: bool(said.answers))
    assert said.answers == ["one"]
    assert said.threads == {threading.current_thread()}
    assert said.busy == [True, False]
    assert ask.idle


async def test_of_those_that_wait_only_the_newest_is_asked(ask: Ask, said: Said, gate: Gate, until: Until) -> None:
    for number in range(5):
        ask(gate.work, number)
    gate.open.set()
    await until(lambda: len(said.answers) == 2)
    assert said.answers == [0, 4]
    assert gate.begun == [0, 4]


async def test_a_question_that_waited_too_long_takes_the_place_of_the_one_before(
    ask: Ask, said: Said, gate: Gate, until: Until
) -> None:
    ask(gate.work, "slow")
    ask(gate.work, "new")
    await until(lambda: gate.cancelled == ["slow"])
    gate.open.set()
    await until(lambda: bool(said.answers))
    assert said.answers == ["new"]
    assert said.errors == []
    assert said.busy == [True, False]


async def test_the_patience_of_a_question_that_was_answered_cancels_no_other(
    ask: Ask, said: Said, gate: Gate, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_MS", 60_000)
    ask(lambda check: "first")
    number = ask._number
    ask(gate.work, "second")
    await until(lambda: gate.begun == ["second"])
    ask(gate.work, "third")
    ask._impatient(number)  # as the timer of the first does when its time comes
    assert gate.cancelled == []
    gate.open.set()
    await until(lambda: said.answers == ["first", "second", "third"])


async def test_cancelling_drops_what_runs_and_what_waits(ask: Ask, said: Said, gate: Gate, until: Until) -> None:
    ask(gate.work, "one")
    ask(gate.work, "two")
    await until(lambda: bool(gate.begun))
    ask.cancel()
    assert ask.idle
    await until(lambda: gate.cancelled == ["one"])
    gate.open.set()
    ask(gate.work, "three")
    await until(lambda: bool(said.answers))
    assert said.answers == ["three"]
    assert gate.begun == ["one", "three"]
    assert said.busy == [True, False, True, False]


async def test_a_question_cancelled_before_it_began_is_never_answered(
    document: Document, said: Said, gate: Gate, until: Until
) -> None:
    one = Threads(1)
    one.submit(gate.work, "other")
    ask = Ask(document, one, said.deliver, said.errors.append, said.busy.append)
    ask(gate.work, "queued")
    ask.cancel()
    gate.open.set()
    ask(gate.work, "next")
    await until(lambda: bool(said.answers))
    assert said.answers == ["next"]
    assert "queued" not in gate.begun
    one.close()


async def test_after_the_end_nothing_is_said(ask: Ask, said: Said, gate: Gate, until: Until) -> None:
    ask(gate.work, "one")
    ask(gate.work, "two")
    await until(lambda: bool(gate.begun))
    ask.close()
    ask(gate.work, "three")
    await until(lambda: gate.cancelled == ["one"])
    gate.open.set()
    await asyncio.sleep(0.1)
    assert (said.answers, said.errors, gate.begun) == ([], [], ["one"])


async def test_errors_of_ours_are_told_as_they_are(ask: Ask, said: Said, until: Until) -> None:
    def work(check: Check) -> None:
        raise SourceError("It is broken", remedy="Mend it")

    ask(work)
    await until(lambda: bool(said.errors))
    assert str(said.errors[0]) == "It is broken. Mend it."
    assert ask.idle


async def test_any_other_error_ends_in_a_sentence_and_a_log(
    ask: Ask, said: Said, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    def work(check: Check) -> None:
        raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR):
        ask(work)
        await until(lambda: bool(said.errors))
    assert "ZeroDivisionError" in str(said.errors[0])
    assert "secret" not in str(said.errors[0])
    assert "secret" in caplog.text
    ask(lambda check: "still alive")
    await until(lambda: said.answers == ["still alive"])


async def test_after_an_error_the_one_that_waited_is_asked(ask: Ask, said: Said, gate: Gate, until: Until) -> None:
    def work(check: Check) -> None:
        gate.open.wait(5)
        raise SourceError("It is broken")

    ask(work)
    ask(gate.work, "next")
    gate.open.set()
    await until(lambda: said.answers == ["next"])
    assert len(said.errors) == 1


async def test_a_steady_drag_sees_answers(ask: Ask, said: Said, until: Until) -> None:
    """Questions that come faster than answers still get some, the last one always."""
    for number in range(40):
        ask(lambda number, check: number, number)
        await asyncio.sleep(0.002)
    await until(lambda: bool(said.answers) and said.answers[-1] == 39)
    assert said.answers == sorted(said.answers)
    assert len(said.answers) >= 3
