"""Link: a view's whole state as the query of its address, and back. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

from skydeck.core.raster import PARTS, REDUCES
from skydeck.core.style import LIMITS, SCOPES, STRETCHES

MAX_QUERY = 8192

_CHOICES: dict[str, tuple[Any, ...]] = {
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
_TEXTS = frozenset({"source", "variable", "x", "y", "colormap", "profile", "play"})
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
            pairs.append((name, ",".join(f"{number:.10g}" for number in value)))
        elif name in _FLAGS:
            pairs.append((name, "1" if value else "0"))
        else:
            pairs.append((name, f"{value:.9g}" if isinstance(value, float) else str(value)))
    return "?" + urlencode(pairs, safe="/:,", quote_via=quote) if pairs else ""


def state_of(query: str) -> dict[str, Any]:
    """The state a query asks for; whatever isn't understood is left out, so no query is an error."""
    state: dict[str, Any] = {"index": {}, "options": {}}
    for pair in query.removeprefix("?")[:MAX_QUERY].split("&"):
        name, _, text = pair.partition("=")
        name, text = unquote_plus(name), unquote_plus(text)
        if name.startswith("index."):
            if text.isascii() and text.isdigit():
                state["index"][name[6:]] = int(text)
        elif name.startswith("options."):
            state["options"][name[8:]] = text
        else:
            value = _value(name, text)
            if value is not None:
                state[name] = value
    return state


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    if name in _FLAGS:
        return text == "1" if text in ("0", "1") else None
    if name in _RANGES:
        return _numbers(text, _RANGES[name])
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


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    parts = [_number(part, -math.inf, math.inf, whole=False) for part in text.split(",")]
    if len(parts) != count or any(part is None for part in parts):
        return None
    return tuple(float(part) for part in parts if part is not None)


def script_text(value: object) -> str:
    """A value as JSON that is safe inside a <script> element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
