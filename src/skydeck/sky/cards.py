"""Cards: the few values wanted from FITS header text that nobody has checked yet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from skydeck.core.errors import SourceError

Value = str | int | float | bool

MAX_TEXT = 64 * 2**20
MAX_CARDS = 4096
_CARD = re.compile(r"(?P<key>[A-Z0-9_-]{1,8}) *= +(?:'(?P<text>(?:[^']|'')*)'|(?P<word>[^ /]+))")


def lines(text: str) -> Iterator[str]:
    """Header text card by card, 80 characters each at most.

    Cards are separated by newlines, or run on without any (2880-byte blocks). Raises SourceError above 64 MiB.
    """
    if len(text) > MAX_TEXT:
        raise SourceError(f"The header is {len(text) / 2**20:.0f} MiB of text", expected="at most 64 MiB")
    if "\n" in text:
        return (match.group()[:80] for match in re.finditer(r"[^\r\n]+", text))
    return (text[start : start + 80] for start in range(0, len(text), 80))


def cards(text: str, wanted: re.Pattern[str]) -> dict[str, Value]:
    """The cards whose whole keyword matches ``wanted``; the first of a repeated keyword counts.

    Cards that can't be read, and numbers that aren't finite, are left out. Stops at END.
    Raises SourceError for text above 64 MiB or more than 4096 wanted cards.
    """
    found: dict[str, Value] = {}
    for line in lines(text):
        if line.rstrip() == "END":
            break
        match = _CARD.match(line)
        if match is None or match["key"] in found or not wanted.fullmatch(match["key"]):
            continue
        value = _value(match)
        if value is not None:
            found[match["key"]] = value
        if len(found) > MAX_CARDS:
            raise SourceError(f"The header has more than {MAX_CARDS} coordinate cards", expected="a header of an image")
    return found


def number(value: Value | None, default: float) -> float:
    """A card's value as a float, also from text that holds one number (``'2000.0'``, ``'J2000'``); else the default."""
    if isinstance(value, str):
        try:
            value = float(value.strip().lstrip("JB"))
        except ValueError:
            return default
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return default
    return float(value)


def _value(match: re.Match[str]) -> Value | None:
    if match["text"] is not None:
        return match["text"].replace("''", "'").rstrip()
    word = match["word"]
    if word in ("T", "F"):
        return word == "T"
    if re.fullmatch(r"[+-]?\d+", word):
        return int(word)
    try:
        real = float(re.sub("[dD]", "e", word))
    except ValueError:
        return None
    return real if math.isfinite(real) else None
