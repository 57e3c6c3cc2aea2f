"""Beams and fluxes, on a made source of known flux."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy import units

from skydeck.sky.beam import Beam, beam_of, beam_pixels, flux, flux_of, kelvin_flux

CELL = 0.5 / 3600
BEAM = Beam(6 / 3600, 4 / 3600, 30.0)


def beam_image() -> np.ndarray:
    """A point source of 1 Jy as a telescope of this beam maps it, in Jy/beam: the beam itself, 1 at its peak."""
    y, x = np.mgrid[-60:61, -60:61] * CELL
    turn = np.radians(BEAM.angle)
    along, across = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    return np.exp(-4 * np.log(2) * ((along / BEAM.major) ** 2 + (across / BEAM.minor) ** 2))


def test_the_sum_of_a_point_source_is_its_flux() -> None:
    pixels = beam_pixels(BEAM.major, BEAM.minor, -CELL, CELL)
    assert pixels == pytest.approx(beam_image().sum(), rel=1e-6)
    assert flux(2.5 * beam_image().sum(), pixels) == pytest.approx(2.5, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("Jy/beam", 1.0),
        ("JY/BEAM", 1.0),
        ("jy / beam", 1.0),
        ("Jy beam-1", 1.0),
        ("Jy.beam^-1", 1.0),
        ("Jy/bm", 1.0),
        ("mJy/beam", 1e-3),
        ("uJy/beam", 1e-6),
        ("µJy/beam", 1e-6),
        ("MJy/beam", 1e6),
    ],
)
def test_every_spelling_of_jansky_a_beam(unit: str, factor: float) -> None:
    found = flux_of(beam_image().sum(), unit, (CELL, CELL), BEAM)
    assert found is not None
    assert found.jansky == pytest.approx(factor, rel=1e-6)


@pytest.mark.parametrize("unit", ["", "MJY/BEAM", "K km/s", "Jy/beam km/s", "Jy/beam.Hz", "counts", "DN", "km/s", "MK"])
def test_other_units_have_no_flux(unit: str) -> None:
    assert flux_of(1.0, unit, (CELL, CELL), BEAM, 1.4e9) is None


def test_jansky_a_beam_needs_a_beam_and_kelvin_a_frequency() -> None:
    assert flux_of(1.0, "Jy/beam", (CELL, CELL)) is None
    assert flux_of(1.0, "K", (CELL, CELL), BEAM) is None
    found = flux_of(3000.0, "mJy/pixel", (CELL, CELL))
    assert found is not None
    assert found.jansky == pytest.approx(3.0)


@pytest.mark.parametrize(("unit", "factor"), [("K", 1.0), ("mK", 1e-3), ("Kelvin", 1.0), ("K (Tb)", 1.0)])
def test_kelvin_agrees_with_astropy(unit: str, factor: float) -> None:
    frequency = 110.2e9 * units.Hz
    brightness = (5.0 * units.K).to(units.Jy / units.sr, units.brightness_temperature(frequency))
    truth = (brightness * (CELL * units.deg) ** 2).to_value(units.Jy)
    found = flux_of(5.0 / factor, unit, (-CELL, CELL), None, 110.2e9)
    assert found is not None
    assert found.jansky == pytest.approx(truth, rel=1e-6)
    assert found.how == "Rayleigh-Jeans at 110.2 GHz"
    assert kelvin_flux(5.0, 110.2e9, CELL, CELL) == pytest.approx(truth, rel=1e-6)


def test_a_beam_in_the_header() -> None:
    assert beam_of("BMAJ    = 1.0E-03\nBMIN    = 5.0D-04\nBPA     = 10.0") == Beam(1e-3, 5e-4, 10.0)
    assert beam_of("BMAJ    = 1.0E-03\nBMIN    = 5.0E-04") == Beam(1e-3, 5e-4, 0.0)
    assert beam_of("BMAJ    = 1.0E-03") == Beam(1e-3, 1e-3, 0.0)


def test_the_last_beam_of_an_aips_history_counts() -> None:
    text = (
        "HISTORY AIPS   CLEAN BMAJ=  1.0000E-03 BMIN=  5.0000E-04 BPA=  10.00\n"
        "HISTORY AIPS   CLEAN BMAJ=  2.0000E-03 BMIN=  1.0000E-03 BPA= -20.00\n"
        "HISTORY AIPS   CLEAN NITER=     1000 PRODUCT=1"
    )
    assert beam_of(text) == Beam(2e-3, 1e-3, -20.0)
    assert beam_of(text + "\nBMAJ    = 4.0E-03\nBMIN    = 3.0E-03") == Beam(4e-3, 3e-3, 0.0)


@pytest.mark.parametrize(
    "text", ["", "CASAMBM =                    T", "BMAJ    = 0.0\nBMIN    = 0.0", "BMAJ    = 'x'", "B" * 99]
)
def test_no_beam_is_none(text: str) -> None:
    assert beam_of(text) is None


def test_a_pixel_has_an_area() -> None:
    with pytest.raises(ValueError, match="no area"):
        beam_pixels(1.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="no area"):
        beam_pixels(1.0, 1.0, math.nan, 1.0)
