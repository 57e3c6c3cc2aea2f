"""Angles as texts."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.sky.angle import decimal, dms, dms_fields, hms, hms_fields


def test_l1448_as_people_write_it() -> None:
    assert hms(51.412083, 0.001) == "03h25m38.9s"
    assert dms(30.734833, 1e-4) == "+30°44′05.4″"
    assert decimal(158.06879, 1e-4) == "158.0688°"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (hms(359.9999999, 0.001), "00h00m00.0s"),
        (hms(-15.0, 1 / 60), "23h00m00s"),
        (hms(15 / 60 * 59.9999, 0.25), "01h00m"),
        (hms(14.99, 15), "01h"),
        (dms(29.99999999, 1e-3), "+30°00′00″"),
        (dms(-0.0000001, 1e-3), "+00°00′00″"),
        (dms(-0.5, 1e-3), "-00°30′00″"),
        (dms(10.5, 1 / 60), "+10°30′"),
        (dms(-89.9999, 1.0), "-90°"),
        (decimal(359.9999, 0.01, wrap=True), "0.00°"),
        (decimal(-0.0001, 0.01), "0.00°"),
        (decimal(-12.345, 1.0), "-12°"),
    ],
)
def test_rounding(text: str, expected: str) -> None:
    assert text == expected


def test_nothing_is_said_of_nothing() -> None:
    assert hms(math.nan) == dms(math.inf) == decimal(math.nan) == ""


def test_fields_join_to_the_text() -> None:
    assert "".join(hms_fields(51.4, 1e-3)) == hms(51.4, 1e-3)
    assert dms_fields(-30.75, 1 / 60) == ("-30°", "45′")


@given(st.floats(-720, 720), st.floats(1e-12, 10))
def test_a_right_ascension_reads_back_within_its_precision(deg: float, precision: float) -> None:
    text = hms(deg, precision)
    numbers = [float(number) for number in re.findall(r"[\d.]+", text)] + [0.0, 0.0]
    hours, minutes, seconds = numbers[:3]
    assert hours < 24
    assert max(minutes, seconds) < 60
    apart = (15 * (hours + minutes / 60 + seconds / 3600) - deg + 180) % 360 - 180
    assert abs(apart) <= max(precision * 10 if precision < 15 / 60 / 60 else 7.5, 1e-8)


@given(st.floats(-90, 90), st.floats(1e-10, 1 / 60))
def test_a_declination_reads_back_within_its_precision(deg: float, precision: float) -> None:
    text = dms(deg, precision)
    numbers = [float(number) for number in re.findall(r"[\d.]+", text)] + [0.0]
    assert max(numbers[1:]) < 60
    back = (numbers[0] + numbers[1] / 60 + numbers[2] / 3600) * (-1 if text[0] == "-" else 1)
    assert abs(back - deg) <= max(precision, 1e-12)
