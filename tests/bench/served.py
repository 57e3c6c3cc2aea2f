"""Served: ``skydeck serve`` in a process of its own, and what it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import psutil

READY_SECONDS = 90
WINDOW_SECONDS = 0.1
IDLE_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address, when it was started (time.monotonic), and its process."""

    url: str
    begun: float
    process: psutil.Process

    def cpu(self) -> float:
        """CPU seconds used so far, with those of the workers it started."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def memory(self) -> float:
        """Resident MB of the server's own process."""
        return float(self.process.memory_info().rss) / 1e6

    def idle_cpu(self, seconds: float = 3.0) -> float:
        """CPU seconds a second while nobody asks for anything."""
        begin = self.cpu()
        time.sleep(seconds)
        return (self.cpu() - begin) / seconds

    def seconds_to_idle(self, wait: Callable[[float], object], rest: float = 0.0, watched: float = 3.0) -> float:
        """How long until every tenth of a second is idle, to IDLE_SHARE of a processor above ``rest``.

        A processor's time is counted in hundredths of a second for each process, so each worker may have one more.
        """
        begin, before, busy = time.monotonic(), self.cpu(), 0.0
        most = IDLE_SHARE + rest + 0.1 * (len(self._processes()) - 1)
        while time.monotonic() - begin < watched:
            wait(WINDOW_SECONDS)
            now = self.cpu()
            if now - before > most * WINDOW_SECONDS:
                busy = time.monotonic() - begin
            before = now
        return busy

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def _environment() -> dict[str, str]:
    """Ours, but with bytecode written as on any machine where nobody forbade it."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def served(*paths: Path, workers: int = 0) -> Iterator[Served]:
    """Serve paths on a free port; ended with the block."""
    command = [sys.executable, "-m", "skydeck", "serve", *map(str, paths), "--port", "0"]
    command += ["--workers", str(workers)] if workers else []
    begun = time.monotonic()
    with NamedTemporaryFile("w+") as said, subprocess.Popen(command, stderr=said, env=_environment()) as process:
        try:
            yield Served(_address(Path(said.name), begun), begun, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(30)


def _address(said: Path, begun: float) -> str:
    """What the server says, before anything heavy is imported."""
    while time.monotonic() - begun < READY_SECONDS:
        found = re.search(r"http://\S+(?= )", said.read_text())
        if found:
            return found.group().rstrip("/")
        time.sleep(0.01)
    raise AssertionError(f"the server said no address: {said.read_text()}")


def wait_until_listening(server: Served) -> None:
    """Until the port is open; nothing is asked of it."""
    import socket

    host, port = server.url.removeprefix("http://").split(":")
    while time.monotonic() - server.begun < READY_SECONDS:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the server doesn't listen")


def fetch(url: str) -> float:
    """Seconds that one GET takes."""
    begin = time.perf_counter()
    with urllib.request.urlopen(url, timeout=30) as answer:
        answer.read()
    return time.perf_counter() - begin
