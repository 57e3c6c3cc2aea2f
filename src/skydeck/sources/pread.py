"""Sections of arrays in files, read with ``pread``: no map, no whole file, safe from many threads at once."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import NotAllowed, SkydeckError, SourceChanged, SourceError, SourceMissing

Signature = tuple[int, int, int]
Key = tuple[int | slice, ...]

READ_THROUGH = 8192  # bytes between two wanted pieces that are cheaper to read than to skip (about one system call)
BLOCK = 4 << 20  # bytes that one read with gaps in it may take


@dataclass(frozen=True, slots=True)
class Span:
    """``count`` indices from ``start``, ``step`` apart, along one axis; ``step`` ≥ 1. ``flip``: wanted backwards."""

    start: int
    count: int
    step: int = 1
    flip: bool = False

    @property
    def last(self) -> int:
        return self.start + (self.count - 1) * self.step


def signature(path: str | os.PathLike[str]) -> Signature:
    """What changes when a file is replaced, rewritten or grows: (inode, modification time in ns, size in bytes).

    Raises SourceMissing, NotAllowed or SourceError when the file can't be looked at.
    """
    with _os_errors(os.fspath(path)):
        return _signature(os.stat(path))


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def _os_errors(path: str) -> Iterator[None]:
    try:
        yield
    except SkydeckError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(f"There is no file {path}", remedy="Check the path") from error
    except PermissionError as error:
        raise NotAllowed(f"{path} can't be read: permission denied", remedy="Ask its owner for read access") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error


@dataclass(frozen=True, slots=True)
class Pinned:
    """A regular file as it was when it was opened; holds no descriptor, so it pickles and never leaks one.

    Every read opens the path anew and raises SourceChanged when what lies there is no longer what was opened.
    ``origin``: what to call it, where it is only the unpacked copy of another file.
    """

    path: str
    signature: Signature
    origin: str = ""

    @property
    def shown(self) -> str:
        return self.origin or self.path

    @property
    def size(self) -> int:
        return self.signature[2]

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A file descriptor for a few reads. Raises SourceChanged when the file changed before or while it was read."""
        descriptor = self._open()
        try:
            self.check(descriptor)
            yield descriptor
            self.check(descriptor)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        with _os_errors(self.shown):
            try:
                return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise self._changed("removed") from error

    def check(self, descriptor: int) -> None:
        """Raises SourceChanged unless an open descriptor still is the file that was pinned."""
        now = _signature(os.fstat(descriptor))
        if now != self.signature:
            raise self._changed("shortened" if now[2] < self.size else "changed")

    def _changed(self, how: str) -> SourceChanged:
        return SourceChanged(f"{self.shown} was {how} while it was open", remedy="Reload it")

    def read(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``offset``; fewer only at the end of the file."""
        with _os_errors(self.shown), self.opened() as descriptor:
            return read_at(descriptor, offset, count)


def pinned(path: str | os.PathLike[str]) -> Pinned:
    """Pin a regular file as it is now. Raises SourceMissing, NotAllowed, or SourceError for a directory or device."""
    name = os.path.abspath(os.path.expanduser(os.fspath(path))) if "\0" not in os.fspath(path) else os.fspath(path)
    with _os_errors(name):
        status = os.stat(name)
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise SourceError(f"{name} is {kind}", expected="A file was expected here")
    return Pinned(name, _signature(status))


def read_at(descriptor: int, offset: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``offset``; fewer only at the end of the file."""
    data = bytearray(count)
    return bytes(data[: _fill(descriptor, offset, memoryview(data))])


def _fill(descriptor: int, offset: int, target: memoryview) -> int:
    """Read into ``target`` (bytes) until it is full or the file ends; the number of bytes read."""
    done = 0
    while done < len(target):  # one call moves at most 2 GiB
        got = os.preadv(descriptor, [target[done:]], offset + done)
        if got == 0:
            break
        done += got
    return done


def spans_of(key: Key, shape: tuple[int, ...]) -> tuple[Span, ...]:
    """A basic index (integers and slices, one an axis) as spans; an integer becomes a span of one."""
    return tuple(_span(index, size) for index, size in zip(key, shape, strict=True))


def _span(index: int | slice, size: int) -> Span:
    if not isinstance(index, slice):
        place = int(index) + size if index < 0 else int(index)
        if not 0 <= place < size:
            raise IndexError(f"index {index} is out of bounds for an axis of {size}")
        return Span(place, 1)
    places = range(*index.indices(size))
    if places.step < 0:
        return Span(places[-1] if places else 0, len(places), -places.step, flip=True)
    return Span(places.start, len(places), places.step)


def drop_integers(array: npt.NDArray[np.generic], key: Key, spans: tuple[Span, ...]) -> npt.NDArray[np.generic]:
    """Give a block read by spans the shape and direction that the key asked for."""
    return array[
        tuple(
            0 if not isinstance(index, slice) else slice(None, None, -1 if span.flip else 1)
            for index, span in zip(key, spans, strict=True)
        )
    ]


def read_block(
    descriptor: int, base: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], spans: tuple[Span, ...]
) -> npt.NDArray[np.generic]:
    """The block of a C-ordered array (``shape``, ``dtype``, first byte at ``base``) that the spans select.

    Same number of dimensions as ``shape``; what lies beyond the end of the file is zero. Neighbouring pieces come
    in one read of at most ``BLOCK`` bytes where the bytes between them are few; a contiguous block in a single read.
    """
    out = np.zeros(tuple(span.count for span in spans), dtype)
    if out.size:
        strides = _strides(shape, dtype.itemsize)
        axis = _merged(spans, strides, dtype.itemsize)
        _read_merged(descriptor, base, out, spans, strides, axis)
    return out


