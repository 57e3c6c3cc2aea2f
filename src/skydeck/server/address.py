"""Address: where Skydeck listens, whether it may and can, and how people get there."""

from __future__ import annotations

import getpass
import ipaddress
import socket
from collections.abc import Mapping

from skydeck.core.errors import SettingsError
from skydeck.settings import Settings

NEARBY = 100


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; False for a name that can't be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_loopback for entry in found)


def check_exposure(settings: Settings) -> None:
    """Raise SettingsError where a network could reach pages that ask nobody who they are."""
    if settings.insecure or is_loopback(settings.host):
        return
    raise SettingsError(
        f"{settings.host} can be reached from a network, and nothing here asks users who they are",
        remedy="Keep the host 127.0.0.1 and use an ssh tunnel or a proxy that knows its users, or add --insecure",
    )


def why_not_bound(host: str, port: int) -> str:
    """Why a port can't be listened on now, as the system says it; empty where it can."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, UnicodeError, OverflowError) as error:
        return getattr(error, "strerror", "") or str(error) or "it can't be resolved"
    return ""


def free_port(host: str, near: int = 0) -> int | None:
    """A free port: the first above ``near``, else any; None where the host itself is the problem."""
    candidates = [*range(near + 1, min(near + NEARBY, 65536))] if near else []
    for port in candidates:
        if not why_not_bound(host, port):
            return port
    if why_not_bound(host, 0):
        return None
    with (
        socket.create_server((host, 0))
        if ":" not in host
        else socket.create_server((host, 0), family=socket.AF_INET6) as probe
    ):
        return int(probe.getsockname()[1])


def check_port(settings: Settings) -> Settings:
    """The Settings with a port that was free a moment ago, chosen where it is 0.

    Raises SettingsError with another port to use where the one asked for is taken.
    """
    problem = why_not_bound(settings.host, settings.port) if settings.port else ""
    other = free_port(settings.host, settings.port) if problem or not settings.port else settings.port
    if other is None:
        raise SettingsError(
            f"Nothing can listen on {settings.host}: {why_not_bound(settings.host, 0)}",
            expected="An address of this machine, such as 127.0.0.1",
        )
    if problem:
        raise SettingsError(
            f"Port {settings.port} of {settings.host} can't be used: {problem}",
            remedy=f"Stop what uses it, or add --port {other}",
        )
    return settings if settings.port else settings.model_copy(update={"port": other})


def url_of(settings: Settings) -> str:
    """The address to type into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{bracketed}:{settings.port}{settings.prefix}/"


def tunnel_of(settings: Settings, environment: Mapping[str, str]) -> str:
    """The ssh command that brings the port to the machine the user sits at; empty where nobody came by ssh."""
    if not ("SSH_CONNECTION" in environment or "SSH_CLIENT" in environment):
        return ""
    parts = environment.get("SSH_CONNECTION", "").split()
    machine = parts[2] if len(parts) == 4 else socket.gethostname()
    target = settings.host if is_loopback(settings.host) else "127.0.0.1"
    target = f"[{target}]" if ":" in target else target
    return f"ssh -L {settings.port}:{target}:{settings.port} {_user()}@{machine}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return "user"
