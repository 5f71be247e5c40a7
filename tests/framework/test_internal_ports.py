"""Where Reboot's internal ports are open.

tests/security/test_other_machines.py tries all of a running application.
"""

import socket
from collections.abc import Iterator

import pytest
from reboot.aio import http, react
from reboot.controller import server_managers
from rebootdev.server.database import DatabaseServer

from gist_mcp.errors import ConfigError
from gist_mcp.framework import internal_ports
from gist_mcp.framework.internal_ports import (
    PortStaysOpen,
    check_that_envoy_runs_here,
    close_to_other_machines,
    listen_on_this_machine_only,
)

ANYWHERE = "0.0.0.0"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """As Reboot's database has it: on every interface, for IPv4 and IPv6."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as made:
        yield made


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def device_of(listener: socket.socket) -> bytes:
    return listener.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0")


def test_a_port_that_is_closed_to_others_serves_this_machine(listener: socket.socket) -> None:
    close_to_other_machines(port_of(listener))

    assert device_of(listener) == b"lo"
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port_of(listener)), timeout=5).close()


def test_other_ports_stay_as_they_are(listener: socket.socket) -> None:
    with socket.create_server(("", 0)) as another:
        close_to_other_machines(port_of(listener))

        assert device_of(another) == b""


def test_a_database_that_listens_nowhere_is_not_taken_for_a_closed_one() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        with pytest.raises(PortStaysOpen, match="no socket that listens"):
            close_to_other_machines(port_of(bound))


def test_a_system_that_does_not_close_the_port_stops_the_start(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internal_ports, "LOOPBACK_INTERFACE", b"no-such-device")

    with pytest.raises(PortStaysOpen, match=r"Linux 5\.7"):
        close_to_other_machines(port_of(listener))


def test_an_envoy_in_a_container_of_its_own_is_refused_by_its_setting() -> None:
    with pytest.raises(ConfigError) as refused:
        check_that_envoy_runs_here({"REBOOT_LOCAL_ENVOY_MODE": "docker"})

    assert refused.value.variable == "REBOOT_LOCAL_ENVOY_MODE"


@pytest.mark.parametrize("environ", [{"REBOOT_LOCAL_ENVOY_MODE": "executable"}, {}])
def test_an_envoy_beside_us_is_taken(environ: dict[str, str]) -> None:
    check_that_envoy_runs_here(environ)


def test_on_reboot_cloud_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REBOOT_CLOUD_VERSION", "1")
    monkeypatch.setattr(react, "EVERY_LOCAL_NETWORK_ADDRESS", ANYWHERE)
    monkeypatch.setattr(server_managers, "EVERY_LOCAL_NETWORK_ADDRESS", ANYWHERE)
    stock = object()
    monkeypatch.setattr(http, "uvicorn", stock)
    monkeypatch.setattr(DatabaseServer, "__init__", stock)

    listen_on_this_machine_only()

    assert vars(react)["EVERY_LOCAL_NETWORK_ADDRESS"] == ANYWHERE
    assert vars(server_managers)["EVERY_LOCAL_NETWORK_ADDRESS"] == ANYWHERE
    assert vars(http)["uvicorn"] is vars(DatabaseServer)["__init__"] is stock
