"""Celestial: the two axes of a header that lie on the sky, from pixels to directions and back, in any thread."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import SourceError
from skydeck.sky.cards import Value, cards, number
from skydeck.sky.frame import GALACTIC, ICRS, SkyFrame, convert, frame_of

Floats = npt.NDArray[np.float64]

MAX_SIP_ORDER = 9
_WANTED = re.compile(
    r"NAXIS\d{1,2}|CTYPE\d{1,2}|CRPIX\d{1,2}|CRVAL\d{1,2}|CDELT\d{1,2}|CUNIT\d{1,2}|CROTA\d{1,2}|(PC|CD)\d{1,2}_\d{1,2}|"
    r"PC\d{6}|PV\d{1,2}_\d{1,2}|[AB]P?_ORDER|[AB]P?_\d_\d|LONPOLE|LATPOLE|EQUINOX|EPOCH|RADESYS|RADECSYS"
)
_TYPE = re.compile(r"(?P<word>[A-Z0-9]{1,4}?)-+(?P<projection>[A-Z]{3})(?:-(?P<distortion>[A-Z]+))?")
_SIP = re.compile(r"[AB]P?_(ORDER|\d_\d)")
_CYLINDRICAL = frozenset({"CAR", "CEA", "CYP", "MER"})


@dataclass(frozen=True, slots=True)
class Celestial:
    """Two pixel axes on the sky, made by :func:`celestial_of`.

    ``header`` is FITS header text of these two axes alone (axis 1, axis 2), cards joined by newlines. ``scale`` is
    degrees a pixel along each at the reference point, ``size`` their pixels where the header says; ``lon_first``
    whether axis 1 is the longitude. Pixels count from 0 at the centre of the first; axis 1 is ``x``.
    Equal headers are equal Celestials; pickles as its header.
    """

    header: str = field(repr=False)
    sky: SkyFrame
    lon_first: bool
    scale: tuple[float, float]
    size: tuple[int, int] | None
    _wcs: Any = field(compare=False, repr=False)
    _lock: threading.Lock = field(compare=False, repr=False, default_factory=threading.Lock)

    def __reduce__(self) -> tuple[Callable[[str], Celestial], tuple[str]]:
        return _read, (self.header,)

    @property
    def frame(self) -> str:
        """The frame's name: ICRS, FK5, FK4, Galactic, ..."""
        return self.sky.name

    @property
    def names(self) -> tuple[str, str]:
        """What longitude and latitude are called: RA and Dec, l and b, ..."""
        return self.sky.names

    def world(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Longitude (0 to 360) and latitude in degrees of pixels; NaN outside the sphere. Any shapes that broadcast."""
        columns, shape = _columns(x, y)
        with self._lock:
            wcs = self._wcs
            found = wcs.all_pix2world(columns, 0) if wcs.has_distortion else wcs.wcs_pix2world(columns, 0)
        lon, lat = (found[:, axis].reshape(shape) for axis in self._order)
        lost = ~(np.isfinite(lon) & np.isfinite(lat))
        return np.where(lost, np.nan, lon % 360.0), np.where(lost, np.nan, lat)

    def pixel(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Pixels x, y of directions in degrees; NaN where the projection shows none. Any shapes that broadcast."""
        columns, shape = _columns(*((lon, lat) if self.lon_first else (lat, lon)))
        with self._lock:
            found = self._wcs.wcs_world2pix(columns, 0)
            found = _undistorted(self._wcs, found) if self._wcs.has_distortion else found
        x, y = found[:, 0].reshape(shape), found[:, 1].reshape(shape)
        lost = ~(np.isfinite(x) & np.isfinite(y))
        return np.where(lost, np.nan, x), np.where(lost, np.nan, y)

    def to_icrs(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
        """ICRS right ascension and declination of the header's own coordinates, degrees; NaN for an unknown frame."""
        return convert(lon, lat, self.sky, ICRS)

    def to_galactic(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Galactic longitude and latitude of the header's own coordinates, degrees; NaN for an unknown frame."""
        return convert(lon, lat, self.sky, GALACTIC)

    def shifted(self, x: float, y: float) -> Celestial:
        """The same sky after ``x`` and ``y`` pixels were cut off at the start of the two axes."""
        header = _header_of(self.header)
        for axis, offset in ((1, x), (2, y)):
            header[f"CRPIX{axis}"] = float(header[f"CRPIX{axis}"]) - offset
            header.remove(f"NAXIS{axis}", ignore_missing=True)
        return _read(str(header.tostring(sep="\n", endcard=False, padding=False)))

    @property
    def _order(self) -> tuple[int, int]:
        return (0, 1) if self.lon_first else (1, 0)


def celestial_of(header_text: str) -> Celestial | None:
    """The celestial axes of FITS header text (cards joined by newlines), or None; :func:`why_not` says why.

    Any projection astropy knows, with SIP, TPV or none; look-up tables in other HDUs (CPDIS, D2IMDIS) are left out.
    An EQUINOX that isn't between 1800 and 2500 counts as unset. Never raises.
    """
    try:
        return _read(header_text)
    except SourceError:
        return None


def why_not(header_text: str) -> str:
    """Why a header has no usable celestial axes, in a sentence; empty where it has."""
    try:
        _read(header_text)
    except SourceError as error:
        return str(error)
    return ""


def celestial_axes(header_text: str) -> tuple[int, int]:
    """The FITS axis numbers (from 1, ascending) that lie on the sky. Raises SourceError where there are no two."""
    return _axes(cards(header_text, _WANTED))[0]


def _read(header_text: str) -> Celestial:
    found = cards(header_text, _WANTED)
    axes, words = _axes(found)
    two = _two_axes(found, axes)
    lon_first = not _is_latitude(words[0])
    sky = _sky(found, words[0 if lon_first else 1])
    _name_frame(two, sky)
    _tidy_distortion(two)
    _recentre(two, lon_first)
    wcs, text = _build(two)
    size = tuple(int(number(two.get(key), 0)) for key in ("NAXIS1", "NAXIS2"))
    return Celestial(text, sky, lon_first, _scale(wcs), (size[0], size[1]) if min(size) > 0 else None, wcs)


def _axes(found: dict[str, Value]) -> tuple[tuple[int, int], tuple[str, str]]:
    """The two celestial axis numbers and the first words of their CTYPEs."""
    words: dict[int, str] = {}
    for key, value in found.items():
        match = _TYPE.fullmatch(str(value).strip().upper()) if key.startswith("CTYPE") else None
        if match and (_is_longitude(match["word"]) or _is_latitude(match["word"])):
            words[int(key[5:])] = match["word"]
    for first in sorted(words):
        for second in sorted(words):
            if first < second and _partner(words[first]) == words[second]:
                return (first, second), (words[first], words[second])
    types = ", ".join(f"{key} = '{value}'" for key, value in sorted(found.items()) if key.startswith("CTYPE"))
    raise SourceError(
        f"The header has no pair of celestial axes ({types or 'no CTYPE cards'})",
        expected="two CTYPEs with a projection, such as RA---TAN and DEC--TAN",
    )


def _is_longitude(word: str) -> bool:
    return word == "RA" or (len(word) == 4 and word.endswith(("LON", "LN")))


def _is_latitude(word: str) -> bool:
    return word == "DEC" or (len(word) == 4 and word.endswith(("LAT", "LT")))


def _partner(word: str) -> str:
    for longitude, latitude in (("RA", "DEC"), ("LON", "LAT"), ("LN", "LT")):
        for mine, other in ((longitude, latitude), (latitude, longitude)):
            if word.endswith(mine) and (len(word) == 4 or word == mine):
                return word.removesuffix(mine) + other
    return ""


def _two_axes(found: dict[str, Value], axes: tuple[int, int]) -> dict[str, Value]:
    """The cards of two axes, renumbered 1 and 2, whatever other axes hold. Raises SourceError where they are mixed."""
    two = {key: value for key, value in found.items() if key in ("LONPOLE", "LATPOLE")}
    for new, old in enumerate(axes, start=1):
        for name in ("NAXIS", "CTYPE", "CRPIX", "CRVAL", "CDELT", "CUNIT", "CROTA"):
            if f"{name}{old}" in found:
                two[f"{name}{new}"] = found[f"{name}{old}"]
        two.update(
            {f"PV{new}_{key.split('_')[1]}": value for key, value in found.items() if key.startswith(f"PV{old}_")}
        )
        _check_numbers(two, new)
        two[f"CTYPE{new}"] = str(two[f"CTYPE{new}"]).strip().upper()
        two[f"CUNIT{new}"] = _unit(two.get(f"CUNIT{new}"))
    _add_matrix(two, found, axes)
    if axes == (1, 2):
        two.update({key: value for key, value in found.items() if _SIP.fullmatch(key)})
    return {key: value for key, value in two.items() if _is_sound(key, value)}


def _is_sound(key: str, value: Value) -> bool:
    """Whether a card holds what its keyword demands: text for types and units, numbers for all others."""
    return isinstance(value, str) == key.startswith(("CTYPE", "CUNIT")) and not isinstance(value, bool)


def _check_numbers(two: dict[str, Value], axis: int) -> None:
    for name, default in (("CRPIX", 0.0), ("CRVAL", 0.0), ("CDELT", 1.0)):
        value = number(two.get(f"{name}{axis}", default), math.nan)
        if math.isnan(value):
            raise SourceError(f"{name}{axis} is {two[f'{name}{axis}']!r}", expected="a number")
        two[f"{name}{axis}"] = value


def _unit(value: Value | None) -> str:
    text = str(value or "").strip()
    return "deg" if not text or text.lower().startswith("deg") else text


def _add_matrix(two: dict[str, Value], found: dict[str, Value], axes: tuple[int, int]) -> None:
    for key, value in found.items():
        name, i, j = _matrix_key(key)
        if not name or (i not in axes and j not in axes):
            continue
        if i in axes and j in axes:
            two[f"{name}{axes.index(i) + 1}_{axes.index(j) + 1}"] = number(value, 0.0)
        elif number(value, 0.0) != 0.0:
            raise SourceError(f"{key} mixes the sky with another axis", expected="celestial axes of their own")
    if any(key[:2] in ("PC", "CD") and "_" in key for key in two):
        for axis in (1, 2):
            two.pop(f"CROTA{axis}", None)
    if any(key.startswith("CD") and "_" in key for key in two):
        for key in [key for key in two if key.startswith(("PC", "CDELT"))]:
            del two[key]


def _matrix_key(key: str) -> tuple[str, int, int]:
    if match := re.fullmatch(r"(PC|CD)(\d{1,2})_(\d{1,2})", key):
        return match[1], int(match[2]), int(match[3])
    if match := re.fullmatch(r"PC(\d{3})(\d{3})", key):
        return "PC", int(match[1]), int(match[2])
    return "", 0, 0


def _sky(found: dict[str, Value], lon_word: str) -> SkyFrame:
    equinox = number(found.get("EQUINOX", found.get("EPOCH")), math.nan)
    radesys = str(found.get("RADESYS", found.get("RADECSYS", "")))
    return frame_of(lon_word, radesys, equinox if 1800.0 <= equinox <= 2500.0 else None)


def _name_frame(two: dict[str, Value], sky: SkyFrame) -> None:
    if sky.equatorial:
        two["RADESYS"] = sky.name
    if sky.equinox:
        two["EQUINOX"] = sky.equinox


def _tidy_distortion(two: dict[str, Value]) -> None:
    """Make CTYPE and the distortion cards agree, as they don't in many headers: astropy warns, or computes nothing."""
    matches = [_TYPE.fullmatch(str(two[f"CTYPE{axis}"])) for axis in (1, 2)]
    highest = max((int(key[4:]) for key in two if re.fullmatch(r"PV\d_\d+", key)), default=0)
    tangent = all(match is not None and match["projection"] in ("TAN", "TPV") for match in matches)
    polynomial = highest > 4 or (highest > 0 and "TPV" in str(two["CTYPE1"]))
    sip = "A_ORDER" in two and "B_ORDER" in two and not (polynomial and tangent)
    for key in [key for key in two if _SIP.fullmatch(key) and not sip]:
        del two[key]
    for key in [key for key in two if key.endswith("_ORDER")]:
        if two[key] not in range(MAX_SIP_ORDER + 1):
            raise SourceError(f"{key} is {two[key]!r}", expected=f"0 to {MAX_SIP_ORDER}")
        two[key] = int(two[key])  # wcslib takes no order of 2.0
    for axis, match in zip((1, 2), matches, strict=True):
        assert match is not None
        plain = match["word"].ljust(4, "-") + "-" + match["projection"]
        if tangent:  # SCAMP wrote TAN for its polynomials before 2012; TPV without any is zero everywhere
            plain = plain[:-3] + ("TPV" if polynomial else "TAN")
        two[f"CTYPE{axis}"] = plain + "-SIP" if sip else plain


def _recentre(two: dict[str, Value], lon_first: bool) -> None:
    """Count a cylindrical map's longitudes from its own middle.

    wcslib gives no direction more than 180 degrees from CRVAL, yet maps of the outer Galaxy in CAR with CRVAL1 = 0 and
    a far CRPIX1 are common. With the native pole at the celestial one, moving along the equator changes nothing else.
    """
    lon, lat = (1, 2) if lon_first else (2, 1)
    size = number(two.get(f"NAXIS{lon}"), 0.0)
    plain = not any(key[:2] in ("PC", "CD", "CR", "PV") and "_" in key for key in two) and not any(
        number(two.get(f"CROTA{axis}"), 0.0) for axis in (1, 2)
    )
    upright = number(two[f"CRVAL{lat}"], 1.0) == 0.0 and number(two.get("LONPOLE"), 0.0) == 0.0
    if size < 1 or not plain or not upright or str(two[f"CTYPE{lon}"])[-3:] not in _CYLINDRICAL:
        return
    step, reference = number(two[f"CDELT{lon}"], 1.0), number(two[f"CRPIX{lon}"], 0.0)
    ends = [(end - reference) * step for end in (0.5, size + 0.5)]
    if max(map(abs, ends)) > 180.0:
        middle = (size + 1) / 2
        two[f"CRVAL{lon}"] = (number(two[f"CRVAL{lon}"], 0.0) + (middle - reference) * step) % 360.0
        two[f"CRPIX{lon}"] = middle


def _build(two: dict[str, Value]) -> tuple[Any, str]:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    header = Header()
    try:
        header.update(two)
        wcs = WCS(Header([("NAXIS", 2), *header.items()]), fix=False)
        wcs.wcs.fix()
        wcs.wcs.set()
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise SourceError(f"The header's sky coordinates can't be used: {_last_line(error)}") from error
    if wcs.wcs.lng < 0 or wcs.wcs.lat < 0:
        raise SourceError(f"'{two['CTYPE1']}' and '{two['CTYPE2']}' make no celestial coordinates")
    return wcs, str(header.tostring(sep="\n", endcard=False, padding=False))


def _last_line(error: Exception) -> str:
    """The end of wcslib's message says what is wrong, its beginning only where in wcslib."""
    texts = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("ERROR")]
    return texts[-1] if texts else type(error).__name__


def _scale(wcs: Any) -> tuple[float, float]:
    """Degrees a pixel along both pixel axes at the reference point: the lengths of the matrix's columns."""
    with np.errstate(all="ignore"):
        scale = np.hypot(*wcs.pixel_scale_matrix)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise SourceError(f"A pixel of {scale[0]} by {scale[1]} degrees is none")
    return float(scale[0]), float(scale[1])


def _header_of(text: str) -> Any:
    from astropy.io.fits import Header

    return Header.fromstring(text, sep="\n")


def _columns(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    a, b = np.broadcast_arrays(np.asarray(first, dtype=float), np.asarray(second, dtype=float))
    return np.column_stack([a.ravel(), b.ravel()]), a.shape


def _undistorted(wcs: Any, focal: Floats) -> Floats:
    """Pixels whose distorted place is ``focal``, by fixed-point iteration; NaN where it doesn't settle.

    Solves x + f(x) = u for |f'| < 1, which SIP distortions of real cameras fulfil (Shupe et al. 2005, ASP 347, 491).
    """
    pixels = focal.copy()
    missed = np.full(len(focal), np.inf)
    with np.errstate(all="ignore"):
        for _ in range(30):
            step = wcs.pix2foc(pixels, 0) - focal
            missed = np.abs(step).max(axis=1)
            if not (missed > 1e-9).any():
                break
            pixels = pixels - step
    pixels[~(missed < 1e-6)] = np.nan
    return pixels
