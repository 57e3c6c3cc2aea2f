"""Readout: where on the sky the cursor is, as numbers and as texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skydeck.sky.angle import decimal, dms, hms
from skydeck.sky.wcs import Celestial

PART_OF_PIXEL = 0.1


@dataclass(frozen=True, slots=True)
class Position:
    """One direction: degrees as numbers, texts with the digits a tenth of a pixel is worth.

    ``lon`` and ``lat`` are the header's own coordinates (``names`` in ``frame``). Where the way from that frame to ICRS
    isn't known (solar coordinates), the ICRS and Galactic numbers are NaN and their texts empty.
    """

    frame: str
    names: tuple[str, str]
    lon: float
    lat: float
    native: str
    ra_deg: float
    dec_deg: float
    ra_hms: str
    dec_dms: str
    gal_l: float
    gal_b: float
    galactic: str

    @property
    def text(self) -> str:
        """One line for under a cursor."""
        equatorial = f"{self.ra_hms} {self.dec_dms} ICRS" if self.ra_hms else ""
        parts = (self.native if self.frame not in ("ICRS", "Galactic") else "", equatorial, self.galactic)
        return "  ".join(part for part in parts if part)


def readout(celestial: Celestial, x: float, y: float) -> Position | None:
    """The direction of a pixel (0-based, header axis order), or None outside the sphere."""
    lon, lat = (float(value) for value in celestial.world(x, y))
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return None
    ra, dec = (float(value) for value in celestial.to_icrs(lon, lat))
    gal_l, gal_b = (float(value) for value in celestial.to_galactic(lon, lat))
    precision = PART_OF_PIXEL * min(celestial.scale)
    return Position(
        celestial.frame,
        celestial.names,
        lon,
        lat,
        _native(celestial, lon, lat, precision),
        ra,
        dec,
        hms(ra, precision * _stretch(dec)),
        dms(dec, precision),
        gal_l,
        gal_b,
        _pair(("l", "b"), gal_l, gal_b, precision),
    )


def _native(celestial: Celestial, lon: float, lat: float, precision: float) -> str:
    if celestial.sky.equatorial:
        return f"{hms(lon, precision * _stretch(lat))} {dms(lat, precision)} {celestial.frame}"
    return _pair(celestial.names, lon, lat, precision)


def _pair(names: tuple[str, str], lon: float, lat: float, precision: float) -> str:
    if math.isnan(lon):
        return ""
    return f"{names[0]} {decimal(lon, precision, wrap=True)} {names[1]} {decimal(lat, precision)}"


def _stretch(lat: float) -> float:
    """How many degrees of longitude a degree on the sky is, up to 1000 near the poles."""
    cosine = math.cos(math.radians(lat)) if math.isfinite(lat) else 1.0
    return 1.0 / max(cosine, 1e-3)
