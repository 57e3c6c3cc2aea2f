"""numpy alone against the compiled kernels."""

from __future__ import annotations

import numpy as np
import pytest

from skydeck.core.axis import Uniform
from skydeck.reduce import kernels, plain
from skydeck.reduce.bins import bins_of


@pytest.mark.parametrize("name", ["sums", "least", "greatest", "every"])
def test_numpy_alone_does_what_the_kernels_do(name: str) -> None:
    rng = np.random.default_rng(5)
    plane = rng.normal(size=(50, 60)).astype(np.float32)
    plane[rng.random(plane.shape) < 0.3] = np.nan
    plane[rng.random(plane.shape) < 0.01] = np.inf
    rows, cols = bins_of(Uniform(0, 1, 50), -9, 55, 12), bins_of(Uniform(0, -1, 60), -61, -20, 70)
    low, high = cols.extent
    dtypes = {"sums": "dl", "least": "f", "greatest": "f", "every": "dlff"}[name]
    compiled = tuple(np.zeros((12, 70), np.dtype(code)) for code in dtypes)
    plainly = tuple(np.zeros((12, 70), np.dtype(code)) for code in dtypes)
    for out in (*compiled, *plainly):
        out[...] = 0 if out.dtype.char in "dl" else np.nan
    bins = (rows.start, rows.stop, cols.start, cols.stop)
    getattr(kernels, name)(plane, *bins, low, high, compiled)
    plain.run(name, plane, *bins, low, high, plainly)
    for got, want in zip(plainly, compiled, strict=True):
        np.testing.assert_allclose(got, want)


def test_pieces_join_into_what_the_whole_is() -> None:
    plane = np.arange(24, dtype=np.float32).reshape(6, 4)
    plane[0] = np.nan
    zero, four = np.array([0, 0, 2]), np.array([2, 2, 4])
    pieces = tuple(np.zeros((3, 3), np.dtype(code)) for code in "dlff")
    plain.run("every", plane, np.array([0, 2, 4]), np.array([2, 4, 6]), zero, four, 0, 4, pieces)
    joined = tuple(np.zeros(3, np.dtype(code)) for code in "dlff")
    plain.join("every", pieces, joined)
    whole = tuple(np.zeros((1, 3), np.dtype(code)) for code in "dlff")
    plain.run("every", plane, np.array([0]), np.array([6]), zero, four, 0, 4, whole)
    for got, want in zip(joined, whole, strict=True):
        np.testing.assert_array_equal(got, want[0])
