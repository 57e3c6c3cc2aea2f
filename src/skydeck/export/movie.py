"""Movie: pictures one after another as MP4 or GIF, one in memory at a time."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Literal
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from skydeck.core.errors import Cancelled, RequestError, SkydeckError

Rgb = npt.NDArray[np.uint8]
Kind = Literal["mp4", "gif"]

MAX_PIXELS = 3840 * 2160  # the encoder keeps some twenty frames: 250 MB at this size
MAX_FPS = {"mp4": 60.0, "gif": 50.0}  # a GIF counts hundredths of a second, and browsers slow down below two of them
_THREADS = ["-threads", "2"]
_ENCODERS = {
    # veryfast looks ahead 10 frames instead of 40; faststart lets a browser play before all has arrived
    "mp4": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
    # a palette a frame: one for all would keep all frames in memory
    "gif": ["-filter_complex", "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1", "-loop", "0"],
}


def movie(
    frames: Iterable[Rgb],
    fps: float,
    kind: Kind,
    path: Path,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Write pictures to ``path`` as H.264 in MP4 (yuv420p, any player) or as an endless GIF, and return it.

    ``frames``: (height, width, 3) uint8, all of one size, row 0 at the bottom as in a Raster; odd sizes get one black
    line or column. ``progress`` is told the count after each; ``cancelled`` is asked before each is made. Memory: one
    frame here, the encoder's few in its process. ``path`` appears complete or not at all. Raises Cancelled;
    RequestError for pictures or settings no movie can have; SkydeckError where the encoder fails; what ``frames``
    raises passes through.
    """
    if kind not in MAX_FPS or not 0.1 <= fps <= MAX_FPS[kind]:
        raise RequestError(
            f"A '{kind}' movie of {fps} frames a second", expected="mp4 of 0.1 to 60, or gif of 0.1 to 50"
        )
    if not path.parent.is_dir():
        raise RequestError(f"There is no folder {path.parent} to write a movie to")
    with _replacing(path) as part:
        _encode(_prepared(_until(frames, cancelled)), fps, kind, part, progress)
    return path


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file beside ``path`` that becomes it on success and vanishes otherwise."""
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.filename != str(part):
            raise
        raise SkydeckError(f"The movie can't be put at {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _until(frames: Iterable[Rgb], cancelled: Callable[[], bool] | None) -> Iterator[Rgb]:
    iterator = iter(frames)
    while True:
        if cancelled is not None and cancelled():
            raise Cancelled("The movie was cancelled")
        try:
            frame = next(iterator)
        except StopIteration:
            return
        yield frame


def _prepared(frames: Iterable[Rgb]) -> Iterator[Rgb]:
    """Frames checked, top row first, of even size as yuv420p demands."""
    first: tuple[int, ...] = ()
    for index, frame in enumerate(frames):
        first = first or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            raise RequestError(f"Picture {index} is {frame.dtype} {frame.shape}", expected="uint8 (height, width, 3)")
        if frame.shape != first:
            raise RequestError(f"Picture {index} is {frame.shape}", expected=f"{first} like the first")
        if frame.size > 3 * MAX_PIXELS:
            raise RequestError(f"Picture {index} is {frame.shape}", expected=f"at most {MAX_PIXELS} pixels")
        height, width, _ = frame.shape
        yield np.ascontiguousarray(np.pad(frame[::-1], ((0, height % 2), (0, width % 2), (0, 0))))


def _encode(frames: Iterator[Rgb], fps: float, kind: Kind, part: Path, progress: Callable[[int], None] | None) -> None:
    first = next(frames, None)
    if first is None:
        raise RequestError("A movie needs at least one picture")
    with tempfile.TemporaryFile() as log, _encoder(first, fps, kind, part, log) as process:
        assert process.stdin is not None
        try:
            for count, frame in enumerate(chain((first,), frames), start=1):
                process.stdin.write(frame.data)
                if progress is not None:
                    progress(count)
            process.stdin.close()
        except BrokenPipeError:
            pass  # the encoder gave up; its own words below say why
        if process.wait() != 0:
            raise SkydeckError(f"The movie encoder failed ({process.returncode}): {_last_line(log)}")


@contextlib.contextmanager
def _encoder(first: Rgb, fps: float, kind: Kind, part: Path, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """An encoder that reads raw pictures; killed where its user fails, so that nothing is left running."""
    size = f"{first.shape[1]}x{first.shape[0]}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", f"{fps:g}", "-i", "pipe:0"]
    output = [*_ENCODERS[kind], *_THREADS, "-f", kind, f"file:{part}"]
    command = [_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *source, *output]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
        process.wait()


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return str(get_ffmpeg_exe())
    except RuntimeError as error:
        raise SkydeckError(
            "There is no ffmpeg for movies", remedy="Reinstall imageio-ffmpeg, or install ffmpeg"
        ) from error


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read(65536).decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
