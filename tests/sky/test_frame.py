"""Frames: names, and ways from one to another."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from skydeck.sky.frame import GALACTIC, ICRS, SkyFrame, convert, frame_of, separation

RNG = np.random.default_rng(20240725)
LON = RNG.uniform(0, 360, 200)
LAT = np.degrees(np.arcsin(RNG.uniform(-1, 1, 200)))


@pytest.mark.parametrize(
    ("word", "radesys", "equinox", "expected"),
    [
        ("RA", "", None, ICRS),
        ("RA", "", 2000.0, SkyFrame("FK5", 2000.0)),
        ("RA", "", 1950.0, SkyFrame("FK4", 1950.0)),
        ("RA", "FK4", None, SkyFrame("FK4", 1950.0)),
        ("RA", "fk5 ", None, SkyFrame("FK5", 2000.0)),
        ("RA", "ICRS", 2000.0, ICRS),
        ("RA", "nonsense", None, ICRS),
        ("RA", "GAPPT", None, SkyFrame("GAPPT")),
        ("GLON", "", None, GALACTIC),
        ("ELON", "", None, SkyFrame("Ecliptic", 2000.0)),
        ("HPLN", "", None, SkyFrame("HPLN")),
    ],
)
def test_the_frame_of_a_header(word: str, radesys: str, equinox: float | None, expected: SkyFrame) -> None:
    assert frame_of(word, radesys, equinox) == expected


@pytest.mark.parametrize(
    ("frame", "name", "options"),
    [
        (GALACTIC, "galactic", {}),
        (SkyFrame("FK5", 2000.0), "fk5", {"equinox": "J2000"}),
        (SkyFrame("FK5", 1975.0), "fk5", {"equinox": "J1975"}),
        (SkyFrame("FK4", 1950.0), "fk4", {"equinox": "B1950"}),
        (SkyFrame("FK4-NO-E", 1950.0), "fk4noeterms", {"equinox": "B1950"}),
        (SkyFrame("Supergalactic"), "supergalactic", {}),
        (SkyFrame("Ecliptic", 2000.0), "barycentricmeanecliptic", {"equinox": "J2000"}),
    ],
)
def test_every_frame_agrees_with_astropy_both_ways(frame: SkyFrame, name: str, options: dict[str, str]) -> None:
    truth = SkyCoord(LON * units.deg, LAT * units.deg, frame=name, **options).icrs
    lon, lat = convert(LON, LAT, frame, ICRS)
    found = SkyCoord(lon * units.deg, lat * units.deg)
    assert found.separation(truth).to_value(units.mas).max() < 0.2
    back = np.array(convert(lon, lat, ICRS, frame))
    apart = [separation(*pair) for pair in zip(LON, LAT, *back, strict=True)]
    assert max(apart) < 1e-7


def test_an_unknown_frame_has_no_icrs_and_nan_stays_nan() -> None:
    assert np.isnan(convert([1.0], [2.0], SkyFrame("HPLN"), ICRS)).all()
    lon, lat = convert([np.nan, 10.0], [0.0, np.nan], GALACTIC, ICRS)
    assert np.isnan(lon).all()
    assert np.isnan(lat).all()
    lon, lat = convert([np.nan, 10.0], [0.0, 5.0], SkyFrame("FK4", 1950.0), ICRS)
    assert np.isnan(lon[0])
    assert np.isfinite(lat[1])


def test_there_is_nothing_beyond_the_poles() -> None:
    assert np.isnan(convert(10.0, 95.0, GALACTIC, ICRS)).all()


def test_shapes_are_kept() -> None:
    lon, lat = convert(np.zeros((2, 3)), 5.0, GALACTIC, ICRS)
    assert lon.shape == lat.shape == (2, 3)


def test_separations_keep_their_digits_where_they_are_tiny() -> None:
    assert separation(10.0, 0.0, 10.0 + 1e-9, 0.0) == pytest.approx(1e-9, rel=1e-5)
    assert separation(0.0, 90.0, 123.0, -90.0) == pytest.approx(180.0)
