"""A picture on its way: what is sent can be turned back into the numbers, or looks as they do."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from skydeck.core.errors import Cancelled
from skydeck.core.raster import Plane, Raster, Request
from skydeck.core.style import STRETCHES, Stretch, Style
from skydeck.core.viewport import Viewport
from skydeck.fetch import Look, picture
from skydeck.fetch.picture import encoded
from skydeck.reduce.limits import limits_of
from skydeck.render.codes import Codes, decode
from skydeck.render.colour import table

VIEW = Viewport(0, 1, 0, 1, 40, 30)
VALUES = np.random.default_rng(2).normal(size=(30, 40)).astype(np.float32)
VALUES[3:6, 2:9] = np.nan
RASTER = Raster(VALUES, VIEW, (2.0, 3.0), False)


def test_codes_carry_the_numbers() -> None:
    made = encoded(RASTER, Look(Style()))
    back = decode(Codes(made.payload, *made.decode))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(VALUES))
    np.testing.assert_allclose(back, VALUES, atol=np.nanmax(np.abs(VALUES)) * 1e-3)
    assert (made.kind, made.viewport, made.step, made.exact) == ("codes", VIEW, (2.0, 3.0), False)
    assert made.bytes == 2 * VALUES.size


def test_jpeg_has_the_first_row_at_the_bottom_and_the_background_where_nothing_is() -> None:
    ramp = np.repeat(np.linspace(0, 1, 32, dtype=np.float32)[:, None], 32, axis=1)
    ramp[:, :8] = np.nan
    view = Viewport(0, 1, 0, 1, 32, 32)
    made = encoded(Raster(ramp, view), Look(Style("gray", low=0, high=1), "jpeg", None, 95, (10, 200, 30)))
    seen = np.asarray(Image.open(io.BytesIO(made.payload.tobytes())).convert("RGB")).astype(int)
    assert np.abs(seen[16, 2] - [10, 200, 30]).max() < 12
    colours = table("gray").astype(int)
    for row, index in ((31, 0), (0, 255), (15, 132)):
        assert np.abs(seen[row, 24] - colours[index]).max() < 12


def test_limits_come_from_the_picture_only_where_they_are_asked_for() -> None:
    kept = encoded(RASTER, Look(Style(low=-3, high=7)))
    assert (kept.style.low, kept.style.high) == (-3, 7)
    found = encoded(RASTER, Look(Style(low=-3, high=7), limits="99 %"))
    assert (found.style.low, found.style.high) == limits_of(VALUES, "99 %")


@pytest.mark.parametrize("stretch", STRETCHES)
def test_thresholds_rise_within_the_limits(stretch: Stretch) -> None:
    made = encoded(RASTER, Look(Style(stretch=stretch, low=-1, high=1)))
    assert made.thresholds.shape == (255,)
    assert (np.diff(made.thresholds) >= 0).all()
    assert -1 <= made.thresholds[0] <= made.thresholds[-1] <= 1


@pytest.mark.parametrize("kind", ["jpeg", "codes"])
@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0, 3e38])
def test_odd_pictures_travel_too(kind: str, fill: float) -> None:
    made = encoded(
        Raster(np.full((8, 8), fill, np.float32), VIEW),
        Look(Style(), kind, "min-max"),  # type: ignore[arg-type]
    )
    assert made.bytes > 0
    assert np.isfinite(made.thresholds).all()
    assert made.style.low < made.style.high


def test_a_request_becomes_a_picture(write_zarr: Callable[..., str]) -> None:
    location = write_zarr(xr.Dataset({"sky": (("y", "x"), VALUES)}))
    request = Request(Plane(location, "sky", "x", "y"), Viewport(-0.5, 39.5, -0.5, 29.5, 40, 30))
    made = picture(request, Look(Style(), limits="min-max"))
    assert (made.style.low, made.style.high) == (np.nanmin(VALUES), np.nanmax(VALUES))
    assert made.exact
    assert len(made.seconds) == 2
    with pytest.raises(Cancelled):
        picture(Request(request.plane, Viewport(0, 1, 0, 1, 5, 5)), Look(Style()), lambda: True)
