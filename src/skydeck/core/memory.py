"""Memory: what is freed goes back to the system once a server rests, and what lives on isn't looked through."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache
from typing import Any

_ARENAS, _TRIM, _MAP = -8, -1, -3  # mallopt(3): M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_KEPT = 64 << 20  # bytes that a heap may hold free at its end
_LARGE = 16 << 20  # bytes from which an array is mapped, and returned when freed


@cache
def _library() -> Any:
    """glibc, or None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except OSError:
        return None


def frugal() -> None:
    """Threads share two heaps, which keep what is freed for the next picture until :func:`trim`.

    Where each array is mapped anew, its pages are faulted in anew: a third of what a frame of an animation costs.
    Does nothing where the C library isn't glibc.
    """
    library = _library()
    if library is not None:
        for option, value in ((_ARENAS, 2), (_TRIM, _KEPT), (_MAP, _LARGE)):
            library.mallopt(option, value)


def trim() -> None:
    """Give back what the heaps hold free; for when nobody asks for anything."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def begin() -> None:
    """Until :func:`settle` nothing looks for cycles: a start makes half a million objects, and none of them ends."""
    gc.disable()


def settle() -> None:
    """Collections of cycles look only at what is made from now on.

    A full one of everything that is imported takes 0.3 s, in which nobody is answered, and every session that ends
    brings one.
    """
    gc.freeze()
    gc.enable()


def tidy() -> None:
    """Collect what :func:`settle` left out, and settle anew; for when nobody asks for anything."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
