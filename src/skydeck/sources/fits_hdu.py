"""HDUs: what a FITS file holds, found by its headers alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from skydeck.core.errors import SourceError
from skydeck.sources.location import redact
from skydeck.sources.pread import Pinned

Kind = Literal["image", "compressed image", "table", "groups", "empty", "other"]
Cards = tuple[str, ...]

RECORD = 2880
CARD = 80
MAX_CARDS = 36 * 20_000  # 57.6 MB of header: more is a bomb or no header
MAX_HDUS = 2000
MAX_HEADERS = 512 << 20  # bytes of header, all HDUs of a file together
MAX_AXES = 32
BITPIX = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}

_STRUCTURE = re.compile(
    r"(SIMPLE|XTENSION|Z?BITPIX|Z?NAXIS\d*|ZTILE\d+|[PG]COUNT|GROUPS|EXTNAME|EXTVER|ZIMAGE|ZCMPTYPE|ZBLANK"
    r"|THEAP|TFIELDS|TTYPE\d+|TFORM\d+) *= *(?:'((?:[^']|'')*)'|([^/ ]*))"
)


@dataclass(frozen=True, slots=True)
class HduInfo:
    """One header-data unit: ``shape`` in numpy's order; ``dtype`` numpy's name of the stored numbers, "" without data.

    ``kind`` "empty" is a header without data. Offsets and sizes are in bytes from the start of the file.
    """

    index: int
    name: str
    version: int
    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    data_at: int = field(repr=False)
    data_bytes: int = field(repr=False)

    @property
    def is_image(self) -> bool:
        """Whether there are pixels to show."""
        return self.kind in {"image", "compressed image"} and math.prod(self.shape) > 0

    @property
    def next_at(self) -> int:
        """Where the next HDU begins."""
        return self.data_at + -(-self.data_bytes // RECORD) * RECORD

    def __str__(self) -> str:
        size = " × ".join(str(length) for length in self.shape[::-1])
        name = f" ({self.name})" if self.name else ""
        return f"{self.index}{name}: {self.kind}{' ' + size if size else ''}"


@dataclass(frozen=True, slots=True)
class Hdu:
    """An HDU with its header: the cards up to END, cleaned text of 80 columns, and what structures the data."""

    info: HduInfo
    cards: Cards = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)

    def integer(self, key: str, default: int | None = None) -> int:
        """A structural keyword as a whole number. Raises SourceError when it isn't one, or missing without default."""
        return _integer(self.keys, key, f"HDU {self.info.index}", default)


def walk(file: Pinned) -> Iterator[Hdu]:
    """The HDUs of a file, one after another; reads headers, skips data; at most 2000 HDUs.

    Ends at the end of the file or at what is no extension. Raises SourceError for what is no FITS, for a header without
    END and for one whose structure makes no sense, and whatever :class:`Pinned` raises.
    """
    offset = 0
    headers = 0
    for index in range(MAX_HDUS):
        header = _read_header(file, offset, index)
        if header is None:
            return
        headers += len(header)
        hdu = _hdu(index, header, offset + len(header))
        yield hdu
        offset = hdu.info.next_at
        if offset >= file.size or headers > MAX_HEADERS:
            return


def _read_header(file: Pinned, offset: int, index: int) -> bytes | None:
    """The records of one header, END included; None where an extension could be but isn't."""
    data = file.read(offset, RECORD)
    if index == 0:
        _check_start(data, file.shown)
    elif not data.startswith(b"XTENSION"):
        return None
    while not (end := _end_of(data)):
        more = file.read(offset + len(data), min(len(data), 1 << 20) // RECORD * RECORD)
        if len(data) % RECORD or not more or len(data) > MAX_CARDS * CARD:
            _refuse_no_end(file.shown, index, len(data))
            return None
        data += more
    return data[:end]


def _check_start(data: bytes, path: str) -> None:
    if not data:
        raise SourceError(f"{path} is empty", expected="A FITS file was expected", remedy="Copy it again")
    if not re.match(rb"SIMPLE *=", data):
        raise SourceError(f"{path} isn't a FITS file", expected="It should begin with 'SIMPLE  ='")


def _refuse_no_end(path: str, index: int, size: int) -> None:
    if index:
        return  # what follows a good HDU is left alone, as the standard's special records are
    what = "is longer than any real one" if size > MAX_CARDS * CARD else f"has no END in {size} bytes"
    raise SourceError(f"The FITS header of {path} {what}", remedy="The file is cut short or damaged; copy it again")


def _end_of(data: bytes) -> int:
    """The length of the records up to the one that holds END; 0 when there is none."""
    whole = len(data) // CARD * CARD
    words = np.frombuffer(data, np.uint8, whole).reshape(-1, CARD)[:, :8]
    found = np.flatnonzero((words == np.frombuffer(b"END     ", np.uint8)).all(axis=1))
    return 0 if len(found) == 0 else -(-(int(found[0]) + 1) * CARD // RECORD) * RECORD


def _hdu(index: int, header: bytes, data_at: int) -> Hdu:
    cards = _cards(header)
    keys = structure(cards)
    return Hdu(_info(index, keys, data_at), cards, keys)


def _cards(header: bytes) -> Cards:
    """Cards before END; bytes that aren't printable ASCII become "?", secrets in URLs go."""
    clean = bytes(byte if 32 <= byte < 127 else 63 for byte in range(256))
    text = header.translate(clean).decode("ascii")
    cards = [text[at : at + CARD] for at in range(0, len(text), CARD)]
    end = next((place for place, card in enumerate(cards) if card.startswith("END     ")), len(cards))
    return tuple(redact(card).ljust(CARD) if "://" in card else card for card in cards[:end])


def structure(cards: Cards) -> dict[str, str]:
    """The keywords that say how the data lie in the file, as text; the first of equal keywords counts."""
    keys: dict[str, str] = {}
    for card in cards:
        found = _STRUCTURE.match(card)
        if found:
            quoted = found[2]
            keys.setdefault(found[1], found[3] if quoted is None else quoted.replace("''", "'").strip())
    return keys


def _info(index: int, keys: Mapping[str, str], data_at: int) -> HduInfo:
    where = f"HDU {index}"
    kind = _kind(index, keys)
    shape = _shape(keys, "", where)
    bitpix = _bitpix(keys, "", where) if shape else 8
    size = _data_bytes(keys, shape, bitpix, where)
    if kind == "compressed image":
        shape, bitpix = _shape(keys, "Z", where), _bitpix(keys, "Z", where)
    name = keys.get("EXTNAME", "") or ("PRIMARY" if index == 0 else "")
    dtype = np.dtype(BITPIX[bitpix]).newbyteorder("=").name if kind.endswith("image") else ""
    return HduInfo(index, name, _integer(keys, "EXTVER", where, 1), kind, shape, dtype, data_at, size)


def _kind(index: int, keys: Mapping[str, str]) -> Kind:
    extension = keys.get("XTENSION", "IMAGE" if index == 0 else "")
    if extension in {"BINTABLE", "A3DTABLE"}:
        return "compressed image" if keys.get("ZIMAGE") == "T" else "table"
    if extension == "TABLE":
        return "table"
    if extension not in {"IMAGE", "IUEIMAGE"}:
        return "other"
    if keys.get("GROUPS") == "T" and keys.get("NAXIS1") == "0":
        return "groups"
    return "empty" if keys.get("NAXIS") == "0" else "image"


def _shape(keys: Mapping[str, str], prefix: str, where: str) -> tuple[int, ...]:
    """NAXISn (or ZNAXISn), last axis first. Raises SourceError for sizes that can't be."""
    axes = _integer(keys, f"{prefix}NAXIS", where)
    if not 0 <= axes <= MAX_AXES:
        raise SourceError(f"{prefix}NAXIS of {where} is {axes}", expected=f"0 to {MAX_AXES} axes can be shown")
    shape = tuple(_integer(keys, f"{prefix}NAXIS{axis}", where) for axis in range(axes, 0, -1))
    if any(length < 0 for length in shape) or math.prod(shape) > 1 << 60:
        raise SourceError(f"{where} claims the size {shape[::-1]}", remedy="The header is damaged; copy the file again")
    return shape


def _bitpix(keys: Mapping[str, str], prefix: str, where: str) -> int:
    bitpix = _integer(keys, f"{prefix}BITPIX", where)
    if bitpix not in BITPIX:
        raise SourceError(f"{prefix}BITPIX of {where} is {bitpix}", expected="It must be 8, 16, 32, 64, -32 or -64")
    return bitpix


def _data_bytes(keys: Mapping[str, str], shape: tuple[int, ...], bitpix: int, where: str) -> int:
    """Bytes of data without the padding (equation 2 and 7 of the FITS standard 4.0)."""
    if not shape:
        return 0
    groups = keys.get("GROUPS") == "T" and shape[-1] == 0
    extra, times = 0, 1
    if groups or "XTENSION" in keys:
        extra, times = _integer(keys, "PCOUNT", where, 0), _integer(keys, "GCOUNT", where, 1)
    size = abs(bitpix) // 8 * times * (extra + math.prod(shape[:-1] if groups else shape))
    if not 0 <= size < 1 << 62:
        raise SourceError(f"{where} claims {size} bytes of data", remedy="The header is damaged; copy the file again")
    return size


def _integer(keys: Mapping[str, str], key: str, where: str, default: int | None = None) -> int:
    text = keys.get(key, "")
    if not text and default is not None:
        return default
    if not re.fullmatch(r"[+-]?\d{1,20}", text):
        what = f"is {text!r}" if text else "is missing"
        raise SourceError(f"{key} of {where} {what}", expected="A whole number was expected")
    return int(text)


def choose(file: Pinned, wanted: str | None) -> Hdu:
    """The HDU asked for by index, EXTNAME or "NAME,VERSION"; by default the first image of two axes or more, or of one.

    Raises SourceError when it isn't there or has no pixels, naming what is there.
    """
    seen: list[HduInfo] = []
    fallback: Hdu | None = None
    for hdu in walk(file):
        seen.append(hdu.info)
        if wanted is not None and wanted.strip():
            if _answers(hdu.info, wanted):
                return _with_pixels(hdu, file.shown, seen)
        elif hdu.info.is_image and len(hdu.info.shape) >= 2:
            return hdu
        elif hdu.info.is_image and fallback is None:
            fallback = hdu
    if fallback is not None:
        return fallback
    what = f"has no HDU {wanted!r}" if wanted and wanted.strip() else "holds no image"
    raise SourceError(f"{file.shown} {what}", expected=f"It holds {_listed(seen)}")


def _answers(info: HduInfo, wanted: str) -> bool:
    wanted = wanted.strip()
    if re.fullmatch(r"\d{1,9}", wanted):
        return info.index == int(wanted)
    name, comma, version = (part.strip() for part in wanted.rpartition(","))
    if comma and version.isdigit() and name:
        return info.name.casefold() == name.casefold() and info.version == int(version[:9])
    return info.name.casefold() == wanted.casefold()


def _with_pixels(hdu: Hdu, path: str, seen: list[HduInfo]) -> Hdu:
    if not hdu.info.is_image:
        raise SourceError(f"HDU {hdu.info} of {path} is no image", expected=f"Up to there it holds {_listed(seen)}")
    return hdu


def _listed(seen: list[HduInfo]) -> str:
    more = f"; and {len(seen) - 20} more" if len(seen) > 20 else ""
    return "; ".join(str(info) for info in seen[:20]) + more
