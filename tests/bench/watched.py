"""Watched: a page of the explorer in Chromium, with a log of what was painted when."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

WINDOW = {"width": 1880, "height": 1060}
PATIENCE_MS = 60_000
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FRAME = """() => {
  const view = Bokeh.index.find_one(bench.picture), {left, top, width, height} = view.frame.bbox
  const at = view.el.getBoundingClientRect()
  return [at.left + left, at.top + top, width, height]
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; skips where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium here")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page: ``log()`` is what watched.js wrote down, in milliseconds of the page's clock."""

    page: Page

    def log(self) -> dict[str, Any]:
        """What was seen so far."""
        seen: dict[str, Any] = self.page.evaluate(
            "() => ({mails: bench.mails, acks: bench.acks, acts: bench.acts, profiles: bench.profiles})"
        )
        return seen

    def received(self) -> int:
        """Bytes of the messages of its websockets so far."""
        return int(self.page.evaluate("bench.received"))

    def now(self) -> float:
        """The page's clock in milliseconds."""
        return float(self.page.evaluate("performance.now()"))

    def wait(self, seconds: float) -> None:
        """Let time pass, and messages be counted."""
        self.page.wait_for_timeout(1e3 * seconds)

    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the picture's frame in the window."""
        left, top, width, height = self.page.evaluate(FRAME)
        return left, top, width, height

    def painted(self, condition: str = "true") -> None:
        """Wait until a picture is painted for which a condition on ``mail`` holds."""
        self.page.wait_for_function(
            f"() => bench.ready && bench.acks.some((ack) => ack.seq > 0 && bench.mails.some("
            f"(mail) => mail.seq === ack.seq && ({condition})))",
            timeout=PATIENCE_MS,
            polling=10,
        )

    def quiet(self, seconds: float = 0.8) -> None:
        """Wait until no picture has arrived for a while."""
        while self.now() - max((mail["at"] for mail in self.log()["mails"]), default=0) < 1e3 * seconds:
            self.wait(0.1)

    def answered(self, act: Callable[[], object], name: str) -> float:
        """Milliseconds from the first event ``name`` of an act until a picture of another place is painted."""
        begin, mails = self.now(), self.log()["mails"]
        place = mails[-1]["place"]
        act()
        self.painted(f"mail.at > {begin} && mail.place !== '{place}'")
        log = self.log()
        acted = min(at for at, what in log["acts"] if what == name and at >= begin)
        fresh = {mail["seq"] for mail in log["mails"] if mail["at"] >= begin and mail["place"] != place}
        return float(min(ack["at"] for ack in log["acks"] if ack["seq"] in fresh) - acted)


@contextmanager
def watched(browser: Browser, url: str) -> Iterator[Watched]:
    """Open an address of the explorer, with the first picture painted and everything come to rest."""
    page = browser.new_page(viewport=WINDOW)  # type: ignore[arg-type]
    page.add_init_script(path=Path(__file__).with_name("watched.js"))
    seen = Watched(page)
    page.goto(url, timeout=PATIENCE_MS)
    seen.painted()
    try:
        yield seen
    finally:
        page.close()
