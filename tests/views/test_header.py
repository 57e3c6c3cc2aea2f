"""What a source says about itself is shown as text, without secrets."""

from __future__ import annotations

import numpy as np
import xarray as xr

from skydeck.views.header import LONGEST_HEADER, header_html

CARDS = "SIMPLE  =                    T\nCOMMENT <script>alert(1)</script> & more"


def described(**attrs: object) -> str:
    dataset = xr.Dataset({"sky": (("y", "x"), np.zeros((2000, 3), "f4"), {"units": "Jy/beam"})}, attrs=attrs)
    return header_html(dataset, "sky")


def test_shape_type_and_units_are_told() -> None:
    page = described()
    for name, value in (("y", "2000"), ("x", "3"), ("type", "float32"), ("bytes", "24,000"), ("units", "Jy/beam")):
        assert f"<tr><th>{name}</th><td>{value}</td></tr>" in page
    assert "<pre" not in page


def test_the_header_is_text() -> None:
    page = described(header=CARDS, fits_wcs_header="WCSAXES = 2")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "SIMPLE  =                    T\n" in page
    assert "WCSAXES" not in page
    assert "WCSAXES" in described(fits_wcs_header="WCSAXES = 2")


def test_secrets_are_left_out() -> None:
    page = described(origin="https://me:pw@host/x?token=abc", header="ORIGIN  = 'https://me:pw@host/x'")
    assert "host/x" in page
    assert not any(secret in page for secret in ("me:pw", "pw@", "abc"))


def test_attributes_of_any_kind_are_shown() -> None:
    page = described(numbers=np.arange(3), nested={"<b>": 1}, notes="one\ntwo", nothing=None)
    assert "[0 1 2]" in page
    assert "&lt;b&gt;" in page
    assert "one two" in page


def test_a_page_stays_small() -> None:
    assert len(described(header="x" * 79 + "\n" + "y" * 10**6, long="z" * 10**6)) < 4 * LONGEST_HEADER
