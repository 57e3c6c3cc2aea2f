"""Sunburst: an hour of the Sun as a low-frequency spectrometer sees it, with bursts, interference and a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.jobs.synthetic.cube import labels, placeholder, rounded, write_cube

Floats = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]

SEED = 1942  # the year the Sun was first heard at metre waves
START, STEP_S, TIMES = np.datetime64("2025-03-21T18:00:00", "ns"), 0.5, 7200
LOW, HIGH, CHANNELS = 20e6, 85e6, 768  # Hz
BLOCK = 600  # rows of a chunk: five minutes
STOKES = "IV"
STEP = 2.0**-8  # sfu
BEFORE, AFTER = 10.0, 90.0  # s about the start of a type III burst beyond which it is below the noise
SOLAR_RADIUS, LIGHT = 695_700.0, 299_792.458  # km, km/s
PIPELINE, DEAD_PIPELINE, DEAD_ROWS = 96, 3, (2880, 4020)  # one of eight computers was off for nine and a half minutes
LINES = (27.12e6, 40.68e6, 53.9e6, 59.25e6, 76.5e6)  # Hz: transmitters


@dataclass(frozen=True, slots=True)
class TypeThree:
    """Electrons thrown outwards at once: ``start`` s after the first row, ``speed`` in parts of c, ``peak`` sfu."""

    start: float
    speed: float
    peak: float
    harmonic: int
    circular: float


@dataclass(frozen=True, slots=True)
class TypeTwo:
    """A shock: ``start`` s after the first row at ``height`` solar radii, ``speed`` km/s, ``peak`` sfu."""

    start: float = 1750.0
    height: float = 1.28
    speed: float = 780.0
    peak: float = 26.0
    split: float = 1.16


def write_sunburst(path: Path) -> None:
    """Write a Zarr store with the variable ``flux`` (stokes, time, frequency), sfu, NaN where a computer was off."""
    shape = (len(STOKES), TIMES, CHANNELS)
    attrs = {"units": "sfu", "long_name": "Flux density (1 sfu = 1e4 Jy)"}
    coordinates = {
        "stokes": labels(*STOKES),
        "time": ("time", START + (seconds() * 1e9).astype("timedelta64[ns]")),
        "frequency": ("frequency", frequencies(), {"units": "Hz"}),
    }
    variable = placeholder(("stokes", "time", "frequency"), shape, attrs)
    cube = xr.Dataset({"flux": variable}, coordinates, {"title": "Simulated solar dynamic spectrum"})
    write_cube(cube, "flux", _chunk, (1, BLOCK, CHANNELS), path)


def _chunk(place: tuple[int, ...]) -> Map:
    return block(STOKES[place[0]], place[1])[None]


def seconds() -> Floats:
    """Middle of each integration, (TIMES,) s after the start."""
    return np.asarray(STEP_S * (np.arange(TIMES) + 0.5))


def frequencies() -> Floats:
    """Middle of each channel, (CHANNELS,) Hz, ascending."""
    width = (HIGH - LOW) / CHANNELS
    return np.asarray(LOW + width * (np.arange(CHANNELS) + 0.5))


def plasma_frequency(height: npt.ArrayLike) -> Floats:
    """Hz at a distance from the Sun's centre in solar radii: 8980 √n, n = 4.2e4 × 10^(4.32 / r) cm⁻³ (Newkirk 1961)."""
    return np.asarray(8980 * np.sqrt(4.2e4 * 10 ** (4.32 / np.asarray(height, dtype=float))))


def height_of(frequency: npt.ArrayLike) -> Floats:
    """Where the plasma frequency is this, solar radii: the inverse of :func:`plasma_frequency`."""
    return np.asarray(4.32 / np.log10((np.asarray(frequency, dtype=float) / 8980) ** 2 / 4.2e4))


def block(stokes: str, number: int) -> Map:
    """One chunk, (BLOCK, CHANNELS) float32 sfu, NaN where there are no data."""
    rows = slice(number * BLOCK, (number + 1) * BLOCK)
    t, f = seconds()[rows, None], frequencies()[None, :]
    sun = signal(stokes, t, f)
    rng = np.random.default_rng([SEED, STOKES.index(stokes), number])
    seen = sun + interference(stokes, t, f, number) + noise(sun, f, rng)
    seen[_dead(rows)] = np.nan
    return rounded(seen, STEP)


def signal(stokes: str, t: Floats, f: Floats) -> Floats:
    """What the Sun sends, (time, frequency) sfu: quiet disc, type III bursts, a type II burst, a noise storm."""
    circular = stokes == "V"
    found = np.zeros(np.broadcast_shapes(t.shape, f.shape)) if circular else quiet(f) + np.zeros_like(t)
    for burst in bursts():
        near = (t[:, 0] > burst.start - BEFORE) & (t[:, 0] < burst.start + AFTER)
        if near.any():
            found[near] += type_three(burst, t[near], f) * (burst.circular if circular else 1.0)
    found += type_two(TypeTwo(), t, f) * (0.04 if circular else 1.0)
    return found + storm(t, f) * (-0.75 if circular else 1.0)


