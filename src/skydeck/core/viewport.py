"""Viewport: the piece of a plane that a screen asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from skydeck.core.errors import RequestError

MAX_PIXELS = 8192


@dataclass(frozen=True, slots=True)
class Viewport:
    """A rectangle in axis units, to be shown on ``width`` × ``height`` screen pixels.

    ``x0 < x1`` and ``y0 < y1`` are the outer edges, in the units of the two displayed axes
    (:class:`skydeck.core.axis.Axis`). Row 0 of an answer is at ``y0``, column 0 at ``x0``.
    Raises RequestError for a range that is empty, reversed or not finite, or a size that isn't 1 to 8192.
    """

    x0: float
    x1: float
    y0: float
    y1: float
    width: int
    height: int

    def __post_init__(self) -> None:
        numbers = (self.x0, self.x1, self.y0, self.y1)
        if not all(math.isfinite(number) for number in numbers):
            raise RequestError(f"A viewport's edges must be finite numbers, not {numbers}")
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise RequestError(f"A viewport's ranges must run from low to high, not {numbers}")
        if not (1 <= self.width <= MAX_PIXELS and 1 <= self.height <= MAX_PIXELS):
            raise RequestError(f"A viewport is 1 to {MAX_PIXELS} pixels a side, not {self.width} × {self.height}")

    def coarser(self, factor: int) -> Viewport:
        """The same rectangle on ``factor`` times fewer pixels a side (at least 1)."""
        return replace(self, width=max(1, self.width // factor), height=max(1, self.height // factor))
