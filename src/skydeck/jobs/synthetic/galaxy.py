"""Galaxy: an H I cube of a rotating spiral with its continuum and polarisation, as an interferometer would see it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from skydeck.jobs.synthetic.cards import Card, header_text
from skydeck.jobs.synthetic.cube import labels, placeholder, rounded, write_cube

Map = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SEED = 1951  # the year the line was found
STOKES = "IQUV"
SIZE, CELL = 512, 6.0  # pixels a side; arcseconds
CENTRE = (201.4, 36.2)  # degrees, ICRS
CHANNELS, CHANNEL_WIDTH = 48, 31_250.0  # Hz
REST, LIGHT = 1_420_405_751.768, 299_792.458  # Hz, km/s
SYSTEMIC, FLAT, TURNOVER = 540.0, 155.0, 60.0  # km/s, km/s, arcseconds
INCLINATION, POSITION_ANGLE, PITCH = (math.radians(angle) for angle in (54.0, 38.0, 17.0))
FLUX = 330.0  # Jy km/s: 5e9 solar masses at 8 Mpc, M = 2.36e5 D² S (Roberts 1962, AJ 67, 437)
BEAM = (22.0, 16.0, 35.0)  # arcseconds, arcseconds, degrees east of north
NOISE = 1.0e-3  # Jy/beam where the primary beam is 1
PRIMARY, BLANK = 36.0, 0.3  # FWHM in arcminutes; response below which nothing is kept
STEP = 2.0**-14  # Jy/beam; 1/16 of the noise
SPECTRAL_INDEX = -0.7
LEAKAGE, FLARE = 0.003, 0.4  # Stokes V of all continuum, and of the one flare star, in parts of I

_SIGMA = 1 / math.sqrt(8 * math.log(2))  # of a FWHM


@dataclass(frozen=True, slots=True)
class Sky:
    """Maps, (y, x) float32: what is the same in each channel.

    ``line`` Jy km/s a pixel; ``velocity`` and ``width`` km/s; ``continuum`` Jy a pixel at the rest frequency, and
    ``q``, ``u``, ``v`` of it; ``rotation`` measure rad/m²; ``response`` of the primary beam, NaN where blank;
    ``transfer``: Fourier transform of the restoring beam.
    """

    line: Map = field(repr=False)
    velocity: Map = field(repr=False)
    width: Map = field(repr=False)
    continuum: Map = field(repr=False)
    q: Map = field(repr=False)
    u: Map = field(repr=False)
    v: Map = field(repr=False)
    rotation: Map = field(repr=False)
    response: Map = field(repr=False)
    transfer: Map = field(repr=False)


def write_galaxy(path: Path) -> None:
    """Write the cube as a Zarr store with the variable ``sky`` (stokes, frequency, y, x), Jy/beam, NaN where blank."""
    dims, shape = ("stokes", "frequency", "y", "x"), (len(STOKES), CHANNELS, SIZE, SIZE)
    attrs = {"units": "Jy/beam", "long_name": "Flux density"}
    text = header_text(cards())
    cube = xr.Dataset(
        {"sky": placeholder(dims, shape, attrs)},
        {"stokes": labels(*STOKES), "frequency": ("frequency", frequencies(), {"units": "Hz"})},
        {"title": "Simulated galaxy", "wcs_dims": "x y", "fits_wcs_header": text, "header": text},
    )
    simulate = partial(_chunk, sky_of())
    write_cube(cube, "sky", simulate, (1, 1, SIZE, SIZE), path)


def _chunk(sky: Sky, place: tuple[int, ...]) -> Map:
    return plane(sky, place[0], place[1])[None, None]


def frequencies() -> Floats:
    """Channel centres, (CHANNELS,) Hz, ascending about the systemic velocity (radio convention)."""
    centre = REST * (1 - SYSTEMIC / LIGHT)
    return np.asarray(centre + CHANNEL_WIDTH * (np.arange(CHANNELS) - (CHANNELS - 1) / 2))


def velocity_of(frequency: npt.ArrayLike) -> Floats:
    """Radial velocity, km/s, in the radio convention: v = c (1 - ν / ν₀)."""
    return LIGHT * (1 - np.asarray(frequency, dtype=float) / REST)


def cards() -> list[Card]:
    """The header of the two celestial axes, with the beam and the rest frequency."""
    return [
        ("SIMPLE", True, "simulated by Skydeck"),
        ("BITPIX", -32, ""),
        ("NAXIS", 2, ""),
        ("NAXIS1", SIZE, ""),
        ("NAXIS2", SIZE, ""),
        ("OBJECT", "Simulated galaxy", ""),
        ("BUNIT", "Jy/beam", ""),
        ("BMAJ", BEAM[0] / 3600, "[deg]"),
        ("BMIN", BEAM[1] / 3600, "[deg]"),
        ("BPA", BEAM[2], "[deg] east of north"),
        ("RESTFRQ", REST, "[Hz] H I"),
        ("RADESYS", "ICRS", ""),
        *_axis(1, "RA---SIN", CENTRE[0], -CELL),
        *_axis(2, "DEC--SIN", CENTRE[1], CELL),
    ]


def _axis(number: int, kind: str, centre: float, step: float) -> list[Card]:
    return [
        (f"CTYPE{number}", kind, ""),
        (f"CUNIT{number}", "deg", ""),
        (f"CRVAL{number}", centre, ""),
        (f"CDELT{number}", step / 3600, ""),
        (f"CRPIX{number}", SIZE / 2 + 1, ""),
    ]


def plane(sky: Sky, stokes: int, channel: int) -> Map:
    """One channel of one Stokes parameter, (y, x) float32 Jy/beam, NaN where the primary beam is below BLANK.

    The noise is white before the beam correlates it, and larger where the primary beam was corrected for.
    """
    rng = np.random.default_rng([SEED, stokes, channel])
    white = NOISE / math.sqrt(math.pi * _beam_sigmas()[0] * _beam_sigmas()[1])
    noise = rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    noise *= np.float32(white)
    noise /= sky.response
    noise += emission(sky, STOKES[stokes], float(frequencies()[channel]))
    blank = np.isnan(noise)
    noise[blank] = 0
    seen = rounded(_convolved(noise, sky.transfer), STEP)
    seen[blank] = np.nan
    return seen


def emission(sky: Sky, stokes: str, frequency: float) -> Map:
    """What the sky sends in one channel, (y, x) Jy a pixel: line and continuum in I, continuum alone in Q, U and V.

    Line: a Gaussian of velocity about that of the gas. Continuum: a power law; its plane of polarisation is turned by
    RM λ² (Burn 1966, MNRAS 133, 67).
    """
    continuum = np.float32((frequency / REST) ** SPECTRAL_INDEX)
    if stokes == "I":
        return line(sky, float(velocity_of(frequency))) + continuum * sky.continuum
    if stokes == "V":
        return continuum * sky.v
    turn = 2 * sky.rotation * np.float32((LIGHT * 1e3 / frequency) ** 2)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(continuum * (sky.q * cos - sky.u * sin if stokes == "Q" else sky.q * sin + sky.u * cos))


def line(sky: Sky, velocity: float) -> Map:
    """The 21 cm line at a velocity in km/s, (y, x) Jy a pixel."""
    depth = (np.float32(velocity) - sky.velocity) / sky.width
    return sky.line * np.exp(-(depth**2) / 2) / (sky.width * np.float32(math.sqrt(2 * math.pi)))


def sky_of() -> Sky:
    """The maps of the one galaxy there is."""
    rng = np.random.default_rng(SEED)
    east, north = _offsets()
    radius, azimuth = _disc(east, north)
    gas = _gas(radius, azimuth, rng)
    diffuse, compact, flare = _synchrotron(radius, azimuth), _compact(rng), _flare()
    field = azimuth + POSITION_ANGLE + math.pi / 2 - PITCH  # lines of the magnetic field follow the arms
    polarised = 0.25 * diffuse * np.exp(2j * (field + math.pi / 2)) + 0.06 * compact * np.exp(2j * east / 400)
    response = np.exp(-4 * math.log(2) * (np.hypot(east, north) / (60 * PRIMARY)) ** 2)
    maps = {
        "line": FLUX * gas / gas.sum(),
        "velocity": SYSTEMIC + rotation(radius) * math.sin(INCLINATION) * np.cos(azimuth),
        "width": 7.5 + 7.0 * np.exp(-radius / 120.0),
        "continuum": diffuse + compact + flare,
        "q": polarised.real,
        "u": polarised.imag,
        "v": LEAKAGE * (diffuse + compact) + FLARE * flare,
        "rotation": 60.0 * np.cos(azimuth - 0.7),
        "response": np.where(response < BLANK, np.nan, response),
        "transfer": _transfer(),
    }
    return Sky(**{name: values.astype(np.float32) for name, values in maps.items()})


def rotation(radius: Floats) -> Floats:
    """Speed of rotation, km/s, at a radius in arcseconds: rising within TURNOVER, flat beyond."""
    return FLAT * (1 - np.exp(-radius / TURNOVER))


def _offsets() -> tuple[Floats, Floats]:
    """Arcseconds east and north of the centre, (y, x) each."""
    steps = (np.arange(SIZE) - SIZE // 2) * CELL
    return np.broadcast_to(-steps, (SIZE, SIZE)), np.broadcast_to(steps[:, None], (SIZE, SIZE))


def _disc(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Radius (arcseconds) and azimuth from the receding side, in the disc's own plane (Begeman 1989, A&A 223, 47)."""
    cos, sin = math.cos(POSITION_ANGLE), math.sin(POSITION_ANGLE)
    along, across = north * cos + east * sin, (east * cos - north * sin) / math.cos(INCLINATION)
    return np.hypot(along, across), np.arctan2(across, along)


