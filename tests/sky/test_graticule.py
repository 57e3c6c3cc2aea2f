"""Grid lines, checked by asking the sky at every vertex."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from skydeck.core.errors import RequestError
from skydeck.sky.frame import GALACTIC, ICRS, SkyFrame, convert
from skydeck.sky.graticule import Polylines, graticule, shortened
from skydeck.sky.wcs import Celestial, celestial_of

MakeHeader = Callable[..., str]
Floats = npt.NDArray[np.float64]
VIEW = (-0.5, 99.5)
GALACTIC_WORDS = ("GLON-", "GLAT-")

CASES: dict[str, dict[str, object]] = {
    "plain": {},
    "across RA 0": {"centre": (0.0, 10.0)},
    "turned by 45": {"rotation": 45.0},
    "turned by 90": {"rotation": 90.0},
    "mirrored": {"cell": (0.01, 0.01)},
    "on the north pole": {"centre": (50.0, 90.0)},
    "beside the south pole": {"projection": "ARC", "centre": (50.0, -89.7)},
    "galactic": {"words": GALACTIC_WORDS, "centre": (0.0, 0.0)},
    "tiny": {"centre": (210.0, -40.0), "cell": (-0.01 / 3600, 0.01 / 3600)},
    "huge": {"centre": (210.0, -40.0), "cell": (-1.0, 1.0)},
    "AIT": {"projection": "AIT", "centre": (0.0, 0.0), "cell": (-3.3, 3.3)},
    "MOL": {"projection": "MOL", "centre": (180.0, 0.0), "cell": (-3.3, 3.3), "words": GALACTIC_WORDS},
    "CAR": {"projection": "CAR", "centre": (0.0, 0.0), "cell": (-3.6, 3.6)},
    "SIN": {"projection": "SIN", "centre": (30.0, 35.0), "cell": (-1.3, 1.3)},
    "HPX": {"projection": "HPX", "centre": (0.0, 0.0), "cell": (-3.6, 3.6)},
    "SIP": {"projection": "TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_0_2": 1e-4},
    "B1950": {"EQUINOX": 1950.0},
}
FRAMES: dict[str, SkyFrame | None] = {"native": None, "icrs": ICRS, "galactic": GALACTIC}


def made(text: str) -> Celestial:
    celestial = celestial_of(text)
    assert celestial is not None
    return celestial


def sky_at(celestial: Celestial, x: Floats, y: Floats, frame: str, swapped: bool = False) -> tuple[Floats, Floats]:
    lon, lat = celestial.world(y, x) if swapped else celestial.world(x, y)
    return convert(lon, lat, celestial.sky, FRAMES[frame] or celestial.sky)


def off_line(directions: tuple[Floats, Floats], index: int, step: float) -> Floats:
    """Distance on the sky to the nearest multiple of the step, in steps; a longitude next to the pole is any."""
    missed = np.abs((directions[index] + step / 2) % step - step / 2) / step
    return missed if index else missed * np.cos(np.radians(directions[1]))


def worst(missed: Floats) -> float:
    return float(np.nanmax(missed))


def middles(line: Polylines) -> tuple[Floats, Floats]:
    x, y = (line.x[1:] + line.x[:-1]) / 2, (line.y[1:] + line.y[:-1]) / 2
    return x[np.isfinite(x)], y[np.isfinite(x)]


@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize("name", list(CASES))
def test_every_vertex_and_every_segment_lies_on_a_line(make_header: MakeHeader, name: str, frame: str) -> None:
    celestial = made(make_header(**CASES[name]))
    grid = graticule(celestial, VIEW, VIEW, frame=frame)  # type: ignore[arg-type]
    for index, line in enumerate((grid.lon, grid.lat)):
        assert np.isfinite(line.x).sum() > 20
        step = grid.steps[index]
        assert worst(off_line(sky_at(celestial, line.x, line.y, frame), index, step)) < 1e-3
        between = sky_at(celestial, *middles(line), frame)
        assert np.nanquantile(off_line(between, index, step), 0.99) < 0.05


@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize("name", list(CASES))
def test_labels_stand_where_their_line_meets_the_edge(make_header: MakeHeader, name: str, frame: str) -> None:
    celestial = made(make_header(**CASES[name]))
    grid = graticule(celestial, VIEW, VIEW, frame=frame)  # type: ignore[arg-type]
    for ticks, along in ((grid.bottom, "x"), (grid.left, "y")):
        assert {(tick.y if along == "x" else tick.x) for tick in ticks} <= {VIEW[0]}
        places = [getattr(tick, along) for tick in ticks]
        assert places == sorted(places)
        assert len({tick.coordinate for tick in ticks}) <= 1
    both = {tick.coordinate for tick in (*grid.bottom, *grid.left, *grid.inside)}
    assert both == {"lon", "lat"}
    for tick in (*grid.bottom, *grid.left, *grid.inside):
        assert VIEW[0] <= tick.x <= VIEW[1]
        assert VIEW[0] <= tick.y <= VIEW[1]
        lon, lat = (float(value) for value in sky_at(celestial, np.array(tick.x), np.array(tick.y), frame))
        step = grid.steps[tick.coordinate == "lat"]
        off = (lon - tick.value + 180) % 360 - 180 if tick.coordinate == "lon" else lat - tick.value
        shrink = np.cos(np.radians(lat)) if tick.coordinate == "lon" else 1.0
        assert abs(off * shrink) < 0.02 * step


@pytest.mark.parametrize("name", list(CASES))
def test_a_view_has_a_bearable_number_of_lines(make_header: MakeHeader, name: str) -> None:
    grid = graticule(made(make_header(**CASES[name])), VIEW, VIEW)
    labels = [*grid.bottom, *grid.left, *grid.inside]
    for coordinate in ("lon", "lat"):
        assert 2 <= sum(tick.coordinate == coordinate for tick in labels) <= 16
    assert grid.lon.x.size + grid.lat.x.size < 6000


@pytest.mark.parametrize("name", list(CASES))
def test_lines_end_a_little_outside_the_view(make_header: MakeHeader, name: str) -> None:
    grid = graticule(made(make_header(**CASES[name])), VIEW, VIEW)
    for line in (grid.lon, grid.lat):
        places = np.concatenate([line.x, line.y])
        assert np.nanmin(places) >= VIEW[0] - 10.001
        assert np.nanmax(places) <= VIEW[1] + 10.001


def test_all_lines_that_cross_the_view_are_drawn(make_header: MakeHeader) -> None:
    """Brute force: where a coordinate passes a multiple of its step along a row of pixels, there is a line."""
    for case in ({}, {"centre": (0.0, 89.5)}, {"rotation": 30.0}, {"centre": (210.0, -40.0), "cell": (-1.0, 1.0)}):
        celestial = made(make_header(**case))
        grid = graticule(celestial, VIEW, VIEW)
        x = np.linspace(*VIEW, 400)
        for y in (20.0, 50.0, 80.0):
            directions = celestial.world(x, np.full_like(x, y))
            for index, line in enumerate((grid.lon, grid.lat)):
                step = grid.steps[index]
                cells = np.floor(np.unwrap(directions[index], period=360.0) / step)
                for place in x[1:][np.abs(np.diff(cells)) == 1]:
                    nearest = np.nanmin(np.hypot(line.x - place, line.y - y))
                    assert nearest < 5.0, (case, index, place, y)


def test_swapped_axes_mirror_the_grid(make_header: MakeHeader) -> None:
    celestial = made(make_header(centre=(50.0, 60.0), rotation=10.0))
    plain = graticule(celestial, (0.0, 50.0), (20.0, 99.0))
    turned = graticule(celestial, (20.0, 99.0), (0.0, 50.0), swapped=True)
    assert [(t.text, t.x, t.y) for t in turned.left] == [(t.text, t.y, t.x) for t in plain.bottom]
    assert (turned.bottom_name, turned.left_name) == (plain.left_name, plain.bottom_name) == ("Dec", "RA")
    np.testing.assert_array_equal(turned.lon.x, plain.lon.y)


def test_a_quarter_turn_labels_declination_below(make_header: MakeHeader) -> None:
    grid = graticule(made(make_header(rotation=90.0)), VIEW, VIEW)
    assert (grid.bottom_name, grid.left_name) == ("Dec", "RA")
    assert grid.bottom[0].text.startswith("+29°")


def test_labels_leave_out_what_the_one_before_said(make_header: MakeHeader) -> None:
    fields = [("03h", "26m", "30s"), ("03h", "26m", "00s"), ("03h", "25m", "30s"), ("02h", "25m", "30s")]
    assert shortened(fields) == ["03h26m30s", "00s", "25m30s", "02h25m30s"]
    assert shortened([("-00°", "30′"), ("+00°", "00′"), ("+00°", "30′")]) == ["-00°30′", "+00°00′", "30′"]
    assert shortened([("1.5°",), ("1.5°",)]) == ["1.5°", "1.5°"]
    grid = graticule(made(make_header()), VIEW, VIEW)
    assert all(tick.text.startswith(("03h", "+")) for tick in (grid.bottom[0], grid.left[0]))


def test_zooming_out_far_and_in_deep_still_gives_a_grid(make_header: MakeHeader) -> None:
    celestial = made(make_header("AIT", centre=(0.0, 0.0), cell=(-3.3, 3.3)))
    assert np.isfinite(graticule(celestial, (-200.0, 300.0), (-200.0, 300.0)).lon.x).sum() > 50
    deep = graticule(celestial, (52.0, 52.001), (40.0, 40.001))
    assert len(deep.bottom) + len(deep.left) + len(deep.inside) >= 4


def test_a_view_off_the_sphere_has_no_lines(make_header: MakeHeader) -> None:
    celestial = made(make_header("AIT", centre=(0.0, 0.0), cell=(-3.3, 3.3)))
    grid = graticule(celestial, (-60.0, -50.0), (-60.0, -50.0))
    assert grid.lon.x.size == grid.lat.x.size == 0
    assert grid.bottom == grid.left == grid.inside == ()


@pytest.mark.parametrize("x_range", [(5.0, 5.0), (6.0, 5.0), (np.nan, 5.0), (0.0, np.inf)])
def test_a_range_must_run_from_low_to_high(make_header: MakeHeader, x_range: tuple[float, float]) -> None:
    with pytest.raises(RequestError, match="finite ranges"):
        graticule(made(make_header()), x_range, VIEW)


def test_a_frame_must_be_known_and_reachable(make_header: MakeHeader) -> None:
    with pytest.raises(RequestError, match="native, icrs or galactic"):
        graticule(made(make_header()), VIEW, VIEW, frame="lunar")  # type: ignore[arg-type]
    solar = made(make_header(words=("HPLN-", "HPLT-"), centre=(0.0, 0.0)))
    with pytest.raises(RequestError, match="native grid"):
        graticule(solar, VIEW, VIEW, frame="icrs")
    assert graticule(solar, VIEW, VIEW).bottom_name == "lon"
