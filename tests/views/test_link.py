"""A view's address holds the view; no address is an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.raster import PARTS, REDUCES
from skydeck.core.style import LIMITS, SCOPES, STRETCHES
from skydeck.render.colour import COLORMAPS
from skydeck.views.link import MAX_QUERY, query_of, script_text, state_of
from skydeck.views.state import CubeState

DEFAULTS = {name: CubeState.param[name].default for name in CubeState.LINKED}
COLOURS = [name for group in COLORMAPS.values() for name in group]
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
number = st.floats(allow_nan=False, allow_infinity=False)
pair = st.tuples(number, number).filter(lambda one: one[0] < one[1])
region = st.tuples(number, number, number, number).map(
    lambda one: (min(one[:2]), max(one[:2]), min(one[2:]), max(one[2:]))
)
states = st.fixed_dictionaries(
    {
        "index": st.dictionaries(names, st.integers(1, 10**9), max_size=4),
        "options": st.dictionaries(names, names, max_size=2),
    },
    optional={
        **dict.fromkeys(("source", "variable", "x", "y", "profile", "play"), names),
        **{name: st.booleans() for name in ("mesh", "reverse", "grid")},
        "part": st.sampled_from(PARTS),
        "reduce": st.sampled_from(REDUCES),
        "stretch": st.sampled_from(STRETCHES),
        "limits": st.sampled_from(LIMITS),
        "scope": st.sampled_from(SCOPES),
        "resolution": st.sampled_from([1, 2, 4, 8, 16]),
        "repeat": st.sampled_from(["loop", "ping-pong", "once"]),
        "tool": st.sampled_from(["point", "box", "ellipse"]),
        "colormap": st.sampled_from(COLOURS),
        "low": number,
        "high": number,
        "gamma": st.floats(0.05, 20),
        "fps": st.floats(0.1, 60),
        "prefetch": st.integers(0, 64),
        "xrange": pair,
        "yrange": pair,
        "region": region,
    },
)


@given(states)
def test_a_link_gives_back_the_view(state: dict[str, Any]) -> None:
    query = query_of(state, {})
    assert query.isascii()
    assert not set(query) & set(" <>\"'#")
    assert state_of(query) == state


@given(states)
def test_what_is_as_usual_isn_t_said(state: dict[str, Any]) -> None:
    said = state_of(query_of(state, DEFAULTS))
    assert said == {
        name: value for name, value in state.items() if name in ("index", "options") or value != DEFAULTS[name]
    }


def test_a_link_can_be_read() -> None:
    state = {"source": "/data/cube.fits", "index": {"frequency": 12, "stokes": 0}, "xrange": (0.5, 1e3), "grid": True}
    assert query_of(state, DEFAULTS) == "?source=/data/cube.fits&index.frequency=12&xrange=0.5,1000&grid=1"
    assert query_of({}, {}) == ""


def test_milliseconds_of_today_keep_their_digits() -> None:
    span = (1772366400000.125, 1772366400000.25)
    assert state_of(query_of({"xrange": span}, {}))["xrange"] == span


@given(st.text(max_size=300))
def test_garbage_never_raises(query: str) -> None:
    assert set(state_of(query)) >= {"index", "options"}


KEYS = [*CubeState.LINKED, "index.f", "options.hdu", "index.", "page"]
ODD = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["nan", "inf", "-1e999", "1,2", "2,1", "1,2,3,4", "9" * 5000, "²", "%", "%ff", "1_0", "٣"]),
)


@given(st.lists(st.tuples(st.sampled_from(KEYS), ODD), max_size=8))
def test_odd_values_become_a_view_that_can_be_shown(pairs: list[tuple[str, str]]) -> None:
    """Everything that is understood is accepted by the state as it is."""
    asked = state_of("&".join(f"{name}={text}" for name, text in pairs))
    assert all(isinstance(index, int) and index >= 0 for index in asked["index"].values())
    CubeState(**asked)
    for name in ("xrange", "yrange"):
        assert name not in asked or asked[name][0] < asked[name][1]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("xrange=5,1", "xrange"),
        ("xrange=1,1", "xrange"),
        ("region=0,1,5,4", "region"),
        ("region=0,1", "region"),
        ("colormap=none-such", "colormap"),
        ("part=amp", "part"),
        ("grid=yes", "grid"),
        ("low=nan", "low"),
        ("evil=1", "evil"),
        ("index.f=-1", "f"),
    ],
)
def test_what_isn_t_understood_is_left_out(query: str, name: str) -> None:
    asked = state_of(query)
    assert name not in asked
    assert asked["index"] == {}


def test_numbers_are_brought_into_their_bounds() -> None:
    assert state_of("?fps=1e6&gamma=-4&prefetch=7.9") == {
        "index": {},
        "options": {},
        "fps": 60,
        "gamma": 0.05,
        "prefetch": 7,
    }


def test_of_a_query_that_is_too_long_only_whole_pairs_count() -> None:
    query = "?grid=1&source=" + "a" * MAX_QUERY
    assert state_of(query) == {"index": {}, "options": {}, "grid": True}
    assert "source" in state_of("?source=" + "a" * (MAX_QUERY - 7))


@pytest.mark.parametrize("text", ["</script><b>", "a&b", "\u2028", "'\""])
def test_a_script_can_t_be_left(text: str) -> None:
    import json

    written = script_text({"x": text})
    assert not set(written) & set("<>&\u2028")
    assert json.loads(written) == {"x": text}