def _gas(radius: Floats, azimuth: Floats, rng: np.random.Generator) -> Floats:
    """Relative column density: an exponential disc with a central hole, arms and log-normal clumps."""
    from scipy.ndimage import gaussian_filter

    noise = rng.standard_normal((2, SIZE, SIZE))
    clumps = sum(0.7 * field / field.std() for field in map(gaussian_filter, noise, (1.5, 5.0)))
    disc = np.exp(-radius / 330.0) * (1 - 0.85 * np.exp(-((radius / 110.0) ** 2)))
    return np.asarray(disc * (0.15 + _arms(radius, azimuth)) * np.exp(clumps) / (1 + np.exp((radius - 1000.0) / 60.0)))


def _arms(radius: Floats, azimuth: Floats) -> Floats:
    """Two logarithmic spirals, 1 on their ridges: φ = ln(R / R₀) / tan(pitch)."""
    phase = 2 * (azimuth - np.log(np.maximum(radius, CELL) / 100.0) / math.tan(PITCH))
    return np.exp(1.5 * (np.cos(phase) - 1))


def _synchrotron(radius: Floats, azimuth: Floats) -> Floats:
    """Continuum of the disc, Jy a pixel, 0.4 Jy in all."""
    disc = np.exp(-radius / 160.0) * (0.4 + _arms(radius, azimuth - 0.2))
    return np.asarray(0.4 * disc / disc.sum())


