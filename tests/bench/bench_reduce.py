"""Reduction and painting against copying memory, in ratios of best times: run by ``make bench`` alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from skydeck.core.axis import Uniform
from skydeck.core.raster import REDUCES
from skydeck.core.style import Style
from skydeck.reduce import block
from skydeck.reduce.bins import bins_of
from skydeck.reduce.limits import limits_of
from skydeck.render import colour
from skydeck.render.codes import decode, encode
from skydeck.render.encode import jpeg
from skydeck.render.stretch import thresholds

CELLS = 4096
PLANE = np.random.default_rng(0).normal(size=(CELLS, CELLS)).astype(np.float32)
BINS = bins_of(Uniform(0, 1, CELLS), 0, CELLS, 800)
SCREEN = PLANE[:640, :800].copy()
STEPS = thresholds(Style(low=-3, high=3))
PICTURE, CODED = colour.paint(SCREEN, Style(), STEPS), encode(SCREEN)


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def share_of_a_copy(work: Callable[[], object], times: int = 15) -> tuple[float, float]:
    """Shortest wall time, and the speed as a part of copying PLANE's; the two take turns, to be disturbed alike."""
    target = np.empty_like(PLANE)
    work()
    pairs = [(timed(work), timed(lambda: np.copyto(target, PLANE))) for _ in range(times)]
    taken, copied = (min(times) for times in zip(*pairs, strict=True))
    return taken, copied / taken


def blank() -> np.ndarray:
    plane = PLANE.copy()
    plane[:, ::3] = np.nan
    return plane


PLANES: dict[str, Callable[[], np.ndarray]] = {
    "float32": lambda: PLANE,
    "a third NaN": blank,
    "big-endian": lambda: PLANE.astype(">f4"),
    "transposed": lambda: PLANE.T,
    "cut out": lambda: np.pad(PLANE, ((0, 0), (0, 9)))[:, 4 : 4 + CELLS],
    "int16": lambda: (PLANE * 99).astype(np.int16),
    "float64": lambda: PLANE.astype(np.float64),
}


@pytest.mark.parametrize("name", PLANES)
def test_reducing_keeps_up_with_memory(name: str) -> None:
    plane = PLANES[name]()
    for how in REDUCES:
        taken, share = share_of_a_copy(lambda how=how: block.block_reduce(plane, BINS, BINS, how))  # type: ignore[misc]
        print(f"\n{name} {how}: {taken * 1e3:.1f} ms, {share:.2f} of a copy's speed", end="")
        if name == "float32":
            assert share >= 1 / 3
    taken, share = share_of_a_copy(lambda: block.block_reduce_many(plane, BINS, BINS))
    print(f"\n{name} mean, min and max: {taken * 1e3:.1f} ms, {share:.2f} of a copy's speed", end="")


# what is done, and how many times at least in the time that copying PLANE takes (about 8 ms)
SCREENS: dict[str, tuple[Callable[[], object], float]] = {
    "zoom in to 800 x 800": (
        lambda: block.block_reduce(PLANE, BINS[:800], bins_of(Uniform(0, 1, CELLS), 9, 99, 800), "mean"),
        0,
    ),
    "paint 800 x 640": (lambda: colour.paint(SCREEN, Style(), STEPS), 2.0),
    "jpeg": (lambda: jpeg(PICTURE), 0),
    "codes": (lambda: encode(SCREEN), 0.8),
    "decode": (lambda: decode(CODED), 0),
    "min-max": (lambda: limits_of(SCREEN, "min-max"), 2.0),
    "99.5 %": (lambda: limits_of(SCREEN, "99.5 %"), 2.0),
    "zscale": (lambda: limits_of(SCREEN, "zscale"), 2.0),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screenful_is_quick(name: str) -> None:
    work, least = SCREENS[name]
    taken, share = share_of_a_copy(work)
    print(f"\n{name}: {taken * 1e3:.2f} ms, {share:.1f} of them while a 64 MiB plane is copied", end="")
    assert share >= least