def _strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    return tuple(itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _extent(spans: tuple[Span, ...], strides: tuple[int, ...], itemsize: int) -> int:
    """Bytes from the first wanted byte to the last, gaps included."""
    return itemsize + sum((span.count - 1) * span.step * stride for span, stride in zip(spans, strides, strict=True))


def _merged(spans: tuple[Span, ...], strides: tuple[int, ...], itemsize: int) -> int:
    """The outermost axis along which consecutive indices are read together."""
    for axis in range(len(spans) - 1, -1, -1):
        inner = _extent(spans[axis + 1 :], strides[axis + 1 :], itemsize)
        gap = spans[axis].step * strides[axis] - inner
        if spans[axis].count > 1 and (gap > READ_THROUGH or (gap and inner > BLOCK)):
            return axis + 1
    return 0


def _read_merged(
    descriptor: int,
    base: int,
    out: npt.NDArray[np.generic],
    spans: tuple[Span, ...],
    strides: tuple[int, ...],
    axis: int,
) -> None:
    """Loop over the axes before ``axis``; read the rest in as few pieces as ``BLOCK`` allows."""
    steps = tuple(span.step * stride for span, stride in zip(spans, strides, strict=True))
    first = base + sum(span.start * stride for span, stride in zip(spans, strides, strict=True))
    places = np.full((1,) * axis, first, np.int64)
    for outer in range(axis):
        along = steps[outer] * np.arange(spans[outer].count, dtype=np.int64)
        places = places + along.reshape((-1,) + (1,) * (axis - outer - 1))
    rows = out.reshape(-1, *out.shape[axis:])
    if _extent(spans[axis:], strides[axis:], out.itemsize) == rows[0].nbytes:
        _read_runs(descriptor, places.ravel(), out)
        return
    for row, place in enumerate(places.ravel()):
        _read_pieces(descriptor, int(place), rows[row : row + 1], (0, *steps[axis:]))


def _read_runs(descriptor: int, places: npt.NDArray[np.int64], out: npt.NDArray[np.generic]) -> None:
    """Fill ``out`` with runs of equal length, one from each place."""
    target = out.reshape(-1).view(np.uint8).data
    size = len(target) // len(places)
    for run, place in enumerate(places):
        _fill(descriptor, int(place), target[run * size : (run + 1) * size])


def _read_pieces(descriptor: int, place: int, out: npt.NDArray[np.generic], steps: tuple[int, ...]) -> None:
    """Fill ``out`` from ``place`` on, its elements ``steps`` bytes apart in the file along each axis."""
    extent = out.itemsize + sum((count - 1) * step for count, step in zip(out.shape, steps, strict=True))
    if extent == out.nbytes:
        _fill(descriptor, place, out.reshape(-1).view(np.uint8).data)
    elif extent <= BLOCK or out.ndim == 0:
        _read_spread(descriptor, place, out, steps, extent)
    else:
        inner = extent - (out.shape[0] - 1) * steps[0]
        rows = max(1, (BLOCK - inner) // max(1, steps[0]) + 1)
        _read_rows(descriptor, place, out, steps, rows)


def _read_rows(descriptor: int, place: int, out: npt.NDArray[np.generic], steps: tuple[int, ...], rows: int) -> None:
    """Split along the first axis: ``rows`` at a time, or one by one along the axes inside it."""
    if rows == 1 or out.shape[0] == 1:
        for index in range(out.shape[0]):
            _read_pieces(descriptor, place + index * steps[0], out[index : index + 1].reshape(out.shape[1:]), steps[1:])
        return
    for index in range(0, out.shape[0], rows):
        _read_pieces(descriptor, place + index * steps[0], out[index : index + rows], steps)


def _read_spread(
    descriptor: int, place: int, out: npt.NDArray[np.generic], steps: tuple[int, ...], extent: int
) -> None:
    """One read with the gaps in it, then only the wanted elements copied."""
    scratch = np.zeros(extent, np.uint8)
    _fill(descriptor, place, scratch.data)
    out[...] = np.ndarray(out.shape, out.dtype, buffer=scratch, strides=steps)
