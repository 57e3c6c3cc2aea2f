"""Remote: file systems behind URLs, with limits on how long anything may take."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from skydeck.core.errors import SourceError, SourceMissing
from skydeck.sources.failure import errors_of
from skydeck.sources.location import Location

OPEN_SECONDS = 15.0  # the whole of opening, however many requests that takes
CONNECT_SECONDS = 8.0
SILENCE_SECONDS = 30.0  # a chunk may be slow, but not silent for longer than this

T = TypeVar("T")


def within(seconds: float, location: Location, work: Callable[[], T]) -> T:
    """The result of ``work``, run in a thread of its own. Raises SourceMissing when it isn't there in time.

    The thread is left to end by itself: its sockets have time limits of their own.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    thread = threading.Thread(target=run, name=f"open {location.shown}", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise SourceMissing(
            f"{location.shown} did not answer within {seconds:g} s", remedy="Try again, or check the network"
        )
    return outcome[0]


def storage_options(location: Location, options: Mapping[str, str]) -> dict[str, Any]:
    """What fsspec needs to know: time limits, and for S3 the endpoint and whether to sign requests."""
    if location.is_http:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        return {"client_kwargs": {"timeout": timeout}, "use_listings_cache": False}
    if location.protocol in {"s3", "s3a"}:
        return _s3_options(options)
    return {}


def _s3_options(options: Mapping[str, str]) -> dict[str, Any]:
    try:
        import s3fs  # noqa: F401
    except ImportError as error:
        raise SourceError(
            "s3:// needs the package s3fs, which isn't installed", remedy="Run pip install skydeck[s3]"
        ) from error
    limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": SILENCE_SECONDS, "retries": {"max_attempts": 2}}
    endpoint = (
        options.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    )
    found: dict[str, Any] = {"config_kwargs": limits, "anon": _anonymous(options), "use_listings_cache": False}
    return found | ({"endpoint_url": endpoint} if endpoint else {})


def _anonymous(options: Mapping[str, str]) -> bool:
    """Whether to send unsigned requests: as asked for, else where no credentials are configured."""
    if "anon" in options:
        return options["anon"].lower() in {"1", "true", "yes"}
    from botocore.session import Session

    return Session().get_credentials() is None


def filesystem(location: Location, options: Mapping[str, str]) -> tuple[Any, str]:
    """The fsspec file system of a URL and the path in it."""
    import fsspec

    with errors_of(location):
        found, path = fsspec.core.url_to_fs(location.path, **storage_options(location, options))
    return found, str(path).rstrip("/")
