"""Profiles as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from skydeck.core.axis import Axis, axis_of, plain_axis
from skydeck.core.errors import RequestError
from skydeck.export.table import profile_csv

FREQUENCY = axis_of("frequency", 3, [1e9, 1.1e9, 1.3e9], {"units": "Hz"})


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(line for line in io.StringIO(text) if not line.startswith("#")))


def test_a_profile_with_its_provenance() -> None:
    text = profile_csv(
        FREQUENCY, {"mean (K)": np.array([1.5, np.nan, -2.0])}, {"source": "cube.fits", "region": "a box"}
    )
    assert text == (
        "# source: cube.fits\n# region: a box\nfrequency (Hz),mean (K)\n"
        "1000000000.0,1.5\n1100000000.0,nan\n1300000000.0,-2.0\n"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_digit_is_there(dtype: type) -> None:
    values = np.random.default_rng(1).standard_normal(3).astype(dtype) * np.array([1e-30, 1, 1e30], dtype)
    found = rows(profile_csv(FREQUENCY, {"v": values}, {}))[1:]
    np.testing.assert_array_equal(np.array([row[1] for row in found]).astype(dtype), values)
    np.testing.assert_array_equal([float(row[0]) for row in found], FREQUENCY.values)


def test_complex_columns_become_two_and_whole_numbers_stay_whole() -> None:
    columns = {"v": np.array([1 + 2j, np.nan, 3]), "n": np.array([1, 2**62, 3]), "b": np.array([True, False, True])}
    found = rows(profile_csv(FREQUENCY, columns, {}))
    assert found[0] == ["frequency (Hz)", "v real", "v imaginary", "n", "b"]
    assert found[1][1:] == ["1.0", "2.0", "1", "True"]
    assert found[2][3] == str(2**62)


@pytest.mark.parametrize(
    ("axis", "name", "first"),
    [
        (plain_axis("x", 2), "x", "0"),
        (
            axis_of("time", 2, np.array(["2024-07-25T04:34:06.5", "NaT"], dtype="M8[ns]")),
            "time (UTC)",
            "2024-07-25T04:34:06.500000000Z",
        ),
        (axis_of("stokes", 2, np.array(["I", "=Q"])), "stokes", "I"),
    ],
)
def test_the_axis_in_its_own_words(axis: Axis, name: str, first: str) -> None:
    found = rows(profile_csv(axis, {"v": np.zeros(2)}, {}))
    assert (found[0][0], found[1][0]) == (name, first)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
def test_no_text_becomes_a_formula(start: str) -> None:
    evil = f'{start}HYPERLINK("http://x","y")'
    axis = axis_of("label", 2, np.array([evil, "fine"]))
    text = profile_csv(axis, {evil: np.array([-1.0, 2.0])}, {"source": f"a,{evil}", evil: evil})
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.strip().startswith(("=", "+", "@"))
            assert not cell.strip().startswith("-") or cell.strip() == "-1.0"
    assert rows(text)[1][1] == "-1.0"


def test_a_comment_stays_on_its_line() -> None:
    text = profile_csv(FREQUENCY, {}, {"note": "one\ntwo\r\n=three", "tab": "a\t=b;=c"})
    assert text.splitlines()[:2] == ["# note: one two =three", "# tab: a\t'=b;'=c"]


def test_a_column_must_fit_the_axis() -> None:
    with pytest.raises(RequestError, match=r"Column 'v' has the shape \(2,\). \(3,\)"):
        profile_csv(FREQUENCY, {"v": np.zeros(2)}, {})
