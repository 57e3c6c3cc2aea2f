"""A figure belongs to its session."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from skydeck.views.figure import figure


def test_a_figure_goes_when_nobody_holds_it() -> None:
    with ThreadPoolExecutor(1) as pool:  # where there is no session's document, as when a page is made
        first = weakref.ref(pool.submit(figure).result().plot)
        last = pool.submit(figure).result()  # HoloViews keeps the latest
    gc.collect()
    assert first() is None
    assert last.plot is not None
