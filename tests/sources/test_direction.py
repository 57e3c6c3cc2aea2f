"""Headers made of directions, read back by astropy."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from skydeck.core.errors import SourceError
from skydeck.sources.direction import Direction, celestial_header, header_text


def wcs_of(text):
    return WCS(fits.Header.fromstring(text, sep="\n"))


@settings(deadline=None, max_examples=40)
@given(
    lon=st.floats(0, 359.99),
    lat=st.floats(-85, 85),
    frame=st.sampled_from(["icrs", "fk5", "galactic"]),
    projection=st.sampled_from(["SIN", "TAN", "ARC"]),
)
def test_the_reference_pixel_is_the_reference_direction_and_steps_are_right(lon, lat, frame, projection):
    direction = Direction((lon, lat), (-0.01, 0.02), (5.0, 9.0), (10, 20), projection, frame)
    wcs = wcs_of(header_text(direction))
    centre = SkyCoord(lon, lat, unit="deg", frame=frame)
    assert wcs.pixel_to_world(4, 8).separation(centre).arcsec < 1e-5
    east, north = wcs.pixel_to_world(3, 8), wcs.pixel_to_world(4, 9)
    assert centre.separation(east).deg == pytest.approx(0.01, rel=1e-4)
    assert centre.separation(north).deg == pytest.approx(0.02, rel=1e-4)
    assert abs(centre.position_angle(north).wrap_at("180d").deg) < 0.01
    assert wcs.array_shape == (20, 10)


def test_fk4_keeps_its_equinox():
    direction = Direction((10.0, 20.0), (-1, 1), (1, 1), (4, 4), frame="fk4")
    found = wcs_of(header_text(direction)).pixel_to_world(0, 0)
    assert found.frame.name == "fk4" and found.equinox.byear == 1950.0


def test_the_celestial_part_of_a_cube_in_either_layout_of_cards():
    wcs = WCS(naxis=3)
    wcs.wcs.ctype, wcs.wcs.cdelt = ["FREQ", "GLON-CAR", "GLAT-CAR"], [1e6, -0.1, 0.1]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cunit = [1e9, 30, 0], [1, 5, 6], ["Hz", "deg", "deg"]
    header = wcs.to_header()
    for text in (header.tostring(), header.tostring(sep="\n"), header.tostring(sep="\n", endcard=False, padding=False)):
        found = wcs_of(celestial_header(text, "here"))
        np.testing.assert_allclose(found.wcs_pix2world([[0, 0]], 0), wcs.celestial.wcs_pix2world([[0, 0]], 0))


def test_a_header_without_directions_gives_none():
    assert celestial_header("CTYPE1  = 'FREQ'\nNAXIS   = 1", "here") == ""


def test_a_header_astropy_can_not_use_is_a_source_error():
    with pytest.raises(SourceError):
        celestial_header("CTYPE1  = 'RA---SIN'\nCTYPE2  = 'DEC--TAN'", "here")
