"""Tile-compressed FITS images (.fits.fz), decompressed tile by tile as they are asked for."""

from __future__ import annotations

import atexit
import itertools
import math
import os
import re
import struct
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import SourceError, TooBig
from skydeck.sources.fits_hdu import BITPIX, CARD, Cards, Hdu
from skydeck.sources.fits_header import astropy_at_work
from skydeck.sources.fits_scaling import Scaling
from skydeck.sources.pread import Key, Pinned, Span, drop_integers, read_at, spans_of

if TYPE_CHECKING:
    from astropy.io.fits import CompImageHDU, HDUList

MAX_TILE = 1 << 30  # bytes of one unpacked tile
MAX_TABLE = 1 << 30  # bytes of the table that says where the tiles are
SUSPECT = 1 << 18  # bytes of a gzipped tile that could unpack to 256 MiB: looked at before it is unpacked whole
OPEN_FILES = 16  # files kept open for reading tiles
SKIP = 4  # an axis whose step is more tiles than this is read index by index

# What belongs to the table that holds the tiles, not to the image in it (FITS standard 4.0, section 10.1).
_OF_THE_TABLE = re.compile(
    r"(XTENSION|SIMPLE|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|THEAP|CHECKSUM|DATASUM|"
    r"T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM)\d+|"
    r"Z(IMAGE|SIMPLE|TENSION|EXTEND|BLOCKED|BITPIX|NAXIS\d*|TILE\d+|[PG]COUNT|HECKSUM|DATASUM|CMPTYPE|NAME\d+"
    r"|VAL\d+|MASKCMP|QUANTIZ|DITHER0|BLANK|SCALE|ZERO)) *(=|$)"
)
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}


