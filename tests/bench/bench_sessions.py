"""Sessions come and go: memory and threads stay, run by ``make bench``."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.bench.cube import zarr_cube
from tests.bench.served import served, wait_until_listening
from tests.bench.visitor import come_and_go

FIRST, SESSIONS = 10, 30  # by the first, everything is imported, compiled and cached
LIFETIME_SECONDS = 85  # a session without a connection is let go after 15 to 20 s, its memory after a minute of rest
GROWTH_MB = 60


@pytest.mark.timeout(900)
def test_sessions_leave_nothing_behind() -> None:
    with served(zarr_cube()) as server:
        wait_until_listening(server)
        url = f"{server.url}/cubes"
        asyncio.run(come_and_go(url, FIRST))
        time.sleep(LIFETIME_SECONDS)
        memory, threads = server.memory(), server.process.num_threads()
        asyncio.run(come_and_go(url, SESSIONS))
        time.sleep(LIFETIME_SECONDS)
        grown, more = server.memory() - memory, server.process.num_threads() - threads
    print(f"\n{SESSIONS} sessions: {grown:+.0f} MB on {memory:.0f} MB, {more:+d} threads on {threads}", end="")
    assert grown < GROWTH_MB
    assert more <= 2
