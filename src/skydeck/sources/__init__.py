"""Data at rest: other people's files and stores become lazy xarray Datasets in Skydeck's conventions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skydeck.sources.entry import Entry as Entry
    from skydeck.sources.entry import listing as listing
    from skydeck.sources.failure import errors_of as errors_of
    from skydeck.sources.location import Location as Location
    from skydeck.sources.location import parse as parse
    from skydeck.sources.location import redact as redact
    from skydeck.sources.readers import list_choices as list_choices
    from skydeck.sources.readers import open_source as open_source
    from skydeck.sources.readers import sniff as sniff
    from skydeck.sources.roots import confine as confine
    from skydeck.sources.signature import signature_of as signature_of

_HOMES = {
    "Entry": "entry",
    "Location": "location",
    "confine": "roots",
    "errors_of": "failure",
    "list_choices": "readers",
    "listing": "entry",
    "open_source": "readers",
    "parse": "location",
    "redact": "location",
    "signature_of": "signature",
    "sniff": "readers",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562), so that ``import skydeck.sources`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
