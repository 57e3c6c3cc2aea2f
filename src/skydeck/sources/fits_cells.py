"""The cells of a plain FITS image, read by section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.sources.fits_hdu import BITPIX
from skydeck.sources.fits_scaling import Scaling
from skydeck.sources.pread import Key, Pinned, Span, drop_integers, read_block, spans_of


@dataclass(frozen=True, slots=True)
class ImageCells:
    """``shape`` cells from byte ``data_at`` on, big-endian, C order. Picklable; reads from many threads at once.

    Cells that lie beyond the end of a file that is cut short are NaN.
    """

    file: Pinned
    data_at: int
    shape: tuple[int, ...]
    scaling: Scaling

    @property
    def location(self) -> str:
        return self.file.shown

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.scaling.dtype

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(BITPIX[self.scaling.bitpix])

    @property
    def available(self) -> int:
        """How many cells, in file order, the file really holds."""
        return min(math.prod(self.shape), max(0, self.file.size - self.data_at) // self.stored.itemsize)

    def read(self, key: Key) -> npt.NDArray[Any]:
        """Cells as numpy would give them for integers and slices, one a dimension; integers drop theirs.

        Raises SourceChanged when the file is no longer what was opened.
        """
        spans = spans_of(key, self.shape)
        with self.file.opened() as descriptor:
            stored = read_block(descriptor, self.data_at, self.shape, self.stored, spans)
        values = self.scaling.values(stored)
        if values.size and self.available < math.prod(self.shape):
            values[positions(self.shape, spans) >= self.available] = np.nan
        return drop_integers(values, key, spans)


def positions(shape: tuple[int, ...], spans: tuple[Span, ...]) -> npt.NDArray[np.int64]:
    """Where the cells of a block lie in file order, 0-based; the block's shape, int64."""
    place = np.zeros((1,) * len(shape), np.int64)
    for axis, span in enumerate(spans):
        stride = math.prod(shape[axis + 1 :])
        along = (span.start + span.step * np.arange(span.count, dtype=np.int64)) * stride
        place = place + along.reshape((-1,) + (1,) * (len(shape) - axis - 1))
    return place
