"""Cancel: the way to say that an answer is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable

from skydeck.core.errors import Cancelled

Check = Callable[[], bool]


def never() -> bool:
    """The check of work that is always wanted."""
    return False


def stop_if(cancelled: Check) -> None:
    """Raise Cancelled once the check says so; long loops call it at least every 200 ms."""
    if cancelled():
        raise Cancelled("The work was no longer wanted")
