"""Encode: a painted picture as the bytes of an image file."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import RequestError, TooBig

Bytes = npt.NDArray[np.uint8]

MOST_PIXELS = 64 << 20  # 192 MB of colours; JPEG's own end is 65500 and WebP's 16383 pixels a side
_MOST_SIDE = {"JPEG": 65_500, "WebP": 16_383, "PNG": 65_535}


def jpeg(rgb: Bytes, quality: int = 85) -> bytes:
    """A JPEG of (h, w, 3) uint8, top row first; colours at full resolution from quality 90 on, else at half."""
    import simplejpeg

    _check(rgb, "JPEG", quality)
    subsampling = "444" if quality >= 90 else "420"
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(rgb), quality=quality, colorspace="RGB", colorsubsampling=subsampling
    )
    return encoded


def webp(rgb: Bytes, quality: int = 80, lossless: bool = False) -> bytes:
    """A WebP of (h, w, 3) uint8, top row first; ``lossless`` keeps every colour."""
    _check(rgb, "WebP", quality)
    return _pillow(rgb, "WEBP", quality=quality, lossless=lossless, method=2)


def png(rgb: Bytes) -> bytes:
    """A PNG of (h, w, 3) uint8, or of (h, w, 4) with opacity, top row first."""
    _check(rgb, "PNG", 0, channels=(3, 4))
    return _pillow(rgb, "PNG", compress_level=4)


def _check(rgb: Bytes, kind: str, quality: int, channels: tuple[int, ...] = (3,)) -> None:
    """Raise RequestError or TooBig unless this is a picture that the format can hold."""
    if rgb.ndim != 3 or rgb.shape[2] not in channels or rgb.dtype != np.uint8:
        raise RequestError(f"{rgb.shape} of {rgb.dtype} isn't a picture", expected="(height, width, 3) of uint8")
    height, width = rgb.shape[:2]
    if height == 0 or width == 0:
        raise RequestError(f"A picture of {width} × {height} pixels is empty")
    if max(height, width) > _MOST_SIDE[kind] or height * width > MOST_PIXELS:
        raise TooBig(
            f"A picture of {width} × {height} pixels is too big for {kind}",
            expected=f"at most {_MOST_SIDE[kind]} pixels a side and {MOST_PIXELS} in all",
        )
    if not 0 <= quality <= 100:
        raise RequestError(f"A quality of {quality} isn't known", expected="0 to 100")


def _pillow(rgb: Bytes, kind: str, **options: object) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(buffer, kind, **options)
    return buffer.getvalue()
