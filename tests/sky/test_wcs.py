"""Celestial axes of real, odd and hostile headers."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from skydeck.sky.frame import separation
from skydeck.sky.wcs import Celestial, celestial_axes, celestial_of, why_not

MakeHeader = Callable[..., str]


def made(text: str) -> Celestial:
    celestial = celestial_of(text)
    assert celestial is not None, why_not(text)
    return celestial


def test_l1448_lies_where_it_is_known_to_lie(l1448_header: str) -> None:
    celestial = made(l1448_header)
    assert (celestial.frame, celestial.names, celestial.lon_first) == ("ICRS", ("RA", "Dec"), True)
    ra, dec = celestial.to_icrs(*celestial.world(52, 52))
    assert separation(float(ra), float(dec), 51.33, 30.63) < 0.02
    lon, lat = celestial.to_galactic(ra, dec)
    assert separation(float(lon), float(lat), 158.07, -21.54) < 0.02


def test_w5_is_fk5(w5_header: str) -> None:
    celestial = made(w5_header)
    assert celestial.frame == "FK5"
    assert celestial.scale == pytest.approx((0.003, 0.003))
    assert celestial.size == (1000, 1000)


@pytest.mark.parametrize("projection", ["TAN", "SIN", "ARC", "ZEA", "AIT", "MOL", "CAR", "CEA", "SFL", "MER", "HPX"])
def test_pixels_match_astropy_and_come_back(make_header: MakeHeader, projection: str) -> None:
    text = make_header(projection, centre=(50.0, 0.0), cell=(-0.5, 0.5))
    celestial = made(text)
    truth = WCS(Header.fromstring(text, sep="\n"))
    x, y = np.meshgrid(np.arange(0.0, 100, 7), np.arange(0.0, 100, 9))
    lon, lat = celestial.world(x, y)
    expected = truth.wcs_pix2world(np.column_stack([x.ravel(), y.ravel()]), 0)
    np.testing.assert_allclose(lon.ravel(), expected[:, 0] % 360.0, atol=1e-9)
    np.testing.assert_allclose(lat.ravel(), expected[:, 1], atol=1e-9)
    seen = np.isfinite(lon)
    assert seen.sum() > 100
    back = celestial.pixel(lon, lat)
    np.testing.assert_allclose(back[0][seen], x[seen], atol=1e-6)
    np.testing.assert_allclose(back[1][seen], y[seen], atol=1e-6)


def test_gls_means_sfl(make_header: MakeHeader) -> None:
    old, new = (made(make_header(word, centre=(50.0, 0.0))) for word in ("GLS", "SFL"))
    assert old.world(3, 4) == new.world(3, 4)


def test_scamp_polynomials_under_the_name_of_tan(make_header: MakeHeader) -> None:
    bent = {"PV1_1": 1.0, "PV2_1": 1.0, "PV1_5": 0.01, "PV2_5": 0.01}
    sip = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-4}
    assert made(make_header("TAN", **bent, **sip)).world(3, 4) == made(make_header("TPV", **bent)).world(3, 4)


def test_corners_off_the_sphere_are_nan(make_header: MakeHeader) -> None:
    for projection in ("AIT", "MOL", "SIN"):
        celestial = made(make_header(projection, centre=(0.0, 0.0), cell=(-4.0, 4.0)))
        lon, lat = celestial.world([0.0, 49.5], [0.0, 49.5])
        assert np.isnan([lon[0], lat[0]]).all()
        assert np.isfinite([lon[1], lat[1]]).all()
    x, y = celestial.pixel(180.0, 0.0)
    assert np.isnan([x, y]).all()
    assert np.isnan(celestial.world(np.nan, np.inf)).all()


@pytest.mark.parametrize("equinox", [0.0, -5.0, 99999.0, "nan", "never"])
def test_an_absurd_equinox_is_unset(make_header: MakeHeader, equinox: object) -> None:
    assert made(make_header(EQUINOX=equinox)).frame == "ICRS"
    assert made(make_header(EPOCH=equinox)).frame == "ICRS"


def test_a_sane_equinox_counts(make_header: MakeHeader) -> None:
    assert made(make_header(EQUINOX=1950.0)).sky.equinox == 1950.0
    assert made(make_header(EPOCH="B1950.0")).frame == "FK4"
    assert made(make_header(EQUINOX=2000)).frame == "FK5"
    assert made(make_header(words=("GLON-", "GLAT-"), EQUINOX=0.0)).names == ("l", "b")


def test_latitude_may_come_first(make_header: MakeHeader) -> None:
    plain = made(make_header(centre=(50.0, 30.0)))
    turned = made(make_header(centre=(30.0, 50.0), cell=(0.01, -0.01), words=("DEC--", "RA---")))
    assert not turned.lon_first
    np.testing.assert_allclose(turned.world(20.0, 70.0), plain.world(70.0, 20.0))
    np.testing.assert_allclose(turned.pixel(50.1, 30.1), plain.pixel(50.1, 30.1)[::-1])


def test_the_sky_survives_bad_neighbours_in_a_cube(make_header: MakeHeader) -> None:
    cube = make_header(NAXIS3=10, CTYPE3="VELO-LSR", CUNIT3="furlong", CRPIX3="x", CTYPE4="FREQ-TAB", PS4_0="table")
    assert made(cube).world(3, 4) == made(make_header()).world(3, 4)


def test_celestial_axes_need_not_be_the_first_two(make_header: MakeHeader) -> None:
    text = make_header(rotation=20.0)
    moved = re.sub(r"^(CTYPE|CRPIX|CRVAL|CDELT|CUNIT)(\d)", lambda m: f"{m[1]}{int(m[2]) * 2}", text, flags=re.M)
    moved = re.sub(r"^PC(\d)_(\d)", lambda m: f"PC{int(m[1]) * 2}_{int(m[2]) * 2}", moved, flags=re.M)
    moved += "\nCTYPE1  = 'FREQ    '\nCTYPE3  = 'STOKES  '\nCDELT1  = 0.0"
    assert celestial_axes(moved) == (2, 4)
    np.testing.assert_allclose(made(moved).world(10, 80), made(text).world(10, 80), rtol=1e-12)


def test_axes_mixed_with_the_sky_are_refused(make_header: MakeHeader) -> None:
    text = make_header(CTYPE3="FREQ", PC1_3=0.5)
    assert celestial_of(text) is None
    assert "PC1_3 mixes" in why_not(text)


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"CDELT1": 0.0}, "singular"),
        ({"CRVAL1": "here"}, "CRVAL1 is 'here'"),
        ({"CTYPE2": "FREQ"}, "no pair of celestial axes"),
        ({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, "can't be used"),
        ({"CTYPE2": "GLAT-TAN"}, "no pair"),
        ({"A_ORDER": 100000, "B_ORDER": 2}, "A_ORDER"),
        ({"CUNIT1": "bananas"}, "can't be used"),
    ],
)
def test_a_broken_header_is_none_with_a_reason(make_header: MakeHeader, cards: dict[str, object], reason: str) -> None:
    text = make_header(**cards)
    assert celestial_of(text) is None
    assert reason in why_not(text)
    assert why_not(make_header()) == ""


def test_a_sip_distortion_is_applied_and_inverted(make_header: MakeHeader) -> None:
    sip = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-4, "B_0_2": -1e-4, "A_1_1": 1e-5}
    named = make_header("TAN-SIP", **sip)
    celestial = made(named)
    assert made(make_header("TAN", **sip)).world(3, 90) == celestial.world(3, 90)
    assert celestial.world(3, 90) != made(make_header()).world(3, 90)
    truth = WCS(Header.fromstring(named, sep="\n")).all_pix2world([[3.0, 90.0]], 0)[0]
    np.testing.assert_allclose(np.ravel(celestial.world(3, 90)), truth, rtol=1e-12)
    x, y = np.meshgrid(np.linspace(0, 99, 12), np.linspace(0, 99, 12))
    back = celestial.pixel(*celestial.world(x, y))
    np.testing.assert_allclose(back, (x, y), atol=1e-6)


def test_a_distortion_that_cannot_be_inverted_gives_nan(make_header: MakeHeader) -> None:
    celestial = made(make_header("TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=0.1, B_0_2=0.1))
    x, _ = celestial.pixel(*made(make_header()).world(5.0, 5.0))
    forward = celestial.pixel(*celestial.world(49.6, 49.6))
    assert np.isnan(x)
    np.testing.assert_allclose(forward, (49.6, 49.6), atol=1e-5)


def test_tpv_is_a_polynomial_and_without_parameters_a_plain_tan(make_header: MakeHeader) -> None:
    plain = made(make_header())
    assert made(make_header("TPV")).world(3, 4) == plain.world(3, 4)
    bent = {"PV1_1": 1.0, "PV2_1": 1.0, "PV1_5": 0.01, "PV2_5": 0.01}
    distorted = made(make_header("TPV", **bent))
    assert abs(float(distorted.world(3, 4)[0]) - float(plain.world(3, 4)[0])) > 1e-5
    np.testing.assert_allclose(distorted.pixel(*distorted.world(3, 4)), (3, 4), atol=1e-4)


def test_a_cylindrical_map_far_from_its_reference_still_has_a_sky(make_header: MakeHeader) -> None:
    text = make_header("CAR", centre=(0.0, 0.0), cell=(-0.1, 0.1), words=("GLON-", "GLAT-"), CRPIX1=2250.5)
    celestial = made(text.replace("CRPIX1  =                 50.5\n", ""))
    lon, lat = celestial.world([0, 99], [49.5, 49.5])
    np.testing.assert_allclose(lon, [224.95, 215.05])
    np.testing.assert_allclose(lat, 0.0, atol=1e-12)
    np.testing.assert_allclose(celestial.pixel(220.0, 1.0), (49.5, 59.5))


def test_a_cut_keeps_the_sky(make_header: MakeHeader) -> None:
    for text in (make_header(rotation=33.0), make_header("TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-5, B_0_2=1e-5)):
        celestial = made(text)
        np.testing.assert_allclose(celestial.shifted(7, 21).world(10, 20), celestial.world(17, 41), rtol=1e-14)


def test_a_celestial_pickles_compares_and_hashes_by_its_header(make_header: MakeHeader) -> None:
    celestial = made(make_header())
    again = pickle.loads(pickle.dumps(celestial))
    assert again == celestial
    assert hash(again) == hash(celestial)
    assert again.world(1, 2) == celestial.world(1, 2)
    assert made(make_header(centre=(51.0, 30.0))) != celestial


def test_any_number_of_threads_see_one_sky(make_header: MakeHeader) -> None:
    celestial = made(make_header("SIN", centre=(0.0, 0.0), cell=(-1.0, 1.0)))
    x, y = np.meshgrid(np.arange(-50.0, 150), np.arange(-50.0, 150))
    expected = celestial.world(x, y)

    def look(seed: int) -> bool:
        pixels = celestial.world(x, y) if seed % 2 else celestial.pixel(*expected)
        wanted = expected if seed % 2 else (np.where(np.isfinite(expected[0]), x, np.nan), None)
        return np.allclose(pixels[0], wanted[0], equal_nan=True, atol=1e-6)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(look, range(64)))


def test_shapes_broadcast(make_header: MakeHeader) -> None:
    celestial = made(make_header())
    lon, lat = celestial.world(np.arange(5)[None, :], np.arange(3)[:, None])
    assert lon.shape == lat.shape == (3, 5)
    assert celestial.world(1, 2)[0].shape == ()


@settings(deadline=None)
@given(st.data())
def test_no_header_makes_it_fail(data: st.DataObject) -> None:
    keys = ["CTYPE1", "CTYPE2", "CRPIX1", "CRVAL2", "CDELT1", "CUNIT1", "CD1_1", "PC1_2", "PV2_1", "A_ORDER", "B_ORDER"]
    keys += ["A_2_0", "CROTA2", "LONPOLE", "LATPOLE", "EQUINOX", "RADESYS", "CTYPE3", "PC3_1", "NAXIS1", "PV1_5"]
    numbers = st.floats().map(repr) | st.integers(-(10**12), 10**12).map(str)
    types = st.sampled_from(
        ["'RA---TAN'", "'DEC--TAN'", "'RA---CAR'", "'DEC--CAR'", "'GLON-ZPN'", "'DEC--TPV'", "'FREQ'"]
    )
    texts = st.text(max_size=30).map(lambda text: "'" + text.replace("'", "''") + "'")
    base = {"CTYPE1": "'RA---TAN'", "CTYPE2": "'DEC--TAN'"}
    drawn = data.draw(st.dictionaries(st.sampled_from(keys), numbers | types | texts))
    text = "\n".join(f"{key:8}= {value}" for key, value in {**base, **drawn}.items())
    celestial = celestial_of(text)
    assert (celestial is None) == bool(why_not(text))
    if celestial is not None:
        lon, lat = celestial.world([0.0, 1e9, math.nan], [0.0, -1e9, 3.0])
        assert not np.isnan(lon[np.isfinite(lat)]).any()
        celestial.pixel([0.0, 400.0, math.nan], [0.0, 95.0, 3.0])
