"""The position under the cursor."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from astropy.coordinates import SkyCoord

from skydeck.sky.readout import Position, readout
from skydeck.sky.wcs import celestial_of

MakeHeader = Callable[..., str]


def position(text: str, x: float = 49.5, y: float = 49.5) -> Position:
    celestial = celestial_of(text)
    assert celestial is not None
    found = readout(celestial, x, y)
    assert found is not None
    return found


def test_a_position_in_numbers_and_texts(make_header: MakeHeader) -> None:
    found = position(make_header(centre=(51.412083, 30.734833), cell=(-0.001, 0.001)))
    assert (found.ra_hms, found.dec_dms) == ("03h25m38.90s", "+30°44′05.4″")
    assert (found.ra_deg, found.dec_deg) == pytest.approx((51.412083, 30.734833))
    truth = SkyCoord(51.412083, 30.734833, unit="deg").galactic
    assert (found.gal_l, found.gal_b) == pytest.approx((truth.l.deg, truth.b.deg), abs=1e-8)
    assert found.text == f"03h25m38.90s +30°44′05.4″ ICRS  l {truth.l.deg:.4f}° b {truth.b.deg:.4f}°"


def test_coarse_pixels_get_few_digits_and_the_pole_no_more_than_it_deserves(make_header: MakeHeader) -> None:
    assert position(make_header(centre=(51.4, 30.7), cell=(-1.0, 1.0))).dec_dms == "+30°42′"
    polar = position(make_header(centre=(10.0, 89.9), cell=(-0.001, 0.001)))
    assert polar.ra_hms == "00h40m00s"


def test_another_frame_is_shown_beside_icrs(make_header: MakeHeader) -> None:
    found = position(make_header(EQUINOX=1950.0))
    assert found.frame == "FK4"
    assert found.native == "03h20m00.0s +30°00′00″ FK4"
    assert found.native in found.text
    truth = SkyCoord(50.0, 30.0, unit="deg", frame="fk4", equinox="B1950").icrs
    assert (found.ra_deg, found.dec_deg) == pytest.approx((truth.ra.deg, truth.dec.deg), abs=1e-8)


def test_galactic_images_read_out_both(make_header: MakeHeader) -> None:
    found = position(make_header("CAR", centre=(120.0, 0.0), words=("GLON-", "GLAT-")))
    assert (found.names, found.lon, found.gal_l) == (("l", "b"), pytest.approx(120.0), pytest.approx(120.0))
    assert found.text.count("l 120.00") == 1


def test_solar_coordinates_have_no_icrs(make_header: MakeHeader) -> None:
    found = position(make_header(centre=(0.0, 0.0), words=("HPLN-", "HPLT-")))
    assert math.isnan(found.ra_deg)
    assert found.ra_hms == found.galactic == ""
    assert found.text.startswith("lon 0.000° lat 0.000°")


def test_there_is_nothing_outside_the_sphere(make_header: MakeHeader) -> None:
    celestial = celestial_of(make_header("AIT", centre=(0.0, 0.0), cell=(-4.0, 4.0)))
    assert celestial is not None
    assert readout(celestial, 0.0, 0.0) is None
    assert readout(celestial, math.nan, 0.0) is None
    assert readout(celestial, 49.5, 49.5) is not None
