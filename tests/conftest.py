"""The order of the suite: browsers come last, because Playwright leaves an event loop running in its thread."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)  # wall time says nothing about right or wrong
settings.load_profile("shared machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "journeys" in item.path.parts)
