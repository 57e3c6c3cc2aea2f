"""What a start leaves behind is passed over by collections of cycles, and looked at again when the server rests."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from skydeck.core import memory


class Knot:
    """Something that only a collection of cycles ends."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collections_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def knot() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


def test_a_start_collects_nothing_and_what_lives_then_is_passed_over() -> None:
    memory.begin()
    assert not gc.isenabled()
    early = knot()
    memory.settle()
    assert gc.isenabled()
    late = knot()
    gc.collect()
    assert early() is not None
    assert late() is None


def test_a_rest_collects_all() -> None:
    early = knot()
    memory.settle()
    memory.tidy()
    assert early() is None
    assert gc.get_freeze_count() > 0
