"""Starfield: an optical image of stars and galaxies with the marks that sky, air and detector leave."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from skydeck.jobs.synthetic.cards import Card, fits_image

Floats = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]

SEED = 1609
SIZE, SCALE = 2048, 0.4  # pixels a side; arcseconds
CENTRE, TURN = (56.9, -12.4), math.radians(8.0)  # degrees, ICRS; north of the y axis
SEEING, BETA = 0.9 / SCALE, 3.5  # FWHM in pixels; wings (Moffat 1969, A&A 3, 455)
STARS, GALAXIES, RAYS = 2600, 150, 220
BRIGHT, FAINT, ZERO, SLOPE = 12.5, 24.0, 30.0, 0.28  # magnitudes; N(m) ∝ 10^(SLOPE m)
SKY, GAIN, READ_NOISE = 640.0, 1.6, 4.5  # adu, electrons per adu, adu
FULL, OFFSET, NO_DATA = 60_000.0, 32_768, 32_767  # adu; BZERO of unsigned numbers; BLANK
MARGIN = 12  # pixels at the edges that no exposure covered
DEAD_COLUMNS = (417, 1533, 1534)
BAND = 256  # rows that get noise at once


def write_starfield(path: Path) -> None:
    """Write a FITS image, int16 with BZERO, adu; BLANK at the edges and in dead columns."""
    with path.open("xb") as file:
        file.writelines(fits_image(stored(exposure()), cards()))


def cards() -> list[Card]:
    """What the header says beside the axes: scaling, the gnomonic projection, the exposure."""
    cos, sin = (SCALE / 3600 * function(TURN) for function in (math.cos, math.sin))
    return [
        ("BSCALE", 1.0, ""),
        ("BZERO", float(OFFSET), "unsigned numbers"),
        ("BLANK", NO_DATA, "no data"),
        ("BUNIT", "adu", ""),
        ("OBJECT", "Simulated field", ""),
        ("TELESCOP", "Skydeck simulation", ""),
        ("FILTER", "r", ""),
        ("EXPTIME", 300.0, "[s]"),
        ("DATE-OBS", "2025-01-14T03:12:45.000", "UTC"),
        ("GAIN", GAIN, "electrons per adu"),
        ("SATURATE", FULL, "[adu]"),
        ("RADESYS", "ICRS", ""),
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("CRVAL1", CENTRE[0], ""),
        ("CRVAL2", CENTRE[1], ""),
        ("CRPIX1", SIZE / 2 + 0.5, ""),
        ("CRPIX2", SIZE / 2 + 0.5, ""),
        ("CD1_1", -cos, ""),
        ("CD1_2", sin, ""),
        ("CD2_1", sin, ""),
        ("CD2_2", cos, ""),
    ]


def exposure() -> Map:
    """What the detector counted, (y, x) float32 adu, NaN where it has no data."""
    rng = np.random.default_rng(SEED)
    image = _background()
    _add_stars(image, rng)
    _add_galaxies(image, rng)
    _add_trail(image)
    for start in range(0, SIZE, BAND):
        image[start : start + BAND] = _noisy(image[start : start + BAND], np.random.default_rng([SEED, start]))
    _add_rays(image, rng)
    _saturate(image)
    return _blanked(image)


def stored(image: Map) -> npt.NDArray[np.int16]:
    """The numbers of the file: adu - BZERO, rounded; BLANK for NaN."""
    numbers = np.clip(np.rint(image), 0, OFFSET + NO_DATA - 1) - OFFSET
    return np.where(np.isnan(image), NO_DATA, numbers).astype(np.int16)


def moffat(x: Floats, y: Floats) -> Floats:
    """A star of flux 1 at the origin, per pixel: (β - 1) / (π α²) (1 + r² / α²)^-β, FWHM = SEEING."""
    alpha = SEEING / (2 * math.sqrt(2 ** (1 / BETA) - 1))
    return (BETA - 1) / (math.pi * alpha**2) * (1 + (x**2 + y**2) / alpha**2) ** -BETA


def sersic(x: Floats, y: Floats, radius: float, index: float, ratio: float, angle: float) -> Floats:
    """A galaxy whose light within ``radius`` pixels is half of it, not normalised: exp(-b ((r / R)^(1/n) - 1)).

    ``ratio``: minor to major axis; ``angle`` in radians; b ≈ 2 n - 1/3 (Ciotti & Bertin 1999, A&A 352, 447). Seeing
    is a softening of r by half its FWHM.
    """
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    r = np.sqrt(along**2 + (across / ratio) ** 2 + (SEEING / 2) ** 2)
    return np.exp(-(2 * index - 1 / 3) * ((r / radius) ** (1 / index) - 1))


def _background() -> Map:
    """The sky with moonlight from one corner, and less light at the edges (cos⁴ of the field angle, exaggerated)."""
    steps = np.linspace(-1, 1, SIZE, dtype=np.float32)
    x, y = steps[None, :], steps[:, None]
    return np.asarray(SKY * (1 + 0.07 * x + 0.04 * y) * (1 - 0.05 * (x**2 + y**2)), dtype=np.float32)


def _flux(magnitude: Floats) -> Floats:
    """Adu of a magnitude: 10^(-0.4 (m - zero point))."""
    return np.asarray(10 ** (-0.4 * (magnitude - ZERO)))


def _magnitudes(rng: np.random.Generator, count: int, bright: float) -> Floats:
    """Magnitudes from counts that grow as 10^(SLOPE m), by inversion of their sum."""
    low, high = 10 ** (SLOPE * bright), 10 ** (SLOPE * FAINT)
    return np.log10(rng.uniform(low, high, count)) / SLOPE


def _add_stars(image: Map, rng: np.random.Generator) -> None:
    magnitudes = np.concatenate([_magnitudes(rng, STARS, BRIGHT), np.array([12.6, 13.4, 14.1, 14.8, 15.2])])
    places = rng.uniform(0, SIZE, (len(magnitudes), 2))
    for flux, (x, y) in zip(_flux(magnitudes), places, strict=True):
        reach = 6 + int(3 * (flux / 50) ** (1 / (2 * BETA)))
        rows, cols, dx, dy = _stamp(x, y, reach)
        image[rows, cols] += flux * moffat(dx, dy)


def _add_galaxies(image: Map, rng: np.random.Generator) -> None:
    magnitudes = np.concatenate([_magnitudes(rng, GALAXIES, 17.0), np.array([15.6, 16.4, 17.2])])
    for number, magnitude in enumerate(magnitudes):
        radius = 1.6 * 10 ** (0.13 * (23.5 - magnitude)) * rng.uniform(0.7, 1.4) + 1
        index, ratio, angle = rng.choice([1.0, 1.0, 2.5, 4.0]), rng.uniform(0.25, 1.0), rng.uniform(0, math.pi)
        x, y = rng.uniform(0, SIZE, 2) if number % 3 else rng.normal((0.62 * SIZE, 0.4 * SIZE), 0.07 * SIZE)
        rows, cols, dx, dy = _stamp(x, y, int(7 * radius))
        light = sersic(dx, dy, float(radius), float(index), float(ratio), float(angle))
        image[rows, cols] += float(_flux(magnitude)) * light / max(light.sum(), 1e-30)


def _stamp(x: float, y: float, reach: int) -> tuple[slice, slice, Floats, Floats]:
    """Rows and columns within ``reach`` of a place, and their distances from it along x and y."""
    rows = slice(max(0, int(y) - reach), max(0, min(SIZE, int(y) + reach + 1)))
    cols = slice(max(0, int(x) - reach), max(0, min(SIZE, int(x) + reach + 1)))
    dx = np.arange(cols.start, cols.stop, dtype=float)[None, :] - x
    dy = np.arange(rows.start, rows.stop, dtype=float)[:, None] - y
    return rows, cols, np.asarray(dx), np.asarray(dy)


def _add_trail(image: Map) -> None:
    """A satellite that crossed during the exposure: a line as wide as the seeing."""
    x, y = np.arange(SIZE)[None, :], np.arange(SIZE)[:, None]
    sigma = SEEING / math.sqrt(8 * math.log(2))
    away = (0.34 * x - 0.94 * y + 900).astype(np.float32)
    image += 55 * np.exp(-(away**2) / np.float32(2 * sigma**2))


def _noisy(band: Map, rng: np.random.Generator) -> Map:
    """The same light as it is counted: shot noise of the electrons, large numbers of them, and that of reading out."""
    sigma = np.sqrt(band / GAIN + READ_NOISE**2)
    return np.asarray(band + sigma * rng.standard_normal(band.shape, dtype=np.float32))


def _add_rays(image: Map, rng: np.random.Generator) -> None:
    """Cosmic rays: short straight tracks, sharper than any star."""
    for _ in range(RAYS):
        x, y, angle = *rng.uniform(0, SIZE, 2), rng.uniform(0, 2 * math.pi)
        steps = np.arange(rng.integers(1, 14))
        cols, rows = (x + steps * math.cos(angle)).astype(int), (y + steps * math.sin(angle)).astype(int)
        inside = (cols >= 0) & (cols < SIZE) & (rows >= 0) & (rows < SIZE)
        image[rows[inside], cols[inside]] += rng.uniform(200, 6000)


def _saturate(image: Map) -> None:
    """Full wells: what exceeds FULL flows along its column, half to each side."""
    for column in np.flatnonzero((image > FULL).any(axis=0)):
        values = image[:, column]
        over = np.flatnonzero(values > FULL)
        length = int((values[over] - FULL).sum() / FULL / 2)
        image[max(0, over[0] - length) : over[-1] + length + 1, column] = FULL


def _blanked(image: Map) -> Map:
    covered = np.full_like(image, np.nan)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    covered[inner] = image[inner]
    covered[:, list(DEAD_COLUMNS)] = np.nan
    return covered