def quiet(f: Floats) -> Floats:
    """The quiet Sun, sfu: about 1 at 80 MHz and falling as the frequency squared."""
    return 1.0 * (f / 80e6) ** 2


def bursts() -> list[TypeThree]:
    """The type III bursts of the hour: a few groups and some by themselves."""
    rng = np.random.default_rng(SEED)
    starts = [rng.normal(centre, 25.0, count) for centre, count in ((420, 5), (1580, 11), (2860, 4))]
    alone = rng.uniform(60, 3500, 9)
    return [
        TypeThree(float(start), rng.uniform(0.12, 0.4), 12 * rng.pareto(1.6) + 4, harmonic, 0.14 / harmonic**2)
        for start in np.concatenate([*starts, alone])
        for harmonic in (int(rng.integers(1, 3)),)
    ]


def type_three(burst: TypeThree, t: Floats, f: Floats) -> Floats:
    """A burst of type III, sfu: each frequency starts when the electrons reach its height, rises and decays.

    The decay lasts 10^7.71 f^-0.95 s (Alvarez & Haddock 1973), the rise a third of that; low frequencies are brighter.
    """
    f = f / burst.harmonic
    travel = (height_of(f) - height_of(HIGH)) * SOLAR_RADIUS / (burst.speed * LIGHT)
    decay = 10**7.71 * (f * burst.harmonic) ** -0.95
    late = (t - burst.start - travel) / decay
    shape = np.where(late > 0, np.exp(-np.maximum(late, 0)), np.exp(-((3 * np.minimum(late, 0)) ** 2)))
    return burst.peak * (f / 50e6) ** -0.8 * shape


def type_two(burst: TypeTwo, t: Floats, f: Floats) -> Floats:
    """A burst of type II, sfu: a shock of constant speed lights the plasma frequency and twice it, each split."""
    height = burst.height + burst.speed * np.maximum(t - burst.start, 0) / SOLAR_RADIUS
    fundamental = plasma_frequency(height)
    age = t - burst.start
    life = np.where(age > 0, np.minimum(age / 40, 1) * np.exp(-((age / 900) ** 2)), 0.0)
    lanes = [(1.0, 0.7), (burst.split, 0.5), (2.0, 1.0), (2 * burst.split, 0.8)]
    flicker = 0.65 + 0.35 * np.sin(age / 3.1 + 4e-7 * f) * np.sin(age / 7.7)
    shape = sum(part * np.exp(-(((f / (fundamental * factor) - 1) / 0.035) ** 2)) for factor, part in lanes)
    return np.asarray(burst.peak * life * flicker * shape)


def storm(t: Floats, f: Floats) -> Floats:
    """A noise storm of type I, sfu: a continuum above 60 MHz that swells and ebbs within minutes."""
    swell = 1 + 0.5 * np.sin(t / 211.0) * np.cos(t / 97.0)
    return np.asarray(2.2 * swell / (1 + np.exp((62e6 - f) / 4e6)))


def interference(stokes: str, t: Floats, f: Floats, number: int) -> Floats:
    """Transmitters, on and off, in a channel or two each, and lightning: all frequencies in one integration, sfu."""
    rng = np.random.default_rng([SEED, 7, number])
    width = (HIGH - LOW) / CHANNELS
    found = np.zeros(np.broadcast_shapes(t.shape, f.shape))
    for index, line in enumerate(LINES):
        on = np.sin(t / (130.0 + 61 * index) + index) > -0.4
        found += 90.0 / (index + 1) * on * np.exp(-(((f - line) / (0.7 * width)) ** 2))
    flashes = rng.random(t.shape) > 0.997
    found += flashes * rng.exponential(25.0, t.shape) * (f / 30e6) ** -1.5
    return found * (0.3 if stokes == "V" else 1.0)


def noise(sun: Floats, f: Floats, rng: np.random.Generator) -> Floats:
    """Noise of the receiver, sfu: S / √(2 Δν Δt) of all it hears, which is mostly the Galaxy, ∝ ν^-2.55."""
    heard = np.abs(sun) + 30.0 * (f / 50e6) ** -2.55
    sigma = heard / math.sqrt(2 * (HIGH - LOW) / CHANNELS * STEP_S)
    return sigma * rng.standard_normal(np.broadcast_shapes(sun.shape))


def _dead(rows: slice) -> npt.NDArray[np.bool_]:
    """Where one pipeline delivered nothing, (rows, CHANNELS)."""
    at, channel = np.arange(rows.start, rows.stop)[:, None], np.arange(CHANNELS)[None, :]
    return np.asarray((at >= DEAD_ROWS[0]) & (at < DEAD_ROWS[1]) & (channel // PIPELINE == DEAD_PIPELINE))
