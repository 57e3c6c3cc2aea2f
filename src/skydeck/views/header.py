"""Header: what a source says about itself, as text for reading."""

from __future__ import annotations

import xarray as xr

from skydeck.sources import redact
from skydeck.views.text import html, table

LONGEST_HEADER = 200_000


def header_html(dataset: xr.Dataset, variable: str) -> str:
    """Notes, dimensions, attributes and the FITS header as escaped HTML."""
    shown = dataset[variable]
    dims = [(str(dim), f"{size}") for dim, size in shown.sizes.items()]
    parts = [table([*dims, ("type", str(shown.dtype)), ("bytes", f"{shown.nbytes:,}")], variable)]
    long = ("header", "fits_wcs_header")
    attrs = [
        (str(key), redact(str(value))) for key, value in {**dataset.attrs, **shown.attrs}.items() if key not in long
    ]
    if attrs:
        parts.append(table(attrs, "Attributes"))
    text = redact(str(dataset.attrs.get("header") or dataset.attrs.get("fits_wcs_header") or ""))[:LONGEST_HEADER]
    if text:
        parts.append("<pre class='sd-header'>" + "\n".join(html(line) for line in text.splitlines()) + "</pre>")
    return "".join(parts)
