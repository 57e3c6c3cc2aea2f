"""Style: how numbers become colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stretch = Literal["linear", "log", "asinh", "sqrt", "power", "histogram"]
Limits = Literal["min-max", "99.9 %", "99.5 %", "99 %", "95 %", "90 %", "zscale", "manual"]
Scope = Literal["cube", "plane", "each plane"]
SCOPES: tuple[Scope, ...] = ("cube", "plane", "each plane")
STRETCHES: tuple[Stretch, ...] = ("linear", "log", "asinh", "sqrt", "power", "histogram")
LIMITS: tuple[Limits, ...] = ("min-max", "99.9 %", "99.5 %", "99 %", "95 %", "90 %", "zscale", "manual")


@dataclass(frozen=True, slots=True)
class Style:
    """Colour map, stretch and limits.

    ``low`` and ``high`` are data values; ``low < high``. ``gamma`` is the exponent of the power stretch.
    ``reverse`` turns the colour map round.
    """

    colormap: str = "viridis"
    stretch: Stretch = "linear"
    low: float = 0.0
    high: float = 1.0
    gamma: float = 2.0
    reverse: bool = False
