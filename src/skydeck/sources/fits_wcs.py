"""The world coordinate system of a FITS header: checked, mended where it must be, or said to be unusable."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skydeck.core.errors import SourceError
from skydeck.sources.fits_hdu import MAX_AXES
from skydeck.sources.fits_header import astropy_at_work, number, text

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

_CELESTIAL = re.compile(r"(RA--|DEC-|[A-Z]LON|[A-Z]LAT|[A-Z]{2}LN|[A-Z]{2}LT)-[A-Z]{3}")
_MATRIX = re.compile(r"CD\d+_\d+")
# Distortions kept in other HDUs, which a header alone can't apply.
_TABLED = re.compile(r"(CPDIS|CQDIS|D2IMDIS|DP|DQ|D2IM|CPERR|CQERR|D2IMERR)\d|AXISCORR")
_OTHER_AXES = re.compile(r"WCSAXES[A-Z]$")  # of alternative descriptions, which aren't used but would be made room for
_SIP = re.compile(r"[AB]P?_(ORDER|DMAX|\d+_\d+)$")
MAX_SIP = 9
_SENSIBLE_YEARS = (1800.0, 2500.0)


@dataclass(frozen=True, slots=True)
class World:
    """The ``wcs`` of an image and the ``header`` it was made of; without one ``wcs`` is None and ``problem`` says why.

    ``original``: the header as it was given. ``celestial``: the two FITS axes (1-based) of the sky, ascending,
    also where the WCS is unusable. ``mended``: FITS axes that only count pixels in ``header``, so that the rest works.
    """

    original: Header = field(repr=False)
    header: Header = field(repr=False)
    wcs: WCS | None = field(repr=False)
    celestial: tuple[int, int] | None
    mended: frozenset[int] = frozenset()
    problem: str = ""

    @property
    def header_text(self) -> str:
        """The header as text that astropy reads back: cards joined by line ends."""
        return str(self.header.tostring(sep="\n", endcard=False, padding=False))


def world_of(original: Header, axes: int, notes: list[str]) -> World:
    """The WCS of an image of ``axes`` axes; never raises: what is wrong with it is told in ``problem``."""
    header = _sensible(original, notes)
    pair = _celestial_pair(header, axes)
    problem = ""
    for mended in _attempts(header, axes, pair):
        tried = _mend(header, mended)
        try:
            wcs, found = _checked(tried, axes, notes)
        except SourceError as error:
            problem = problem or error.what
            continue
        if problem:
            notes.append(f"FITS axes {sorted(mended)} are left out of the coordinates: {problem}")
        return World(original, tried, wcs, found, mended)
    return World(original, header, None, pair, frozenset(), problem)


def _attempts(header: Header, axes: int, pair: tuple[int, int] | None) -> list[frozenset[int]]:
    """Which axes to give up: the impossible ones, then all but the sky's."""
    others = frozenset(range(1, axes + 1)) - frozenset(pair or ())
    singular = frozenset(axis for axis in others if _is_singular(header, axis, axes))
    return [singular, others] if pair and others > singular else [singular]


def _sensible(header: Header, notes: list[str]) -> Header:
    """A copy without impossible equinoxes, without distortions that lie in other HDUs, and without bombs."""
    header = header.copy()
    for key in ("EQUINOX", "EPOCH"):
        if key in header and not _SENSIBLE_YEARS[0] <= _year(header, key) <= _SENSIBLE_YEARS[1]:
            notes.append(f"{key} = {header[key]} can't be and is taken as not given")
            del header[key]
            if "EQUINOX" not in header and "EPOCH" not in header and not {"RADESYS", "RADECSYS"} & set(header):
                header["RADESYS"] = ("ICRS", "assumed: the equinox given can't be")
    if _removed(header, _TABLED):
        notes.append("Distortion tables in other HDUs are not applied to the coordinates")
    _removed(header, _OTHER_AXES)
    if "WCSAXES" in header and not 1 <= number(header, "WCSAXES") <= MAX_AXES:
        notes.append(f"WCSAXES = {header['WCSAXES']} can't be and is taken as not given")
        del header["WCSAXES"]
    _check_sip(header, notes)
    return header


def _removed(header: Header, pattern: re.Pattern[str]) -> bool:
    """Remove every card whose keyword begins like the pattern; whether there were any."""
    keys = [key for key in dict.fromkeys(header) if pattern.match(key)]
    for key in keys:
        header.remove(key, ignore_missing=True, remove_all=True)
    return bool(keys)


