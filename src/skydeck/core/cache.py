"""Cache: recent values, bounded in bytes, shared by threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Least recently used values go first once ``size_of`` of all of them exceeds ``limit`` bytes.

    ``uses`` counts the questions. A value larger than the limit is not kept. All methods may be called from any thread.
    """

    def __init__(self, limit: int, size_of: Callable[[V], int]) -> None:
        self.limit = limit
        self._size_of = size_of
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self.uses = 0

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, key: Hashable) -> V | None:
        """The value kept under a key, now the most recent one, or None."""
        with self._lock:
            self.uses += 1
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: V) -> None:
        """Keep a value, dropping the least recently used until all fit."""
        size = self._size_of(value)
        with self._lock:
            self._drop(key)
            if size > self.limit:
                return
            self._values[key] = (value, size)
            self._bytes += size
            while self._bytes > self.limit:
                self._drop(next(iter(self._values)))

    def forget(self, wanted: Callable[[Hashable], bool] = lambda key: True) -> None:
        """Drop every value whose key satisfies ``wanted`` (all, by default)."""
        with self._lock:
            for key in [key for key in self._values if wanted(key)]:
                self._drop(key)

    def _drop(self, key: Hashable) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._bytes -= found[1]
