"""Scaling: stored numbers of a FITS image become values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skydeck.sources.fits_header import number

if TYPE_CHECKING:
    from astropy.io.fits import Header

# BZERO that makes a signed integer of so many bits unsigned, and bytes signed: FITS 4.0 table 11.
_OFFSETS = {8: -128.0, 16: 32768.0, 32: 2147483648.0, 64: 9223372036854775808.0}


@dataclass(frozen=True, slots=True)
class Scaling:
    """value = ``zero`` + ``scale`` × stored; ``blank`` (stored) is no value: NaN. FITS standard 4.0, section 4.4.2.

    ``bitpix``: 8, 16, 32, 64, -32, -64. Integers stay integers where that is exact and nothing can be missing;
    otherwise bytes and 16 bits become float32, more float64. ``holes``: cells may be missing, values must hold NaN.
    """

    bitpix: int
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    holes: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values, in native byte order."""
        if self.bitpix < 0:
            return np.dtype("f4" if self.bitpix == -32 else "f8")
        if self.holes or self.blank is not None or self.scale != 1 or self.zero not in {0.0, _OFFSETS[self.bitpix]}:
            return np.dtype("f4" if self.bitpix <= 16 else "f8")
        signed = (self.bitpix == 8) == (self.zero != 0)
        return np.dtype(f"{'i' if signed else 'u'}{self.bitpix // 8}")

    def values(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of stored numbers; ``stored`` may be overwritten. NaN where the stored number is ``blank``."""
        native = _native(stored)
        if self.dtype.kind in "iu":
            return self._offset(native)
        blank = native == self.blank if self.blank is not None else None
        with np.errstate(all="ignore"):  # what overflows is infinite, and shown so
            values = native.astype(self.dtype, copy=False)
            if self.scale != 1:
                values *= self.dtype.type(self.scale)
            if self.zero != 0:
                values += self.dtype.type(self.zero)
        if blank is not None:
            values[blank] = np.nan
        return values

    def _offset(self, native: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.zero == 0:
            return native
        unsigned = native.view(f"u{native.itemsize}")
        unsigned ^= unsigned.dtype.type(1 << (self.bitpix - 1))  # adding or taking half the range flips the top bit
        return unsigned.view(self.dtype)


def _native(stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if stored.dtype.isnative:
        return stored
    return stored.byteswap(inplace=True).view(stored.dtype.newbyteorder("="))


def scaling_of(header: Header, bitpix: int, blank: int | None, holes: bool, notes: list[str]) -> Scaling:
    """The scaling a header asks for. Impossible BSCALE, BZERO and BLANK are ignored, with a note.

    ``blank`` stands in for a missing BLANK card (ZBLANK of a compressed image).
    """
    scale, zero = number(header, "BSCALE", 1.0), number(header, "BZERO", 0.0)
    if scale == 0 or not math.isfinite(scale) or not math.isfinite(zero):
        notes.append(f"BSCALE = {scale:g}, BZERO = {zero:g} can't be; the stored numbers are shown")
        scale, zero = 1.0, 0.0
    if bitpix < 0:
        return Scaling(bitpix, scale, zero)
    return Scaling(bitpix, scale, zero, _blank(header, bitpix, blank, notes), holes)


def _blank(header: Header, bitpix: int, default: int | None, notes: list[str]) -> int | None:
    if "BLANK" not in header:
        return default
    blank = header["BLANK"]
    limits = np.iinfo("u1" if bitpix == 8 else f"i{bitpix // 8}")
    if isinstance(blank, bool) or not isinstance(blank, int | float) or blank != blank or blank not in _whole(limits):
        notes.append(f"BLANK = {blank} can't be among {bitpix}-bit numbers and is ignored")
        return None
    return int(blank)


def _whole(limits: np.iinfo[Any]) -> range:
    return range(int(limits.min), int(limits.max) + 1)
