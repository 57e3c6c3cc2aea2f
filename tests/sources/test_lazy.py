"""Lazy variables against numpy, with every kind of key xarray may pass."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from xarray.core.indexing import IndexingSupport

from skydeck.core.errors import SourceError
from skydeck.sources.lazy import distinct, lazy_variable

VALUES = np.arange(7 * 5 * 3).reshape(7, 5, 3)


class Recorded:
    """Cells of an array in memory that remember what they were asked for."""

    def __init__(self, values):
        self.values, self.keys = values, []
        self.location, self.shape, self.dtype = "memory", values.shape, values.dtype

    def read(self, key):
        self.keys.append(key)
        assert all(isinstance(part, int | np.integer) or part.step is None or part.step > 0 for part in key)
        return self.values[key]


def test_nothing_is_read_until_asked():
    cells = Recorded(VALUES)
    variable = lazy_variable(("a", "b", "c"), cells, {"units": "Jy"}, (1, 5, 3))
    part = variable[2:4, 0]
    assert cells.keys == []
    assert part.shape == (2, 3)
    np.testing.assert_array_equal(part.values, VALUES[2:4, 0])
    assert [(key[0].start, key[0].stop, key[1]) for key in cells.keys] == [(2, 4, 0)]
    assert variable.encoding["preferred_chunks"] == {"a": 1, "b": 5, "c": 3}


def index(size):
    some = st.integers(-size, size - 1)
    steps = st.sampled_from([-3, -2, -1, 1, 2, 3, None])
    edges = st.none() | st.integers(0, size - 1)  # xarray itself mistakes edges before the start
    return (
        some | st.builds(slice, edges, edges, steps) | st.lists(some, max_size=4).map(lambda v: np.array(v, dtype=int))
    )


@settings(deadline=None)
@given(st.tuples(*(index(size) for size in VALUES.shape)))
def test_any_outer_key_equals_numpy(key):
    variable = lazy_variable(("a", "b", "c"), Recorded(VALUES), {})
    expected = xr.Variable(("a", "b", "c"), VALUES)
    np.testing.assert_array_equal(variable[key].values, expected[key].values)


def test_failures_to_read_are_ours():
    class Broken(Recorded):
        def read(self, key):
            raise OSError("truncated file at http://u:p@h")

    with pytest.raises(SourceError, match="cut short") as caught:
        lazy_variable(("a", "b", "c"), Broken(VALUES), {}).values  # noqa: B018
    assert "u:p" not in str(caught.value)


def test_pickles():
    variable = lazy_variable(("a", "b", "c"), Recorded(VALUES), {}, support=IndexingSupport.OUTER)
    again = pickle.loads(pickle.dumps(variable))
    np.testing.assert_array_equal(again.values, VALUES)


@given(st.lists(st.sampled_from(["a", "a_1", "b", "a_2"]), max_size=6))
def test_distinct_names(dims):
    names = distinct(dims)
    assert len(set(names)) == len(dims)
    assert distinct(names) == names
