"""SkyFrame: which sky a longitude and a latitude are counted on, and how to count them on another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_NAMES = {"Galactic": ("l", "b"), "Supergalactic": ("SGL", "SGB"), "Ecliptic": ("λ", "β")}
_EQUATORIAL = {"ICRS": "ICRS", "FK5": "FK5", "FK4": "FK4", "FK4-NO-E": "FK4-NO-E"}
_PREFIXES = {"GLON": "Galactic", "SLON": "Supergalactic", "ELON": "Ecliptic"}


@dataclass(frozen=True, slots=True)
class SkyFrame:
    """A celestial frame.

    ``name`` is ICRS, FK5, FK4, FK4-NO-E, Galactic, Supergalactic, Ecliptic, or the header's own word where nothing is
    known of it; ``equinox`` is in years, 0 where it has none.
    """

    name: str
    equinox: float = 0.0

    @property
    def equatorial(self) -> bool:
        """Whether the coordinates are right ascension and declination."""
        return self.name in _EQUATORIAL or self.name == "GAPPT"

    @property
    def names(self) -> tuple[str, str]:
        """What the two coordinates are called."""
        return ("RA", "Dec") if self.equatorial else _NAMES.get(self.name, ("lon", "lat"))

    @property
    def known(self) -> bool:
        """Whether the way to ICRS is known."""
        return self.name in _EQUATORIAL or self.name in _NAMES


ICRS = SkyFrame("ICRS")
GALACTIC = SkyFrame("Galactic")


def frame_of(lon_type: str, radesys: str, equinox: float | None) -> SkyFrame:
    """The frame of a header: CTYPE's first word (``RA``, ``GLON``), RADESYS and a sane EQUINOX or None.

    Without RADESYS, an equinox before 1984 means FK4, later FK5, none ICRS: Calabretta & Greisen 2002, A&A 395, 1077,
    section 3.1.
    """
    if lon_type != "RA":
        name = _PREFIXES.get(lon_type, lon_type)
        return SkyFrame(name, equinox or 2000.0) if name == "Ecliptic" else SkyFrame(name)
    name = radesys.strip().upper()
    if name == "GAPPT":
        return SkyFrame(name)
    if name not in _EQUATORIAL:
        name = "ICRS" if equinox is None else "FK4" if equinox < 1984.0 else "FK5"
    if name == "ICRS":
        return ICRS
    return SkyFrame(name, equinox or (2000.0 if name == "FK5" else 1950.0))


def convert(lon: npt.ArrayLike, lat: npt.ArrayLike, source: SkyFrame, target: SkyFrame) -> tuple[Floats, Floats]:
    """Directions in another frame: degrees in, degrees out (longitude 0 to 360), same shape.

    NaN where the input is, beyond the poles, or everywhere when one of the frames is unknown (solar, apparent place).
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    if source == target:
        return lon.copy(), lat.copy()
    if not (source.known and target.known):
        return np.full(lon.shape, np.nan), np.full(lon.shape, np.nan)
    lat = np.where(np.abs(lat) <= 90.0 + 1e-9, lat, np.nan)
    matrix = _rotation(source, target)
    if matrix is None:
        return _by_astropy(lon, lat, source, target)
    return _angles(np.tensordot(matrix, unit_vectors(lon, lat), axes=1))


def unit_vectors(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """(3, ...) unit vectors of directions in degrees."""
    lam, phi = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def separation(lon0: float, lat0: float, lon1: float, lat1: float) -> float:
    """Angle between two directions, degrees, good to the last digits also where it is tiny."""
    first, second = unit_vectors(lon0, lat0), unit_vectors(lon1, lat1)
    return math.degrees(2.0 * math.asin(min(1.0, float(np.linalg.norm(first - second)) / 2.0)))


def _angles(vectors: Floats) -> tuple[Floats, Floats]:
    x, y, z = vectors
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


@lru_cache(maxsize=64)
def _rotation(source: SkyFrame, target: SkyFrame) -> Floats | None:
    """The rotation between two frames (3, 3), or None where it is none (FK4 has elliptic aberration in it).

    Measured on astropy itself: the pictures of the three axes make the matrix, a fourth direction checks it to 0.1 mas.
    """
    lon, lat = np.array([0.0, 90.0, 0.0, 217.0]), np.array([0.0, 0.0, 90.0, -35.0])
    pictures = unit_vectors(*_by_astropy(lon, lat, source, target))
    matrix = pictures[:, :3]
    missed = np.linalg.norm(matrix @ unit_vectors(217.0, -35.0) - pictures[:, 3])
    return matrix if missed < 5e-10 else None


def _by_astropy(lon: Floats, lat: Floats, source: SkyFrame, target: SkyFrame) -> tuple[Floats, Floats]:
    from astropy import units
    from astropy.coordinates import UnitSphericalRepresentation

    good = np.isfinite(lon) & np.isfinite(lat)
    sphere = UnitSphericalRepresentation(
        np.where(good, lon, 0.0) * units.deg, np.where(good, np.clip(lat, -90.0, 90.0), 0.0) * units.deg
    )
    there = _astropy_frame(source).realize_frame(sphere).transform_to(_astropy_frame(target))
    found = there.represent_as(UnitSphericalRepresentation)
    return (
        np.where(good, found.lon.to_value(units.deg) % 360.0, np.nan),
        np.where(good, found.lat.to_value(units.deg), np.nan),
    )


@lru_cache(maxsize=64)
def _astropy_frame(frame: SkyFrame) -> Any:
    from astropy import coordinates

    if frame.name in ("ICRS", "Galactic", "Supergalactic"):
        return getattr(coordinates, frame.name)()
    julian = f"J{frame.equinox!r}"
    if frame.name == "FK5":
        return coordinates.FK5(equinox=julian)
    if frame.name == "Ecliptic":
        return coordinates.BarycentricMeanEcliptic(equinox=julian)
    kind = coordinates.FK4 if frame.name == "FK4" else coordinates.FK4NoETerms
    return kind(equinox=f"B{frame.equinox!r}")
