"""What is kept stays within its bytes."""

from __future__ import annotations

import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.cache import Cache


def test_the_least_recently_used_goes_first() -> None:
    cache: Cache[bytes] = Cache(30, len)
    for name in "abc":
        cache.put(name, b"0123456789")
    assert cache.get("a") is not None
    cache.put("d", b"0123456789")
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
    assert cache.bytes == 30


def test_what_is_larger_than_all_is_not_kept_and_drops_what_it_replaces() -> None:
    cache: Cache[bytes] = Cache(10, len)
    cache.put("a", b"123")
    cache.put("b", b"123")
    cache.put("a", b"x" * 11)
    assert cache.get("a") is None
    assert cache.get("b") == b"123"
    assert cache.bytes == 3


def test_some_are_forgotten() -> None:
    cache: Cache[bytes] = Cache(100, len)
    for number in range(6):
        cache.put(number, b"12")
    cache.forget(lambda key: isinstance(key, int) and key % 2 == 0)
    assert [cache.get(number) is not None for number in range(6)] == [False, True] * 3
    cache.forget()
    assert cache.bytes == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_the_count_of_bytes_is_right(puts: list[tuple[int, int]]) -> None:
    cache: Cache[bytes] = Cache(64, len)
    for key, size in puts:
        cache.put(key, b"x" * size)
        held = [value for value in map(cache.get, range(10)) if value is not None]
        assert cache.bytes == sum(map(len, held)) <= 64


def test_many_threads_leave_it_whole() -> None:
    cache: Cache[bytes] = Cache(500, len)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(seed: int) -> None:
        for number in range(400):
            cache.put((seed * number) % 17, b"x" * (number % 90))
            cache.get(number % 17)
            if number % 50 == 0:
                cache.forget(lambda key: key == 3)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert cache.bytes == sum(len(cache.get(key) or b"") for key in range(17)) <= 500
