"""Headers made to order, and the two real images where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

MakeHeader = Callable[..., str]

DATA = Path(__file__).parents[3] / "shared" / "data" / "fits"


@pytest.fixture
def make_header() -> MakeHeader:
    """FITS header text of an image on the sky, cards joined by newlines, written with no library's help."""

    def make(
        projection: str = "TAN",
        centre: tuple[float, float] = (50.0, 30.0),
        cell: tuple[float, float] = (-0.01, 0.01),
        size: int = 100,
        words: tuple[str, str] = ("RA---", "DEC--"),
        rotation: float = 0.0,
        **cards: object,
    ) -> str:
        turn = np.radians(rotation)
        values: dict[str, object] = {"NAXIS": 2, "NAXIS1": size, "NAXIS2": size}
        for axis in (0, 1):
            values |= {
                f"CTYPE{axis + 1}": words[axis] + projection,
                f"CRPIX{axis + 1}": (size + 1) / 2,
                f"CRVAL{axis + 1}": centre[axis],
                f"CDELT{axis + 1}": cell[axis],
                f"CUNIT{axis + 1}": "deg",
            }
        if rotation:
            values |= {"PC1_1": np.cos(turn), "PC1_2": -np.sin(turn), "PC2_1": np.sin(turn), "PC2_2": np.cos(turn)}
        return "\n".join(card(key, value) for key, value in (values | cards).items())

    return make


def card(key: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{key:8}= {'T' if value else 'F':>20}"
    return f"{key:8}= '{value:8}'" if isinstance(value, str) else f"{key:8}= {value!s:>20}".replace("e-", "E-")


@pytest.fixture
def l1448_header() -> str:
    return _header_text(DATA / "l1448_13co.fits")


@pytest.fixture
def w5_header() -> str:
    return _header_text(DATA / "w5.fits")


def _header_text(path: Path) -> str:
    if not path.is_file():
        pytest.skip(f"the sample shared/data/fits/{path.name} isn't here")
    from astropy.io import fits

    return str(fits.getheader(path).tostring(sep="\n"))
