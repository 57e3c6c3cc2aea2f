"""Health: what a supervisor asks: is the process alive, and is it ready for visitors."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from skydeck import __version__
from skydeck.server.session import ready


class Alive(RequestHandler):
    """``/healthz``: 200 as long as the server's loop turns."""

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok", "version": __version__})


class Ready(RequestHandler):
    """``/readyz``: 503 until the kernels are compiled, so that the first visitor doesn't wait for them."""

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_status(200 if ready() else 503)
        self.write({"status": "ready" if ready() else "starting", "version": __version__})


def routes() -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Patterns and handlers; Bokeh puts the server's prefix before them."""
    return [("/healthz", Alive, {}), ("/readyz", Ready, {})]
