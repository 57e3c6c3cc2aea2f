"""Movies, decoded again by ffmpeg and Pillow."""

from __future__ import annotations

import os
import resource
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from skydeck.core.errors import Cancelled, RequestError, SkydeckError
from skydeck.export.movie import Kind, movie

Rgb = npt.NDArray[np.uint8]
KINDS: tuple[Kind, ...] = ("mp4", "gif")


def frames(count: int = 6, height: int = 41, width: int = 61) -> Iterator[Rgb]:
    """A bright bar that climbs, over a colour that changes."""
    for index in range(count):
        frame = np.full((height, width, 3), (40 * index, 100, 200 - 30 * index), dtype=np.uint8)
        frame[5 * index : 5 * index + 5] = 255
        yield frame


def decoded(path: Path, height: int, width: int) -> Rgb:
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_there_the_right_way_up(tmp_path: Path, kind: Kind) -> None:
    told: list[int] = []
    path = movie(frames(), 5, kind, tmp_path / f"m.{kind}", told.append)
    assert told == [1, 2, 3, 4, 5, 6]
    assert names(tmp_path) == [f"m.{kind}"]
    found = decoded(path, 42, 62).astype(int)
    assert len(found) == 6
    for index, frame in enumerate(frames()):
        apart = np.abs(found[index, :41, :61] - frame[::-1].astype(int))
        assert np.median(apart) < 8
        assert np.mean(apart) < 12


def test_an_mp4_plays_everywhere(tmp_path: Path) -> None:
    path = movie(frames(), 5, "mp4", tmp_path / "m.mp4")
    said = subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, timeout=60).stderr.decode()
    assert "h264" in said
    assert "yuv420p" in said
    assert "62x42" in said
    assert "5 fps" in said
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_gif_repeats_at_its_pace(tmp_path: Path) -> None:
    with Image.open(movie(frames(), 5, "gif", tmp_path / "m.gif")) as image:
        assert image.n_frames == 6
        assert image.info["loop"] == 0
        assert image.info["duration"] == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_movie_leaves_nothing(tmp_path: Path, kind: Kind) -> None:
    made: list[int] = []

    def counted() -> Iterator[Rgb]:
        for index, frame in enumerate(frames(100)):
            made.append(index)
            yield frame

    with pytest.raises(Cancelled):
        movie(counted(), 5, kind, tmp_path / "m", cancelled=lambda: len(made) >= 3)
    assert made == [0, 1, 2]
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_frame_leaves_the_old_movie(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"old")

    def broken() -> Iterator[Rgb]:
        yield from frames(2)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="the disk went away"):
        movie(broken(), 5, kind, path)
    assert names(tmp_path) == ["m"]
    assert path.read_bytes() == b"old"


def test_frames_are_made_one_at_a_time(tmp_path: Path) -> None:
    """A hundred frames of 1.4 MB pass with never more than a few of them alive."""
    tracemalloc.start()
    try:
        movie((np.zeros((600, 800, 3), np.uint8) for _ in range(100)), 25, "mp4", tmp_path / "m.mp4")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * 600 * 800 * 3


@pytest.mark.parametrize(
    ("given", "fps", "kind", "message"),
    [
        ([], 5, "mp4", "at least one picture"),
        ([np.zeros((4, 4), np.uint8)], 5, "mp4", "Picture 0 is uint8 (4, 4)"),
        ([np.zeros((4, 4, 3), float)], 5, "mp4", "Picture 0 is float64"),
        (
            [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)],
            5,
            "gif",
            "Picture 1 is (4, 6, 3). (4, 4, 3) like",
        ),
        ([np.zeros((0, 4, 3), np.uint8)], 5, "mp4", "Picture 0"),
        ([np.broadcast_to(np.uint8(0), (9000, 9000, 3))], 5, "mp4", "at most 8294400 pixels"),
        ([], 0.0, "mp4", "0.0 frames a second"),
        ([], float("nan"), "mp4", "nan frames a second"),
        ([], 60, "gif", "'gif' movie of 60"),
        ([], 5, "avi", "'avi' movie"),
    ],
)
def test_what_is_no_movie_is_refused(tmp_path: Path, given: list[Rgb], fps: float, kind: Kind, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        movie(given, fps, kind, tmp_path / "m.mp4")
    assert message in str(caught.value)
    assert names(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no folder"):
        movie(frames(), 5, "mp4", tmp_path / "nowhere" / "m.mp4")


def test_a_name_no_file_can_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(SkydeckError, match=r"can't be put at .*name too long"):
        movie(frames(), 5, "mp4", tmp_path / ("m" * 300))
    assert names(tmp_path) == []


def test_an_encoder_that_fails_is_told(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SkydeckError, match="encoder failed"):
            movie(
                (np.random.default_rng(i).integers(0, 255, (64, 64, 3), np.uint8) for i in range(9)),
                5,
                "mp4",
                tmp_path / "m",
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []
