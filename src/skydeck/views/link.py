"""Link: a view's whole state as the query of its address, and back. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

from skydeck.core.raster import PARTS, REDUCES
from skydeck.core.style import LIMITS, SCOPES, STRETCHES
from skydeck.render.colour import COLORMAPS

MAX_QUERY = 8192

_CHOICES: dict[str, tuple[Any, ...]] = {
    "colormap": tuple(name for group in COLORMAPS.values() for name in group),
    "part": PARTS,
    "reduce": REDUCES,
    "stretch": STRETCHES,
    "limits": LIMITS,
    "scope": SCOPES,
    "resolution": (1, 2, 4, 8, 16),
    "repeat": ("loop", "ping-pong", "once"),
    "tool": ("point", "box", "ellipse"),
}
_NUMBERS: dict[str, tuple[float, float]] = {
    "gamma": (0.05, 20.0),
    "fps": (0.1, 60.0),
    "prefetch": (0, 64),
    "low": (-math.inf, math.inf),
    "high": (-math.inf, math.inf),
}
_FLAGS = frozenset({"reverse", "grid", "mesh"})
_TEXTS = frozenset({"source", "variable", "x", "y", "profile", "play"})
_WHOLE = frozenset({"resolution", "prefetch"})
_RANGES = {"xrange": 2, "yrange": 2, "region": 4}


def query_of(state: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """What differs from the defaults, as ``?source=...&index.frequency=12``; readable and stable in order."""
    pairs: list[tuple[str, str]] = []
    for name, value in state.items():
        if value is None or value == defaults.get(name):
            continue
        if name in ("index", "options"):
            pairs += [(f"{name}.{key}", str(item)) for key, item in value.items() if item or name == "options"]
        elif name in _RANGES:
            pairs.append((name, ",".join(_digits(number) for number in value)))
        elif name in _FLAGS:
            pairs.append((name, "1" if value else "0"))
        else:
            pairs.append((name, _digits(value) if isinstance(value, float) else str(value)))
    return "?" + urlencode(pairs, safe="/:,", quote_via=quote) if pairs else ""


def _digits(number: float) -> str:
    """A number in as few digits as give it back exactly."""
    short = f"{number:.10g}"
    return short if float(short) == number else repr(float(number))


def state_of(query: str) -> dict[str, Any]:
    """The state a query asks for; whatever isn't understood is left out, so no query is an error."""
    state: dict[str, Any] = {"index": {}, "options": {}}
    for pair in _pairs(query.removeprefix("?")):
        name, _, text = pair.partition("=")
        name, text = unquote_plus(name), unquote_plus(text)
        if name.startswith("index."):
            if text.isascii() and text.isdigit() and len(text) < 20:
                state["index"][name[6:]] = int(text)
        elif name.startswith("options."):
            state["options"][name[8:]] = text
        else:
            value = _value(name, text)
            if value is not None:
                state[name] = value
    return state


def _pairs(query: str) -> list[str]:
    """``name=value`` texts; of a query that is too long those that are whole."""
    pairs = query[: MAX_QUERY + 1].split("&")
    return pairs[:-1] if len(query) > MAX_QUERY else pairs


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    if name in _FLAGS:
        return text == "1" if text in ("0", "1") else None
    if name in _RANGES:
        return _range(text, _RANGES[name], empty=name == "region")
    if name in _NUMBERS:
        return _number(text, *_NUMBERS[name], whole=name in _WHOLE)
    if name in _CHOICES:
        return next((choice for choice in _CHOICES[name] if str(choice) == text), None)
    return None


def _number(text: str, low: float, high: float, *, whole: bool) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    number = min(max(number, low), high)
    return int(number) if whole else number


def _range(text: str, count: int, *, empty: bool) -> tuple[float, ...] | None:
    """Pairs of numbers that each run from low to high; a pair of equal ones only where ``empty`` is."""
    parts = [_number(part, -math.inf, math.inf, whole=False) for part in text.split(",")]
    numbers = tuple(float(part) for part in parts if part is not None)
    if not len(parts) == len(numbers) == count:
        return None
    rising = (low < high or (empty and low == high) for low, high in zip(numbers[::2], numbers[1::2], strict=True))
    return numbers if all(rising) else None


def script_text(value: object) -> str:
    """A value as JSON that is safe inside a <script> element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
