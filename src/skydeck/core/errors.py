"""Errors a user can act on: what was wrong, what was expected, what to do."""

from __future__ import annotations


class SkydeckError(Exception):
    """A failure with a sentence for the person who caused or met it.

    ``what`` says what was wrong; ``expected`` and ``remedy`` are optional further sentences.
    ``str(error)`` is the whole text, without markup and without a traceback.
    """

    def __init__(self, what: str, *, expected: str = "", remedy: str = "") -> None:
        super().__init__(what, expected, remedy)
        self.what = what
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(_sentence(text) for text in (self.what, self.expected, self.remedy) if text)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.expected, self.remedy))


class SourceError(SkydeckError, ValueError):
    """A source exists but can't be read as what it claims to be."""


class SourceMissing(SourceError, FileNotFoundError):
    """A source isn't there, or can't be reached from where the work runs."""


class SourceChanged(SourceError):
    """A source was replaced, shrunk or removed after it was opened."""


class NotAllowed(SkydeckError, PermissionError):
    """A path outside the roots, or an action the settings don't allow."""


class TooBig(SkydeckError, ValueError):
    """A request that would read or make more than a screen or a download should hold."""


class RequestError(SkydeckError, ValueError):
    """A request that doesn't fit the data: no such variable, dimension or index."""


class SettingsError(SkydeckError, ValueError):
    """A configuration file, variable or option that can't be used."""


class Cancelled(SkydeckError):
    """The work was no longer wanted; nobody needs to be told."""


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _rebuild(kind: type[SkydeckError], what: str, expected: str, remedy: str) -> SkydeckError:
    return kind(what, expected=expected, remedy=remedy)
