"""Text: strings from data on their way to a page. Pure."""

from __future__ import annotations

import re
from html import escape

import numpy as np

LONGEST = 400
_TEX = re.compile(r"\$(?=\$)|\\+(?=[(\[])")


def plain(text: object, longest: int = LONGEST) -> str:
    """A text without control characters and TeX marks, cut to a length: for canvases and widgets."""
    spaced = (" " if character.isspace() else character for character in str(text))
    whole = "".join(character for character in spaced if character.isprintable())
    whole = _TEX.sub(lambda found: "$ " if found[0] == "$" else "", whole)
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"


def html(text: object, longest: int = LONGEST) -> str:
    """The same, safe inside HTML."""
    return escape(plain(text, longest), quote=True)


def byte_text(count: float) -> str:
    """Bytes as people write them: 96 kB, 4.3 GB (1000-based)."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if float(f"{count:.3g}") < 1000:
            break
        count, unit = count / 1000, larger
    return f"{count:.0f} {unit}" if unit == "B" or count >= 1000 else f"{count:.3g} {unit}"


def number_text(value: complex | float | int | None, digits: int = 10) -> str:
    """A datum as people read it: ints, bools and what float32 holds with all their digits, other floats to ``digits``
    (17 are all)."""
    if value is None:
        return "–"
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, complex):
        sign = "−" if value.imag < 0 else "+"
        return f"{_float_text(value.real, digits)} {sign} {_float_text(abs(value.imag), digits)}i"
    return _float_text(value, digits)


def short_text(value: float) -> str:
    """A derived number, to six digits."""
    return "no value" if value != value else f"{value:.6g}"


def _float_text(value: float, digits: int) -> str:
    if value != value:
        return "no value"
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return f"{float(str(single)):.9g}" if float(single) == value else f"{value:.{digits}g}"


def table(rows: list[tuple[str, str]], title: str = "") -> str:
    """Names and values as an HTML table; both are escaped."""
    body = "".join(f"<tr><th>{html(name)}</th><td>{html(value)}</td></tr>" for name, value in rows)
    return f"<table class='sd-table'>{f'<caption>{html(title)}</caption>' if title else ''}{body}</table>"
