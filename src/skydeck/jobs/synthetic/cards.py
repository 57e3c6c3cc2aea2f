"""Cards: a FITS header as text, and an image as a FITS file, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Value = bool | int | float | str
Card = tuple[str, Value, str]

_BLOCK = 2880
_BITPIX = {"u1": 8, "i2": 16, "i4": 32, "f4": -32, "f8": -64}


def card(keyword: str, value: Value, comment: str = "") -> str:
    """One header card, 80 characters (FITS standard 4.0, section 4.2: fixed format).

    Raises ValueError for what doesn't fit one card.
    """
    text = f"{keyword:<8}= {_value(value)}" + (f" / {comment}" if comment else "")
    if len(text) > 80 or not text.isascii():
        raise ValueError(f"{text!r} is no FITS card: at most 80 ASCII characters")
    return text.ljust(80)


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted:<8}'".ljust(20)
    return f"{repr(value).upper():>20}"


def header_text(cards: Sequence[Card]) -> str:
    """Cards joined by line ends, as Skydeck's attributes hold a header."""
    return "\n".join(card(*one) for one in cards)


def fits_image(values: npt.NDArray[Any], cards: Sequence[Card]) -> list[bytes | memoryview]:
    """A FITS file of one image, in pieces to be written one after the other.

    ``values``: (y, x) or more dimensions of u1, i2, i4, f4 or f8, as they are stored (before BSCALE). ``cards`` are
    what follows the axes in the header.
    """
    stored = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder(">"))
    axes = [(f"NAXIS{number}", size, "") for number, size in enumerate(reversed(values.shape), 1)]
    first: list[Card] = [
        ("SIMPLE", True, "conforms to the FITS standard"),
        ("BITPIX", _BITPIX[values.dtype.str[1:]], "bits of a stored number"),
        ("NAXIS", values.ndim, "dimensions"),
        *axes,
    ]
    head = "".join(card(*one) for one in [*first, *cards]) + "END".ljust(80)
    return [_padded(head.encode("ascii"), b" "), stored.data.cast("B"), bytes(-stored.nbytes % _BLOCK)]


def _padded(data: bytes, fill: bytes) -> bytes:
    return data + fill * (-len(data) % _BLOCK)
