"""Strings from data on their way to a page."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skydeck.views.text import byte_text, html, number_text, plain, short_text, table


@given(st.text(st.sampled_from("a$\\([])\n\t \u202e\x00\x1b\u00a0é"), max_size=30))
def test_nothing_starts_tex_or_turns_the_page_around(text: str) -> None:
    shown = plain(text)
    assert not any(mark in shown for mark in ("$$", "\\(", "\\["))
    assert shown.isprintable()
    assert plain(shown) == shown


def test_words_on_two_lines_stay_two_words() -> None:
    assert plain("one\ntwo\tthree\u00a0four") == "one two three four"


def test_long_texts_are_cut() -> None:
    assert plain("a" * 401) == "a" * 399 + "…"
    assert plain("abc", 3) == "abc"
    assert len(plain("abcdef", 3)) == 3


@given(st.text(max_size=60))
def test_html_holds_no_tags(text: str) -> None:
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

        def handle_starttag(self, tag: str, attrs: object) -> None:
            raise AssertionError(tag)

    reader = Reader()
    reader.feed(html(text))
    reader.close()
    assert "".join(seen) == plain(text)
    assert not set(html(text)) & set("<>\"'")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (96_400, "96.4 kB"),
        (999_999, "1 MB"),
        (4.31e9, "4.31 GB"),
        (2e12, "2 TB"),
        (1e15, "1 PB"),
        (5e18, "5000 PB"),
    ],
)
def test_bytes_are_written_as_people_do(count: float, text: str) -> None:
    assert byte_text(count) == text


@given(st.integers(0, 10**21))
def test_bytes_never_need_an_exponent(count: int) -> None:
    assert "e" not in byte_text(count)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "True"),
        (2**63 - 1, "9223372036854775807"),
        (0.5, "0.5"),
        (float(np.float32(0.1)), "0.1"),
        (float(np.float32(16777217)), "16777216"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333"),
        (60000.1234567891, "60000.12346"),
        (1e300, "1e+300"),
        (float("nan"), "no value"),
        (float("-inf"), "-inf"),
        (1 - 2j, "1 − 2i"),
        (complex(0, 0.25), "0 + 0.25i"),
    ],
)
def test_numbers_keep_their_digits(value: complex | None, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_single_can_be_told_from_every_other(value: float) -> None:
    assert np.float32(number_text(value)) == np.float32(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_17_digits_are_all_of_what_isn_t_a_single(value: float) -> None:
    with np.errstate(over="ignore"):
        single = float(np.float32(value)) == value
    assert float(number_text(value, 17)) == (pytest.approx(value, rel=1e-7) if single else value)


@pytest.mark.parametrize(("value", "text"), [(1 / 3, "0.333333"), (float("nan"), "no value"), (1e9, "1e+09")])
def test_derived_numbers_are_short(value: float, text: str) -> None:
    assert short_text(value) == text


def test_a_table_escapes_what_it_holds() -> None:
    made = table([("<a>", "b & c")], "t<")
    assert made == (
        "<table class='sd-table'><caption>t&lt;</caption><tr><th>&lt;a&gt;</th><td>b &amp; c</td></tr></table>"
    )
