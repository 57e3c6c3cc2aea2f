"""Cards from header text that nobody has checked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.core.errors import SourceError
from skydeck.sky.cards import MAX_TEXT, cards, lines, number

ALL = re.compile(r".*")


def test_each_kind_of_value_is_read() -> None:
    text = "\n".join(
        (
            "CTYPE1  = 'RA---TAN'           / comment with = and ' in it",
            "OBJECT  = 'O''Brien / 7 '",
            "CRPIX1  =                -12.5 / pixels",
            "CDELT1  =           1.25D-03",
            "NAXIS   =                    2",
            "SIMPLE  =                    T",
            "EMPTY   =",
        )
    )
    expected = {"CTYPE1": "RA---TAN", "OBJECT": "O'Brien / 7", "CRPIX1": -12.5, "CDELT1": 1.25e-3, "NAXIS": 2}
    assert cards(text, ALL) == {**expected, "SIMPLE": True}


def test_the_first_of_a_repeated_keyword_counts_and_nothing_after_end() -> None:
    assert cards("A       = 1\nA       = 2\nEND\nB       = 3", ALL) == {"A": 1}


def test_cards_without_newlines_are_eighty_characters_each() -> None:
    text = "A       = 1".ljust(80) + "B       = 2".ljust(80) + "END".ljust(80)
    assert cards(text, ALL) == {"A": 1, "B": 2}
    assert [len(line) for line in lines(text)] == [80, 80, 80]


def test_numbers_that_are_not_finite_or_absurdly_long_are_left_out() -> None:
    assert cards("A       = nan\nB       = 1e999\nC       = " + "9" * 200, ALL).keys() <= {"C"}


def test_too_much_text_or_too_many_cards_are_refused() -> None:
    with pytest.raises(SourceError, match="64 MiB"):
        cards("x" * (MAX_TEXT + 1), ALL)
    with pytest.raises(SourceError, match="4096"):
        cards("\n".join(f"K{index:<7}= 1" for index in range(5000)), ALL)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2000, 2000.0),
        ("2000.0", 2000.0),
        ("J2000", 2000.0),
        (" B1950 ", 1950.0),
        ("soon", -1.0),
        (None, -1.0),
        (True, -1.0),
    ],
)
def test_a_number_is_read_from_text_or_defaults(value: str | int | None, expected: float) -> None:
    assert number(value, -1.0) == expected


@given(st.text(max_size=400))
def test_no_text_makes_it_fail(text: str) -> None:
    assert all(isinstance(value, str | int | float) for value in cards(text, ALL).values())