def _check_sip(header: Header, notes: list[str]) -> None:
    """Drop SIP polynomials of impossible order (astropy would loop over its square) and name kept ones in CTYPE."""
    orders = [header[key] for key in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER") if key in header]
    if any(order not in range(MAX_SIP + 1) for order in orders):
        _removed(header, _SIP)
        notes.append(f"A SIP distortion of order {max(orders, key=str)} can't be and is not applied")
    elif orders:
        for key in ("CTYPE1", "CTYPE2"):
            if _CELESTIAL.fullmatch(text(header, key)):
                header[key] = text(header, key) + "-SIP"  # what astropy assumes, and says so on the terminal


def _year(header: Header, key: str) -> float:
    """An epoch as a number, also where it is written as text: 'J2000'."""
    found = re.fullmatch(r"\s*[JB]?(\d{4}(\.\d*)?)\s*", str(header[key]))
    if found is None:
        return number(header, key)
    if isinstance(header[key], str):
        header[key] = float(found[1])
    return float(found[1])


def _celestial_pair(header: Header, axes: int) -> tuple[int, int] | None:
    """The first two axes whose CTYPE is a direction with a projection."""
    found = [axis for axis in range(1, axes + 1) if _CELESTIAL.match(text(header, f"CTYPE{axis}").upper())]
    return (found[0], found[1]) if len(found) >= 2 else None


def _is_singular(header: Header, axis: int, axes: int) -> bool:
    finite = math.isfinite(number(header, f"CRVAL{axis}", 0.0)) and math.isfinite(number(header, f"CRPIX{axis}", 0.0))
    tabled = text(header, f"CTYPE{axis}").upper().endswith("-TAB")
    return tabled or not finite or not _has_increment(header, axis, axes)


def _has_increment(header: Header, axis: int, axes: int) -> bool:
    """Whether an axis' increment (its row of the CD matrix where there is one, else CDELT) is finite and not 0."""
    if any(_MATRIX.fullmatch(key) for key in header):
        step = math.hypot(*(number(header, f"CD{axis}_{other}", 0.0) for other in range(1, axes + 1)))
    else:
        step = number(header, f"CDELT{axis}", 1.0)
    return math.isfinite(step) and step != 0


def _mend(header: Header, axes: frozenset[int]) -> Header:
    """A copy in which the named axes are plain pixel counts, so that the others can be used."""
    header = header.copy()
    for axis in axes:
        for key in ("CTYPE", "CRVAL", "CRPIX", "CDELT", "CUNIT"):
            header.remove(f"{key}{axis}", ignore_missing=True, remove_all=True)
        header[f"CTYPE{axis}"] = ""
        for key in [key for key in header if re.fullmatch(rf"(CD|PC)({axis}_\d+|\d+_{axis})|CROTA{axis}", key)]:
            header.remove(key, ignore_missing=True, remove_all=True)
        if any(_MATRIX.fullmatch(key) for key in header):
            header[f"CD{axis}_{axis}"] = 1.0
    return header


def _checked(header: Header, axes: int, notes: list[str]) -> tuple[WCS, tuple[int, int] | None]:
    """The WCS and its celestial axes. Raises SourceError for one that gives no positions."""
    from astropy.wcs import WCS

    with astropy_at_work("The header's coordinates can't be used") as found:
        wcs = WCS(header)
        wcs.wcs.set()
        pair = _pair_of(wcs, axes)
        if pair:
            _check_sky(wcs, header, pair)
    notes.extend(note for note in found if note not in notes)
    return wcs, pair


def _pair_of(wcs: WCS, axes: int) -> tuple[int, int] | None:
    pair = sorted((wcs.wcs.lng + 1, wcs.wcs.lat + 1))
    if pair[0] < 1 or not wcs.has_celestial:
        return None
    if pair[1] > axes:
        raise SourceError(f"The header's sky axes are {pair[0]} and {pair[1]}, but the image has {axes}")
    return pair[0], pair[1]


def _check_sky(wcs: WCS, header: Header, pair: tuple[int, int]) -> None:
    """Raises unless the sky axes have finite numbers, run two ways, and some pixel of a coarse grid has a position."""
    for key in (f"{key}{axis}" for key in ("CRVAL", "CRPIX", "CDELT") for axis in pair):
        if key in header and not math.isfinite(number(header, key)):
            raise SourceError(f"{key} is {header[key]!r}")
    sky = wcs.celestial
    if np.linalg.matrix_rank(sky.pixel_scale_matrix) < 2:
        raise SourceError("The header's two sky axes run the same way")
    sides = [np.linspace(0, max(0.0, number(header, f"NAXIS{axis}", 1.0) - 1), 9) for axis in pair]
    x, y = np.meshgrid(*sides)
    if not np.isfinite(sky.all_pix2world(np.stack([x.ravel(), y.ravel()], axis=1), 0)).any():
        raise SourceError("The header gives no pixel a position on the sky")