def _compact(rng: np.random.Generator) -> Floats:
    """90 background sources, Jy a pixel: N(> S) ∝ 1 / S from 1.5 mJy up to 0.3 Jy."""
    found = np.zeros((SIZE, SIZE))
    fluxes = np.minimum(1.5e-3 / rng.uniform(0.001, 1.0, 90), 0.3)
    np.add.at(found, tuple(rng.integers(0, SIZE, (2, 90))), fluxes)
    return found


def _flare() -> Floats:
    """A flare star, Jy a pixel: the one bright thing in Stokes V."""
    found = np.zeros((SIZE, SIZE))
    found[3 * SIZE // 4, SIZE // 3] = 0.025
    return found


def _beam_sigmas() -> tuple[float, float]:
    """Standard deviations of the beam along its axes, pixels."""
    return BEAM[0] * _SIGMA / CELL, BEAM[1] * _SIGMA / CELL


def _transfer() -> Floats:
    """Fourier transform of the beam with a peak of 1: Jy a pixel become Jy/beam. (SIZE, SIZE // 2 + 1)."""
    major, minor = _beam_sigmas()
    north, east = np.fft.fftfreq(SIZE)[:, None], -np.fft.rfftfreq(SIZE)[None, :]
    angle = math.radians(BEAM[2])
    along, across = north * math.cos(angle) + east * math.sin(angle), east * math.cos(angle) - north * math.sin(angle)
    return 2 * math.pi * major * minor * np.exp(-2 * (math.pi**2) * ((major * along) ** 2 + (minor * across) ** 2))


def _convolved(values: Map, transfer: Map) -> Map:
    from scipy import fft  # in single precision, which numpy's is not in every version

    return np.asarray(fft.irfft2(fft.rfft2(values) * transfer, s=values.shape), dtype=np.float32)
