"""Pictures as files, read back by an independent decoder."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from skydeck.core.errors import RequestError, TooBig
from skydeck.render.encode import jpeg, png, webp


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3, y * 4, 255 - x * 2], axis=-1).astype(np.uint8)


def read(data: bytes) -> tuple[str, np.ndarray]:
    picture = Image.open(io.BytesIO(data))
    return str(picture.format), np.asarray(picture.convert("RGBA" if picture.mode == "RGBA" else "RGB"))


@pytest.mark.parametrize(("encode", "kind"), [(jpeg, "JPEG"), (webp, "WEBP")])
def test_lossy_pictures_come_back_nearly_the_same(encode: Callable[..., bytes], kind: str) -> None:
    form, picture = read(encode(smooth(), 95))
    assert form == kind
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.astype(int) - smooth()).mean() < 3


def test_exact_pictures_come_back_exactly() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (33, 21, 3)).astype(np.uint8)
    np.testing.assert_array_equal(read(png(noise))[1], noise)
    np.testing.assert_array_equal(read(webp(noise, lossless=True))[1], noise)
    see_through = np.random.default_rng(0).integers(0, 256, (5, 4, 4)).astype(np.uint8)
    np.testing.assert_array_equal(read(png(see_through))[1], see_through)


def test_quality_90_keeps_colours_at_full_resolution() -> None:
    def sampling(data: bytes) -> tuple[int, ...]:
        return tuple(layer[1] for layer in Image.open(io.BytesIO(data)).layer)  # type: ignore[attr-defined]

    assert sampling(jpeg(smooth(), 90)) == (1, 1, 1)
    assert sampling(jpeg(smooth(), 89)) == (2, 1, 1)
    assert len(jpeg(smooth(), 20)) < len(jpeg(smooth(), 95))


@pytest.mark.parametrize("encode", [jpeg, webp, png])
def test_flipped_and_sliced_pictures_are_encoded(encode: Callable[[np.ndarray], bytes]) -> None:
    assert encode(smooth()[::-1, ::2]) == encode(smooth()[::-1, ::2].copy())


@pytest.mark.parametrize("encode", [jpeg, webp, png])
@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), "empty"),
        (np.zeros((5, 5), np.uint8), "isn't a picture"),
        (np.zeros((5, 5, 3), np.float32), "uint8"),
        (np.zeros((5, 5, 2), np.uint8), "isn't a picture"),
    ],
)
def test_what_is_no_picture_is_refused(
    encode: Callable[[np.ndarray], bytes], picture: np.ndarray, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        encode(picture)


@pytest.mark.parametrize("encode", [jpeg, webp, png])
@pytest.mark.parametrize("shape", [(1, 70_000), (70_000, 1), (20_000, 20_000)])
def test_huge_pictures_are_refused_before_any_work(
    encode: Callable[[np.ndarray], bytes], shape: tuple[int, int]
) -> None:
    with pytest.raises(TooBig, match="too big"):
        encode(np.broadcast_to(np.zeros(3, np.uint8), (*shape, 3)))


@pytest.mark.parametrize("quality", [-1, 101])
def test_an_odd_quality_is_refused(quality: int) -> None:
    for encode in (jpeg, webp):
        with pytest.raises(RequestError, match="0 to 100"):
            encode(smooth(), quality)
