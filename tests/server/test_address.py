"""Address: who can reach it, whether the port is free, and what to type."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from skydeck.core.errors import SettingsError
from skydeck.server.address import check_exposure, check_port, free_port, is_loopback, tunnel_of, url_of, why_not_bound
from skydeck.settings import load


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("no such host", False),
        ("a" * 300, False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_network_needs_insecure() -> None:
    check_exposure(load(host="127.0.0.1"))
    check_exposure(load(host="0.0.0.0", insecure=True))
    with pytest.raises(SettingsError, match="--insecure"):
        check_exposure(load(host="0.0.0.0"))


def test_a_taken_port_names_a_free_one(taken: int) -> None:
    with pytest.raises(SettingsError, match=f"Port {taken} .*in use") as caught:
        check_port(load(port=taken))
    suggested = int(str(caught.value).rstrip(".").split()[-1])
    assert suggested != taken
    with socket.create_server(("127.0.0.1", suggested)):
        assert why_not_bound("127.0.0.1", suggested)


def test_a_free_port_is_kept_and_zero_is_chosen() -> None:
    port = free_port("127.0.0.1")
    assert port is not None
    assert check_port(load(port=port)).port == port
    chosen = check_port(load(port=0)).port
    with socket.create_server(("127.0.0.1", chosen)):
        pass


@pytest.mark.parametrize("port", [0, 5006])
def test_a_host_of_another_machine_is_refused(port: int) -> None:
    assert free_port("192.0.2.1") is None
    with pytest.raises(SettingsError, match=r"Nothing can listen on 192\.0\.2\.1"):
        check_port(load(host="192.0.2.1", port=port))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5006/sky/"),
        ("0.0.0.0", "http://127.0.0.1:5006/sky/"),
        ("::1", "http://[::1]:5006/sky/"),
        ("::", "http://[::1]:5006/sky/"),
        ("sky.edu", "http://sky.edu:5006/sky/"),
    ],
)
def test_the_url_can_be_typed(host: str, url: str) -> None:
    assert url_of(load(host=host, prefix="sky")) == url


def test_somebody_who_came_by_ssh_is_told_the_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    environment = {"SSH_CONNECTION": "192.0.2.7 51000 192.0.2.1 22"}
    assert tunnel_of(load(port=5007), environment) == "ssh -L 5007:127.0.0.1:5007 ada@192.0.2.1"
    assert tunnel_of(load(host="::1"), environment) == "ssh -L 5006:[::1]:5006 ada@192.0.2.1"
    only_client = tunnel_of(load(host="0.0.0.0"), {"SSH_CLIENT": "192.0.2.7 51000 22"})
    assert only_client == f"ssh -L 5006:127.0.0.1:5006 ada@{socket.gethostname()}"
    assert tunnel_of(load(), {}) == ""
