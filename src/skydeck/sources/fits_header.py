"""A header's values, read with patience: a bad card is a missing card."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skydeck.core.errors import SkydeckError, SourceError
from skydeck.sources.failure import brief
from skydeck.sources.fits_hdu import Cards
from skydeck.sources.quiet import noted

if TYPE_CHECKING:
    from astropy.io.fits import Header

MAX_PARSED = 5000  # astropy takes 0.35 ms for each card it has to mend
_COMMENTARY = ("COMMENT ", "HISTORY ", "        ")


@contextmanager
def astropy_at_work(what: str) -> Iterator[list[str]]:
    """Collect astropy's warnings as texts, and turn whatever it raises into a SourceError that begins with ``what``."""
    with noted() as notes:
        try:
            yield notes
        except SkydeckError:
            raise
        except (
            Exception
        ) as error:  # damaged input makes astropy raise every kind, some its own and direct children of this
            raise SourceError(f"{what}: {brief(error)}", remedy="The file may be damaged; copy it again") from error


def header_text(cards: Cards) -> str:
    """The whole header for reading: a line a card, without trailing blanks."""
    return "\n".join(card.rstrip() for card in cards)


def parsed(cards: Cards) -> tuple[Header, list[str]]:
    """The cards that carry values as an astropy Header, at most 5000, and notes on what was left out or mended.

    Raises SourceError when astropy can't make a header of them.
    """
    from astropy.io.fits import Header

    values = [card for card in cards if not card.startswith(_COMMENTARY)]
    with astropy_at_work("The header can't be understood") as notes:
        header = Header.fromstring("\n".join(values[:MAX_PARSED]), sep="\n")
        for key in list(dict.fromkeys(header)):
            if _unreadable(header, key):
                header.remove(key, ignore_missing=True, remove_all=True)
                notes.append(f"The card {key} can't be read and is ignored")
    if len(values) > MAX_PARSED:
        notes.append(f"The header has {len(values)} cards; the first {MAX_PARSED} were used")
    return header, notes


def _unreadable(header: Header, key: str) -> bool:
    from astropy.io.fits import VerifyError
    from astropy.io.fits.card import Undefined

    try:
        return not key or isinstance(header[key], Undefined)
    except (VerifyError, ValueError, KeyError, IndexError, TypeError, ArithmeticError):
        return True


def text(header: Header, key: str, default: str = "") -> str:
    """A card's value as text without blanks at its ends; the default where there is none."""
    value: Any = header.get(key, default)
    return str(value).strip()


def number(header: Header, key: str, default: float = math.nan) -> float:
    """A card's value as a float; the default where there is none or it is no number."""
    value: Any = header.get(key, default)
    if isinstance(value, bool):
        return default
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default