@dataclass(frozen=True, slots=True)
class Tiling:
    """How an image is cut into tiles and where each lies in the file.

    ``shape``, ``tile``: cells along each axis, numpy's order. ``algorithm``: ZCMPTYPE. ``places``: (tiles,) int64 file
    offsets of the packed bytes of each tile, -1 where there is none or it can't be right. ``sizes``: its bytes.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]
    algorithm: str
    places: npt.NDArray[np.int64] = field(repr=False)
    sizes: npt.NDArray[np.int64] = field(repr=False)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""
        return tuple(-(-length // size) for length, size in zip(self.shape, self.tile, strict=True))

    @property
    def missing(self) -> int:
        """How many tiles aren't there."""
        return int((self.places < 0).sum())

    def touched(self, spans: tuple[Span, ...]) -> npt.NDArray[np.int64]:
        """The numbers of all tiles from the first to the last cell of a block, along each axis."""
        ranges = [
            np.arange(span.start // size, span.last // size + 1) for span, size in zip(spans, self.tile, strict=True)
        ]
        return np.ravel_multi_index(np.ix_(*ranges), self.counts).ravel().astype(np.int64)

    def cells(self, number: int) -> tuple[int, ...]:
        """The shape of one tile; those at the far edges are smaller."""
        place = np.unravel_index(number, self.counts)
        return tuple(
            min(size, length - int(index) * size)
            for index, size, length in zip(place, self.tile, self.shape, strict=True)
        )


def image_cards(hdu: Hdu) -> Cards:
    """The header of the image inside a compressed HDU: the table's cards out, BITPIX and NAXISn of the image in."""
    shape = hdu.info.shape[::-1]
    sizes = [("BITPIX", hdu.integer("ZBITPIX")), ("NAXIS", len(shape))]
    sizes += [(f"NAXIS{axis}", length) for axis, length in enumerate(shape, start=1)]
    made = [f"{key:<8}= {value:>20}".ljust(CARD) for key, value in sizes]
    return (*made, *(card for card in hdu.cards if not _OF_THE_TABLE.match(card)))


def tiling_of(file: Pinned, hdu: Hdu) -> Tiling:
    """Where the tiles of a compressed image are. Raises SourceError for an impossible table, TooBig for giants."""
    shape = hdu.info.shape
    axes = len(shape)
    tile = tuple(hdu.integer(f"ZTILE{axes - place}", shape[-1] if place == axes - 1 else 1) for place in range(axes))
    if not all(size > 0 for size in tile):
        raise SourceError(f"HDU {hdu.info.index} of {file.shown} claims tiles of {tile}", expected="Sizes of 1 or more")
    tile = tuple(min(size, length) for size, length in zip(tile, shape, strict=True))
    algorithm = hdu.keys.get("ZCMPTYPE", "RICE_1")
    _check_settings(file, hdu, algorithm)
    raw = math.prod(tile) * abs(hdu.integer("ZBITPIX")) // 8
    if raw > MAX_TILE:
        raise TooBig(f"The tiles of {file.shown} are {raw / 1e9:.1f} GB each", remedy="Unpack it with funpack")
    places, sizes = _places(file, hdu, raw, math.prod(-(-n // t) for n, t in zip(shape, tile, strict=True)))
    return Tiling(shape, tile, algorithm, places, sizes)


def _check_settings(file: Pinned, hdu: Hdu, algorithm: str) -> None:
    """Refuse settings that would make the C decoders run on for ever: a Rice block or pixel of no size."""
    for name, value in _settings(hdu.cards) if algorithm.startswith("RICE") else []:
        if not re.fullmatch({"BLOCKSIZE": r"[1-9]\d{0,4}", "BYTEPIX": "[1248]"}.get(name, ".*"), value):
            what = f"{file.shown} was packed with impossible settings: {name} {value}"
            raise SourceError(what, remedy="The header is damaged; copy the file again")


def _settings(cards: Cards) -> list[tuple[str, str]]:
    """Each ZNAMEn with each ZVALn of its number: ("BLOCKSIZE", "32")."""
    found = [match for match in (re.match(r"Z(NAME|VAL)(\d+) *= *'?([^'/ ]*)", card) for card in cards) if match]
    names = [(match[2], match[3].upper()) for match in found if match[1] == "NAME"]
    return [(name, match[3]) for number, name in names for match in found if match[1] == "VAL" and match[2] == number]


def _places(file: Pinned, hdu: Hdu, raw: int, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """File offset and bytes of each tile; -1 for those that have none, or lie outside the file or the heap."""
    width, rows = hdu.integer("NAXIS1"), hdu.integer("NAXIS2")
    if rows != count:
        raise SourceError(f"{file.shown} has {rows} tiles", expected=f"{count} are needed", remedy="Copy it again")
    if width * rows > MAX_TABLE:
        raise TooBig(f"{file.shown} is cut into {rows} tiles", remedy="Unpack it with funpack")
    table = np.zeros(width * rows, np.uint8)
    got = np.frombuffer(file.read(hdu.info.data_at, width * rows), np.uint8)
    table[: len(got)] = got
    heap = hdu.integer("THEAP", width * rows)
    end = min(hdu.info.data_bytes, file.size - hdu.info.data_at)
    places, sizes = np.full(rows, -1, np.int64), np.zeros(rows, np.int64)
    for start, kind, item in _columns(hdu, width):
        lengths, offsets = _descriptors(table.reshape(rows, width), start, kind)
        inside = (lengths > 0) & (lengths <= 2 * raw + 65536) & (offsets >= 0) & (offsets < end)
        wanted = inside & (places < 0)
        wanted[wanted] = heap + offsets[wanted] + lengths[wanted] * item <= end
        places[wanted] = hdu.info.data_at + heap + offsets[wanted]
        sizes[wanted] = lengths[wanted] * item
    return places, sizes


def _columns(hdu: Hdu, width: int) -> list[tuple[int, str, int]]:
    """Columns that may hold a tile, best first: byte offset in a row, descriptor kind, bytes of an element."""
    found: dict[str, tuple[int, str, int]] = {}
    start = 0
    for column in range(1, hdu.integer("TFIELDS") + 1):
        form = re.match(r"(\d{0,9})([A-Z])(?:([A-Z]))?", hdu.keys.get(f"TFORM{column}", ""))
        if form is None or form[2] not in _WIDTHS or start > width:
            raise SourceError(
                f"Column {column} of HDU {hdu.info.index} has no usable TFORM", remedy="Copy the file again"
            )
        if form[2] in "PQ" and form[1] in {"", "1"}:
            found[hdu.keys.get(f"TTYPE{column}", "")] = (start, form[2], _WIDTHS.get(form[3] or "B", 1))
        start += int(form[1] or 1) * _WIDTHS[form[2]]
    names = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA")
    if "COMPRESSED_DATA" not in found or start != width:
        raise SourceError(f"HDU {hdu.info.index} says that it is a compressed image, but its table holds no tiles")
    return [found[name] for name in names if name in found]


def _descriptors(
    table: npt.NDArray[np.uint8], start: int, kind: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lengths (elements) and heap offsets (bytes) of one column, int64 each."""
    size = _WIDTHS[kind]
    pairs = np.ascontiguousarray(table[:, start : start + size]).view(">i4" if kind == "P" else ">i8")
    return pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class TileCells:
    """The cells of a tile-compressed image. Picklable; reads from many threads take turns on one open file.

    Cells of missing tiles are NaN. Raises SourceChanged when the file changed, SourceError for a damaged tile.
    """

    file: Pinned
    index: int
    tiling: Tiling
    scaling: Scaling

    @property
    def location(self) -> str:
        return self.file.shown

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tiling.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.scaling.dtype

    def read(self, key: Key) -> npt.NDArray[Any]:
        """Cells as numpy would give them for integers and slices, one a dimension; integers drop theirs."""
        spans = spans_of(key, self.shape)
        stored = np.zeros(tuple(span.count for span in spans), np.dtype(BITPIX[self.scaling.bitpix]).newbyteorder("="))
        gone: list[tuple[slice, ...]] = []
        if stored.size:
            with self.file.opened() as descriptor:
                gone = self._fill(descriptor, stored, spans)
        values = self.scaling.values(stored)
        for block in gone:
            values[block] = np.nan
        return drop_integers(values, key, spans)

    def _fill(self, descriptor: int, out: npt.NDArray[Any], spans: tuple[Span, ...]) -> list[tuple[slice, ...]]:
        """Read what the spans select into ``out``; the parts of it whose tiles aren't there."""
        gone: list[tuple[slice, ...]] = []
        one_by_one = bool((self.tiling.places[self.tiling.touched(spans)] < 0).any())
        pieces = (_pieces(span, size, one_by_one) for span, size in zip(spans, self.tiling.tile, strict=True))
        for block in itertools.product(*pieces):
            part = tuple(_part(span, piece) for span, piece in zip(spans, block, strict=True))
            numbers = self.tiling.touched(part)
            if (self.tiling.places[numbers] < 0).any():
                gone.append(block)
            else:
                self._check_heads(descriptor, numbers)
                out[block] = _section(self.file, self.index, part)
        return gone

    def _check_heads(self, descriptor: int, numbers: npt.NDArray[np.int64]) -> None:
        """Refuse tiles whose head leads the C decoders beyond their buffers (a dead process, seen), and bombs."""
        check = {"HCOMPRESS_1": _good_hcompress, "PLIO_1": _good_plio}.get(self.tiling.algorithm)
        for number in numbers[self.tiling.sizes[numbers] > SUSPECT] if check is None else numbers:
            place, size = int(self.tiling.places[number]), int(self.tiling.sizes[number])
            head = read_at(descriptor, place, min(10, size))
            cells = math.prod(self.tiling.cells(number))
            if head.startswith(b"\x1f\x8b\x08"):
                good = size <= SUSPECT or _inflates(read_at(descriptor, place, size), cells * 8)
            else:
                good = check is None or check(head, size, cells)
            if not good:
                raise SourceError(f"Tile {number} of {self.file.shown} is damaged", remedy="Copy the file again")


def _good_hcompress(head: bytes, size: int, cells: int) -> bool:
    """Whether the stream says the tile's own size: magic DD 99, then two int32."""
    if len(head) < 10 or head[:2] != b"\xdd\x99":
        return False
    x, y = struct.unpack(">ii", head[2:10])
    return bool(x > 0 and y > 0 and x * y == cells)


def _good_plio(head: bytes, size: int, cells: int) -> bool:
    """Whether the line list ends within the tile; its length is in word 2, or in words 3 and 4."""
    if len(head) < 10:
        return len(head) >= 6 and 0 < int.from_bytes(head[4:6], "big", signed=True) * 2 <= size
    first, short, low, high = struct.unpack(">4h", head[2:10])
    length = short if short > 0 else (high << 15) + low
    return bool(0 <= first * 2 <= size and 0 <= length * 2 <= size)


def _inflates(packed: bytes, limit: int) -> bool:
    """Whether gzip data hold at most ``limit`` bytes; found out a block at a time."""
    stream = zlib.decompressobj(31)
    total = 0
    while packed and total <= limit:
        try:
            total += len(stream.decompress(packed, 1 << 20))
        except zlib.error:
            return False
        packed = stream.unconsumed_tail
    return total <= limit


def _pieces(span: Span, tile: int, one_by_one: bool) -> list[slice]:
    """Runs of a span's indices that are read together: all, each by itself where tiles lie between, or tile by tile."""
    if one_by_one:
        numbers = (span.start + span.step * np.arange(span.count)) // tile
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), span.count]
        return [slice(a, b) for a, b in itertools.pairwise(cuts)]
    if span.step > SKIP * tile:
        return [slice(place, place + 1) for place in range(span.count)]
    return [slice(0, span.count)]


def _part(span: Span, piece: slice) -> Span:
    return Span(span.start + piece.start * span.step, piece.stop - piece.start, span.step)


@dataclass(slots=True)
class _Open:
    """An open file; astropy's readers share one position in it, so one thread at a time."""

    stream: BinaryIO
    hdus: HDUList
    image: CompImageHDU
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False

    def close(self) -> None:
        with self.lock:
            self.closed = True
            self.hdus.close()
            self.stream.close()


_open: OrderedDict[tuple[Pinned, int], _Open] = OrderedDict()
_open_lock = threading.Lock()


def _section(file: Pinned, index: int, spans: tuple[Span, ...]) -> npt.NDArray[Any]:
    """The stored numbers that the spans select, in native byte order."""
    key = tuple(slice(span.start, span.last + 1, span.step) for span in spans)
    while True:
        handle = _handle(file, index)
        with handle.lock:
            if not handle.closed:  # else it was closed to make room for another
                with astropy_at_work(f"{file.shown} can't be decompressed"), np.errstate(all="ignore"):
                    return np.asarray(handle.image.section[key])


def _handle(file: Pinned, index: int) -> _Open:
    """The open file for an HDU, opened anew when it isn't among those used last."""
    with _open_lock:
        handle = _open.get((file, index))
        if handle is None or handle.closed:
            handle = _open[file, index] = _opened(file, index)
        _open.move_to_end((file, index))
        extra = [_open.popitem(last=False)[1] for _ in range(len(_open) - OPEN_FILES)]
    for old in extra:
        old.close()
    return handle


def _opened(file: Pinned, index: int) -> _Open:
    with file.opened() as descriptor:
        # The descriptor that was just checked, so that a file put in its place meanwhile isn't taken for it.
        stream = os.fdopen(os.dup(descriptor), "rb")
    try:
        return _read_hdus(file, index, stream)
    except SourceError:
        stream.close()
        raise


def _read_hdus(file: Pinned, index: int, stream: BinaryIO) -> _Open:
    from astropy.io import fits

    with astropy_at_work(f"{file.shown} can't be opened as a compressed image"):
        hdus = fits.open(stream, memmap=False, lazy_load_hdus=True, do_not_scale_image_data=True)
        image = hdus[index]
        if not isinstance(image, fits.CompImageHDU):
            raise SourceError(f"HDU {index} of {file.shown} is no compressed image")
        return _Open(stream, hdus, image)


def close_tiles(file: Pinned, index: int) -> None:
    """Close what is kept open for an HDU; it opens again when it's read again."""
    with _open_lock:
        handle = _open.pop((file, index), None)
    if handle is not None:
        handle.close()


@atexit.register
def _close_all() -> None:
    while _open:
        _open.popitem()[1].close()
