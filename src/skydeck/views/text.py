"""Text: strings from data on their way to a page. Pure."""

from __future__ import annotations

from html import escape

LONGEST = 400


def plain(text: object, longest: int = LONGEST) -> str:
    """A text without control characters and TeX marks, cut to a length: for canvases and widgets."""
    whole = "".join(character for character in str(text) if character.isprintable())
    whole = whole.replace("$$", "$ $").replace("\\(", "(").replace("\\[", "[")
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"


def html(text: object, longest: int = LONGEST) -> str:
    """The same, safe inside HTML."""
    return escape(plain(text, longest), quote=True)


def byte_text(count: float) -> str:
    """Bytes as people write them: 96 kB, 4.3 GB (1000-based)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.3g} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    raise AssertionError


def number_text(value: complex | float | int | None) -> str:
    """A datum with all its digits; ints and bools stay what they are."""
    if value is None:
        return "–"
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, complex):
        return f"{value.real:.7g} {'+' if value.imag >= 0 else '−'} {abs(value.imag):.7g}i"
    return f"{value:.7g}"


def table(rows: list[tuple[str, str]], title: str = "") -> str:
    """Names and values as an HTML table; both are escaped."""
    body = "".join(f"<tr><th>{html(name)}</th><td>{html(value)}</td></tr>" for name, value in rows)
    return f"<table class='sd-table'>{f'<caption>{html(title)}</caption>' if title else ''}{body}</table>"
