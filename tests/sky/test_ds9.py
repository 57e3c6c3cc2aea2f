"""DS9 region text, written and read back."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.errors import RequestError
from skydeck.sky.ds9 import MAX_TEXT, from_ds9, to_ds9
from skydeck.sky.regions import Box, Ellipse, Region, mask
from skydeck.sky.wcs import Celestial, celestial_of

MakeHeader = Callable[..., str]
WINDOW = slice(0, 100), slice(0, 100)


def made(text: str) -> Celestial:
    celestial = celestial_of(text)
    assert celestial is not None
    return celestial


def numbers(region: Region) -> tuple[float, ...]:
    if isinstance(region, Box):
        return region.x0, region.x1, region.y0, region.y1
    return region.cx, region.cy, region.rx, region.ry


def assert_same(found: Region, region: Region, tolerance: float) -> None:
    assert type(found) is type(region)
    assert numbers(found) == pytest.approx(numbers(region), abs=tolerance)
    if isinstance(region, Ellipse) and isinstance(found, Ellipse):
        assert abs((found.angle - region.angle + 90) % 180 - 90) < 0.01


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("region", [Box(10, 20, 30, 70), Ellipse(40, 60, 12, 5, 30), Ellipse(40, 60, 5, 12, -100)])
@pytest.mark.parametrize(
    "case",
    [
        None,
        {},
        {"rotation": 25.0},
        {"cell": (0.01, 0.01)},
        {"centre": (0.0, 89.8)},
        {"centre": (359.9, -89.5)},
        {"words": ("GLON-", "GLAT-")},
        {"EQUINOX": 1950.0},
        {"cell": (-0.02, 0.01)},
    ],
)
def test_a_region_comes_back(
    make_header: MakeHeader, region: Region, case: dict[str, object] | None, swapped: bool
) -> None:
    celestial = None if case is None else made(make_header(**case))
    (found,) = from_ds9(to_ds9(region, celestial, swapped), celestial, swapped)
    assert_same(found, region, 0.02 if celestial else 1e-5)


@given(st.floats(0, 99), st.floats(0, 99), st.floats(0.1, 50), st.floats(0.1, 50), st.floats(-180, 180))
def test_any_ellipse_comes_back_in_pixels(x: float, y: float, rx: float, ry: float, angle: float) -> None:
    (found,) = from_ds9(to_ds9(Ellipse(x, y, rx, ry, angle)))
    assert_same(found, Ellipse(x, y, rx, ry, angle), 1e-5)


def test_image_text_counts_from_one_and_a_box_has_full_widths() -> None:
    text = to_ds9(Box(9.5, 19.5, 29.5, 39.5))
    assert text.splitlines()[1:] == ["image", "box(15.500000,35.500000,10.000000,10.000000,0.000000)"]


def test_sky_text_says_where_and_how_large(make_header: MakeHeader) -> None:
    text = to_ds9(Ellipse(49.5, 49.5, 20, 10), made(make_header(centre=(50.0, 30.0), cell=(-0.01, 0.01))))
    ra, dec, wide, high, angle = (float(number) for number in re.findall(r"[\d.]+", text.splitlines()[2]))
    assert (ra, dec) == pytest.approx((50.0, 30.0), abs=1e-6)
    assert (wide, high) == pytest.approx((720.0, 360.0), rel=1e-4)
    assert angle % 180 == pytest.approx(0.0, abs=1e-3)


def test_the_angle_on_the_sky_turns_with_the_image(make_header: MakeHeader) -> None:
    plain, turned = made(make_header()), made(make_header(rotation=40.0))
    (found,) = from_ds9(to_ds9(Ellipse(49.5, 49.5, 20, 10, 15), plain), turned)
    assert isinstance(found, Ellipse)
    ends = np.radians([15, found.angle])
    a = plain.world(49.5 + 20 * np.cos(ends[0]), 49.5 + 20 * np.sin(ends[0]))
    b = turned.world(49.5 + 20 * np.cos(ends[1]), 49.5 + 20 * np.sin(ends[1]))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_what_ds9_itself_writes_is_read(make_header: MakeHeader) -> None:
    celestial = made(make_header(centre=(50.0, 30.0)))
    text = """# Region file format: DS9 version 4.1
global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1
fk5
ellipse(3:20:00.000,+30:00:00.00,72.000",36.000",0) # color=red text={a; b}
circle(50.0,30.0,0.1d)
icrs; +box(3h20m00s,+30d00m00s,2',1',0)
image; circle 10 20 5
galactic;circle(155.0,-22.6,30")
"""
    ellipse, circle, box, plain, far = from_ds9(text, celestial)
    assert_same(ellipse, Ellipse(49.5, 49.5, 2, 1, 0), 1e-3)
    assert_same(circle, Ellipse(49.5, 49.5, 10, 10, 0), 2e-2)
    assert_same(box, Box(49.5 - 5 / 3, 49.5 + 5 / 3, 49.5 - 5 / 6, 49.5 + 5 / 6), 1e-2)
    assert_same(plain, Ellipse(9, 19, 5, 5, 0), 1e-9)
    assert isinstance(far, Ellipse)
    assert mask(circle, *WINDOW).sum() == pytest.approx(314, abs=8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image\npolygon(1,2,3,4,5,6)", "Line 2: 'polygon"),
        ("image\n\n-box(1,2,3,4,0)", "Line 3: '-box"),
        ("physical\nbox(1,2,3,4,0)", "Line 1: 'physical'"),
        ("image\nbox(1,2,3)", "3 numbers"),
        ("image\nbox(1,2,3,x,0)", "'x' isn't a size"),
        ("image\nbox(1,nan,3,4,0)", "'nan' isn't a number"),
        ("image\nbox(1,2,3,4,30)", "turned by 30.00°"),
        ("image\nellipse(1,2,-3,4,0)", "negative"),
        ('image\nbox(1,2,3",4",0)', "can't be turned into pixels"),
        ('fk5\ncircle(500,95,3")', "nowhere on this image"),
        ('fk5\ncircle(230,-30,3")', "nowhere on this image"),
        ("fk5\ncircle(50,30,3q)", "can't be turned into pixels"),
        ("\n".join(["image", *["circle(1,1,1)"] * 1001]), "more than 1000"),
        ("#" * (MAX_TEXT + 1), "at most"),
    ],
)
def test_what_it_cannot_read_it_names(make_header: MakeHeader, text: str, message: str) -> None:
    celestial = made(make_header())
    with pytest.raises(RequestError, match=re.escape(message)):
        from_ds9(text, None if text.startswith("image") else celestial)


def test_a_sky_region_needs_a_sky(make_header: MakeHeader) -> None:
    with pytest.raises(RequestError, match="no celestial axes"):
        from_ds9('fk5\ncircle(50,30,3")')
    allsky = made(make_header("AIT", centre=(0.0, 0.0), cell=(-4.0, 4.0)))
    with pytest.raises(RequestError, match="no ICRS position"):
        to_ds9(Box(0, 1, 0, 1), allsky)


@given(st.text(alphabet="boxcircleimage()fk5,.-+0123456789\"' \n;#", max_size=200))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        from_ds9(text)
    except RequestError as error:
        assert str(error)
