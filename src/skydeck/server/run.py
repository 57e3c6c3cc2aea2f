"""Run: start a server for Settings and stay until told to end."""

from __future__ import annotations

import logging
import webbrowser
from collections.abc import Callable
from typing import Any

from skydeck.core.memory import begin
from skydeck.server.address import url_of
from skydeck.server.health import routes
from skydeck.settings import Settings, use

log = logging.getLogger(__name__)

WEBSOCKET_BYTES = 64 << 20
SESSION_LIFETIME_MS = 15_000
CHECK_SESSIONS_MS = 5_000
WARM_SECONDS = 15.0  # for the first visitor, who hasn't come yet


def serve(settings: Settings) -> None:
    """Serve every page of ``settings`` until interrupted."""
    use(settings)
    begin()
    from skydeck.server.pages import pages
    from skydeck.server.session import compute, expect, finish, warm

    compute()  # a scheduler that doesn't answer is said before anybody is told to come
    server = _server(settings, pages())
    server.io_loop.add_callback(expect)
    server.io_loop.call_later(WARM_SECONDS, warm)
    if settings.open_browser:
        server.io_loop.add_callback(webbrowser.open, url_of(settings))
    try:
        server.start()
        server.io_loop.start()
    except KeyboardInterrupt:
        log.info("ended by the keyboard")
    finally:
        server.stop()
        finish()


def demo(settings: Settings) -> None:
    """Serve simulated telescopes: synthetic cubes, made on the first start."""
    from skydeck.jobs.synthetic import demo_cubes

    cubes = demo_cubes(settings.cache_dir / "demo")
    kept = settings.model_dump(exclude={"open_paths", "roots"})
    serve(Settings(**kept, open_paths=tuple(str(path) for path in cubes)))


def _server(settings: Settings, pages: dict[str, Callable[[], Any]]) -> Any:
    import panel as pn

    origins = list(settings.allow_websocket_origin) or None
    if origins is not None:
        origins += [f"{host}:{settings.port}" for host in ("localhost", "127.0.0.1")]
    return pn.io.server.get_server(
        pages, port=settings.port, address=settings.host, prefix=settings.prefix, websocket_origin=origins,
        title="Skydeck", start=False, show=False, autoreload=settings.reload,
        websocket_max_message_size=WEBSOCKET_BYTES, unused_session_lifetime=SESSION_LIFETIME_MS,
        check_unused_sessions=CHECK_SESSIONS_MS, extra_patterns=routes(),
    )  # fmt: skip
