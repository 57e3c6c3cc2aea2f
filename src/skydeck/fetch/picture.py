"""Picture: a Raster made ready to travel: JPEG while things move, 16-bit codes once they rest."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from skydeck.core.cancel import Check, never
from skydeck.core.raster import Raster, Request
from skydeck.core.style import Limits, Style
from skydeck.core.viewport import Viewport
from skydeck.fetch.answer import answer
from skydeck.reduce.limits import limits_of
from skydeck.render import codes, encode
from skydeck.render.colour import paint
from skydeck.render.stretch import thresholds

Kind = Literal["jpeg", "codes"]

FRAME_BYTES = 250_000
QUALITY, NOISY_QUALITY = 85, 60


@dataclass(frozen=True, slots=True)
class Look:
    """How a Raster is to be sent: its Style, where its limits come from, and in which form it travels.

    ``limits`` other than None are found from the picture itself; None keeps ``style.low`` and ``style.high``.
    """

    style: Style
    kind: Kind = "codes"
    limits: Limits | None = None
    quality: int = QUALITY
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a browser is sent.

    ``payload``: JPEG bytes (uint8 (n,), row 0 at the top) or codes (uint16 (h, w), row 0 at the bottom); ``decode`` is
    (centre, scale, step) of :mod:`skydeck.render.codes`. ``thresholds`` (255,) are the data values at which the
    colour index steps. ``style`` has the limits that were used. ``quality`` is the JPEG's, 0 for codes. ``seconds``:
    (reading and reducing, colouring and
    encoding).
    """

    kind: Kind
    payload: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] = field(repr=False)
    viewport: Viewport
    style: Style
    thresholds: npt.NDArray[np.float64] = field(repr=False)
    decode: tuple[float, float, float]
    step: tuple[float, float]
    exact: bool
    seconds: tuple[float, float]
    quality: int = 0

    @property
    def bytes(self) -> int:
        """Bytes that travel."""
        return int(self.payload.nbytes)


def picture(request: Request, look: Look, cancelled: Check = never) -> Picture:
    """One viewport, read, reduced, coloured and encoded: the one task of a frame, here or on a worker."""
    begun = time.perf_counter()
    raster = answer(request, cancelled)
    return encoded(raster, look, time.perf_counter() - begun)


def quality_after(picture: Picture) -> int:
    """The JPEG quality to ask for next in an animation, so that a noisy one isn't encoded twice each time."""
    noisy = 0 < picture.quality < QUALITY and picture.bytes > FRAME_BYTES // 3
    return NOISY_QUALITY if noisy else QUALITY


def _jpeg(rgb: npt.NDArray[np.uint8], quality: int) -> tuple[bytes, int]:
    """As good as asked, or as good as fits FRAME_BYTES, and its quality: a noisy frame in motion needs no more."""
    made = encode.jpeg(rgb, quality)
    if len(made) <= FRAME_BYTES or quality <= NOISY_QUALITY:
        return made, quality
    return encode.jpeg(rgb, NOISY_QUALITY), NOISY_QUALITY


def encoded(raster: Raster, look: Look, reading: float = 0.0) -> Picture:
    """Colour and encode a Raster."""
    begun = time.perf_counter()
    style = look.style
    if look.limits is not None:
        low, high = limits_of(raster.values, look.limits)
        style = replace(style, low=low, high=high)
    steps = thresholds(style, raster.values if style.stretch == "histogram" else None)
    decode, quality = (0.0, 0.0, 0.0), 0
    payload: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    if look.kind == "jpeg":
        rgb = paint(raster.values, style, steps, look.background)
        made, quality = _jpeg(rgb, look.quality)
        payload = np.frombuffer(made, np.uint8)
    else:
        kept = codes.encode(raster.values)
        payload, decode = kept.codes, (kept.centre, kept.scale, kept.step)
    spent = (reading, time.perf_counter() - begun)
    return Picture(look.kind, payload, raster.viewport, style, steps, decode, raster.step, raster.exact, spent, quality)
