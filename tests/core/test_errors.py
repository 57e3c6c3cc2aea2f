"""Errors are sentences, and survive a journey to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from skydeck.core import errors
from skydeck.core.cancel import never, stop_if
from skydeck.core.errors import Cancelled, SkydeckError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SkydeckError)]


def test_there_are_kinds() -> None:
    assert len(KINDS) >= 9


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_is_sentences(kind: type[SkydeckError]) -> None:
    error = kind("It broke", expected="Something whole.", remedy="Mend it!")
    assert str(error) == "It broke. Something whole. Mend it!"
    assert str(kind("It broke?")) == "It broke?"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_they_travel_whole(kind: type[SkydeckError], travel) -> None:
    error = travel(kind("It broke", expected="Something whole", remedy="Mend it"))
    assert type(error) is kind
    assert (error.what, error.expected, error.remedy) == ("It broke", "Something whole", "Mend it")
    assert str(error) == "It broke. Something whole. Mend it."


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.SourceError, ValueError),
        (errors.SourceMissing, FileNotFoundError),
        (errors.NotAllowed, PermissionError),
        (errors.TooBig, ValueError),
        (errors.RequestError, ValueError),
    ],
)
def test_they_are_builtins_too(kind: type[SkydeckError], builtin: type[Exception]) -> None:
    with pytest.raises(builtin, match="It broke"):
        raise kind("It broke")


def test_cancelling_raises_once_the_check_says_so() -> None:
    stop_if(never)
    with pytest.raises(Cancelled):
        stop_if(lambda: True)
