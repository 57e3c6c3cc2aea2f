"""What is written along an axis."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import BasicTicker, ColumnDataSource, DatetimeTicker, FixedTicker, LinearAxis
from bokeh.models import CustomJSTickFormatter as Named

from skydeck.core.axis import axis_of, plain_axis
from skydeck.sky.graticule import graticule
from skydeck.sky.wcs import celestial_of
from skydeck.views.ticks import MOST_LABELS, dress, dress_sky, fix, named

HEADER = "\n".join(
    [
        "CTYPE1  = 'RA---TAN'",
        "CTYPE2  = 'DEC--TAN'",
        "CRVAL1  = 50.0",
        "CRVAL2  = 20.0",
        "CDELT1  = -0.1",
        "CDELT2  = 0.1",
        "CRPIX1  = 50.0",
        "CRPIX2  = 50.0",
        "CUNIT1  = 'deg'",
        "CUNIT2  = 'deg'",
    ]
)


def texts(axis: LinearAxis) -> dict[str, str]:
    return dict(axis.formatter.args["names"])


@pytest.mark.parametrize(
    ("values", "attrs", "ticker"),
    [
        ([1e9, 2e9], {"units": "Hz"}, BasicTicker),
        (np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"), {}, DatetimeTicker),
        (["I", "Q"], {}, FixedTicker),
        ([3, 1, 2], {}, FixedTicker),
        ([359.0, 0.0, 1.0], {"units": "deg"}, BasicTicker),
        (None, {}, BasicTicker),
    ],
)
def test_each_kind_has_its_ticker(values: object, attrs: dict[str, str], ticker: type) -> None:
    axis = axis_of("name", 3 if values is None else len(values), values, attrs)  # type: ignore[arg-type]
    shown = LinearAxis()
    dress(shown, axis, axis.limits)
    assert type(shown.ticker) is ticker
    assert shown.axis_label == axis.caption


def test_each_visible_label_is_written_where_it_belongs() -> None:
    shown = LinearAxis()
    dress(shown, axis_of("stokes", 4, ["I", "Q", "U", "$$V$$"]), (0.6, 9.0))
    assert shown.ticker.ticks == [1, 2, 3]
    assert texts(shown) == {"1.000000": "Q", "2.000000": "U", "3.000000": "$ $V$ $"}


@pytest.mark.parametrize("visible", [(-0.5, 999.5), (3.0, 500.0), (-1e6, 1e6), (990.0, 2000.0)])
def test_there_are_never_too_many_labels(visible: tuple[float, float]) -> None:
    shown = LinearAxis()
    dress(shown, axis_of("name", 1000, [f"antenna {index}" for index in range(1000)]), visible)
    assert 1 <= len(shown.ticker.ticks) <= MOST_LABELS
    assert all(visible[0] <= place <= visible[1] and 0 <= place < 1000 for place in shown.ticker.ticks)


def test_labels_out_of_sight_are_none() -> None:
    shown = LinearAxis()
    dress(shown, axis_of("stokes", 2, ["I", "Q"]), (50.0, 60.0))
    assert shown.ticker.ticks == []


def test_whole_numbers_are_written_for_pixels() -> None:
    shown = LinearAxis()
    dress(shown, plain_axis("x", 9), (0.0, 2.0))
    assert shown.ticker.min_interval == 1


def test_an_axis_changes_its_kind() -> None:
    shown = LinearAxis()
    dress(shown, axis_of("stokes", 2, ["I", "Q"]), (0.0, 2.0))
    dress(shown, axis_of("f", 2, [1.0, 2.0]), (0.0, 2.0))
    assert type(shown.ticker) is BasicTicker
    dress(shown, axis_of("stokes", 2, ["XX", "YY"]), (0.0, 2.0))
    assert texts(shown) == {"0.000000": "XX", "1.000000": "YY"}


def test_given_texts_stand_at_given_places_and_are_replaced_in_place() -> None:
    shown = LinearAxis(ticker=FixedTicker(ticks=[]), formatter=named({"names": {}}))
    ticker, formatter = shown.ticker, shown.formatter
    fix(shown, [(0.25, "low"), (0.75, "high\x00")])
    assert (shown.ticker, shown.formatter) == (ticker, formatter)
    assert isinstance(formatter, Named)
    assert (shown.ticker.ticks, texts(shown)) == ([0.25, 0.75], {"0.250000": "low", "0.750000": "high"})


@pytest.mark.parametrize("visible", [True, False])
def test_the_sky_is_written_along_both_axes(visible: bool) -> None:
    celestial = celestial_of(HEADER)
    assert celestial is not None
    lines = graticule(celestial, (0.0, 99.0), (0.0, 99.0), False)
    below, left = LinearAxis(), LinearAxis()
    grid, words = ColumnDataSource(), ColumnDataSource()
    dress_sky((below, left), grid, words, lines, visible)
    assert lines.bottom_name in below.axis_label
    assert lines.left_name in left.axis_label
    assert left.ticker.ticks == [tick.y for tick in lines.left]
    assert 1 <= len(below.ticker.ticks) <= MOST_LABELS
    assert bool(grid.data["xs"]) is visible
    assert len(words.data["x"]) == len(words.data["text"]) == (len(lines.inside) if visible else 0)
