"""What comes of the listener that Reboot makes for its Envoy."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from reboot.routing import envoy_config
from rebootdev.aio.types import ApplicationId
from rebootdev.settings import ENVVAR_LOCAL_ENVOY_MODE

from gist_mcp.config_source import parse_config
from gist_mcp.framework.expectations import original
from gist_mcp.http.owner_route import FILTER_NAME
from gist_mcp.http.rpc_refusals import ADMIN_CALLS, AMONG_SERVERS, NOT_FROM_OUTSIDE
from gist_mcp.reboot_gateway import ClosedListener, GatewayUnknown, close_gateway
from tests.support.ports import free_port

CONFIG = parse_config({"PORT": "9991", "TOKEN_KEYS": "k" * 40}, production=False)


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reboot's own functions, in place for the time of a test."""
    monkeypatch.setattr(envoy_config, "clusters", original(envoy_config.clusters))
    function = original(envoy_config.listener)
    monkeypatch.setattr(envoy_config, "listener", function)
    return function


SERVER = envoy_config.ServerInfo(
    server_id="app", address=envoy_config.ServerAddress("127.0.0.1", 1, 2, 3), shards=[]
)


def listener(port: int = 9991, *, servers: int = 1) -> Listener:
    """What an Envoy gets, with so many server processes behind it."""
    made: Listener = envoy_config.listener(
        application_id=ApplicationId("app"),
        servers=[SERVER] * servers,
        file_descriptor_set=FileDescriptorSet(),
        port=port,
        use_tls=False,
        certificate_path=Path("none"),
        key_path=Path("none"),
    )
    return made


def managers(made: Listener) -> Iterator[Any]:
    for chain in made.filter_chains:
        for each in chain.filters:
            manager = http_connection_manager_pb2.HttpConnectionManager()
            assert each.typed_config.Unpack(manager)
            yield manager


def test_the_gateway_has_nothing_left_of_cors(stock: Any) -> None:
    (before,) = managers(listener())

    close_gateway(CONFIG)

    (after,) = managers(listener())
    names = [each.name for each in before.http_filters]
    kept = [name for name in names if name != "envoy.filters.http.cors"]
    # Before Reboot's filters, which read the header that it writes.
    assert [each.name for each in after.http_filters] == [FILTER_NAME, *kept]
    assert before.route_config.virtual_hosts[0].HasField("cors")
    assert not after.route_config.virtual_hosts[0].HasField("cors")


def test_every_route_of_the_rpc_surface_has_a_refusal_in_front(stock: Any) -> None:
    (before,) = managers(listener())
    routes = list(before.route_config.virtual_hosts[0].routes)

    close_gateway(CONFIG)

    (after,) = managers(listener())
    answering = [r for r in after.route_config.virtual_hosts[0].routes if r.direct_response.status]
    refusals = [r for r in answering if r.direct_response.status == 403]
    rest = after.route_config.virtual_hosts[0].routes[len(answering) :]
    by_path = [r for r in refusals if not r.match.headers]
    by_origin = [r for r in refusals if r.match.headers]
    assert [r.match.prefix for r in by_path] == list(AMONG_SERVERS)
    assert len(by_origin) == len(routes) - 1
    assert list(rest) == routes
    assert all(r.match.headers[-1].string_match.exact.endswith(":9991") for r in by_origin)


@pytest.mark.parametrize(
    ("production", "public_url", "only_this_machine"),
    [
        (False, "", True),
        (False, "http://127.0.0.1:9991", True),
        (False, "https://gists.example.com", False),
        (True, "http://localhost:9991", False),
    ],
)
def test_development_for_this_machine_is_reached_from_it_only(
    stock: Any, production: bool, public_url: str, only_this_machine: bool
) -> None:
    close_gateway(
        CONFIG.model_copy(
            update={"production": production, "public_url": public_url or CONFIG.public_url}
        )
    )

    (chain,) = listener().filter_chains
    ranges = [
        (each.address_prefix, each.prefix_len.value)
        for each in chain.filter_chain_match.source_prefix_ranges
    ]
    assert ranges == ([("127.0.0.0", 8), ("::1", 128)] if only_this_machine else [])


def test_development_for_others_serves_the_front_door_only(stock: Any) -> None:
    public = parse_config(
        {"TOKEN_KEYS": "k" * 40, "PUBLIC_URL": "https://gists.example.com", "DEV_PUBLIC": "1"},
        production=False,
    )
    (before,) = managers(listener())
    routes = list(before.route_config.virtual_hosts[0].routes)

    close_gateway(public)

    (after,) = managers(listener())
    served = list(after.route_config.virtual_hosts[0].routes)
    (front_door,) = [r for r in routes if r.route.cluster == "app_http"]
    of_reboot = [r.match for r in routes if r != front_door]
    refused = [r.match for r in served if r.direct_response.status == 403]
    assert len(of_reboot) > 1
    # For exactly the requests that Reboot would answer, whatever else they carry, and before it.
    assert all(match in refused for match in of_reboot)
    assert served[-len(routes) :] == routes


def test_production_serves_the_front_door_and_what_admins_call(stock: Any) -> None:
    (before,) = managers(listener())
    routes = list(before.route_config.virtual_hosts[0].routes)

    close_gateway(CONFIG.model_copy(update={"production": True}))

    (after,) = managers(listener())
    served = list(after.route_config.virtual_hosts[0].routes)
    of_reboot = [r.match for r in routes if r.route.cluster != "app_http"]
    refused = [r.match for r in served if r.direct_response.body.inline_string == NOT_FROM_OUTSIDE]
    # After those of what only servers ask.
    for stock_match, match in zip(of_reboot, refused[len(AMONG_SERVERS) :], strict=True):
        excepted = match.headers[len(stock_match.headers) :]
        assert [header.string_match.prefix for header in excepted] == list(ADMIN_CALLS)
        assert all(header.name == ":path" and header.invert_match for header in excepted)
        assert list(match.headers[: len(stock_match.headers)]) == list(stock_match.headers)


@pytest.mark.parametrize("servers", [0, 1])
def test_http_1_0_is_served_and_without_a_host_it_has_nobodys(stock: Any, servers: int) -> None:
    close_gateway(CONFIG)

    (manager,) = managers(listener(servers=servers))
    assert manager.http_protocol_options.accept_http_10
    assert manager.http_protocol_options.default_host_for_http_10.endswith(".invalid")


def addresses(made: Listener) -> list[tuple[str, int]]:
    each = [made.address, *(more.address for more in made.additional_addresses)]
    return [(one.socket_address.address, one.socket_address.port_value) for one in each]


@pytest.mark.parametrize(
    ("this_machine_only", "sources"), [(True, ["127.0.0.0", "::1"]), (False, [])]
)
def test_in_production_it_is_told_whether_other_machines_may_connect(
    stock: Any, this_machine_only: bool, sources: list[str]
) -> None:
    settings = {"production": True, "this_machine_only": this_machine_only}

    close_gateway(CONFIG.model_copy(update=settings))

    (chain,) = listener().filter_chains
    ranges = chain.filter_chain_match.source_prefix_ranges
    assert [each.address_prefix for each in ranges] == sources


def test_it_listens_on_both_loopback_addresses(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVVAR_LOCAL_ENVOY_MODE, "executable")
    port = free_port()

    close_gateway(CONFIG.model_copy(update={"port": port}))

    # Reboot waits for the first of them.
    assert addresses(listener(port)) == [("0.0.0.0", port), ("::1", port)]


def test_where_the_port_of_ipv6_is_somebody_elses_the_other_is_served(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVVAR_LOCAL_ENVOY_MODE, "executable")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]

        close_gateway(CONFIG.model_copy(update={"port": port}))

    assert addresses(listener(port)) == [("0.0.0.0", port)]


def test_without_ipv6_it_is_served_as_well(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ipv6(family: int, *arguments: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setenv(ENVVAR_LOCAL_ENVOY_MODE, "executable")
    monkeypatch.setattr(socket, "socket", without_ipv6)

    close_gateway(CONFIG)

    assert addresses(listener()) == [("0.0.0.0", 9991)]


def test_an_envoy_in_docker_has_addresses_of_its_own(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVVAR_LOCAL_ENVOY_MODE, "docker")

    close_gateway(CONFIG)

    assert addresses(listener()) == [("0.0.0.0", 9991)]


def test_without_a_server_every_connection_ends_with_its_503(stock: Any) -> None:
    close_gateway(CONFIG)

    (manager,) = managers(listener(servers=0))
    (route,) = manager.route_config.virtual_hosts[0].routes
    assert (route.match.prefix, route.direct_response.status) == ("/", 503)
    assert manager.common_http_protocol_options.max_requests_per_connection.value == 1
    (with_a_server,) = managers(listener())
    assert not with_a_server.HasField("common_http_protocol_options")


def test_closing_it_again_is_closing_it_once(stock: Any) -> None:
    close_gateway(CONFIG)
    once = listener()

    close_gateway(CONFIG)

    assert listener() == once


def test_an_idle_connection_to_a_server_process_ends_before_the_process_ends_it(
    stock: Any,
) -> None:
    close_gateway(CONFIG)

    made = envoy_config.clusters(application_id=ApplicationId("app"), servers=[SERVER])

    (front_door,) = [each for each in made if each.name.endswith("_http")]
    idle_seconds = front_door.common_http_protocol_options.idle_timeout.ToSeconds()
    # Reboot leaves uvicorn's setting as it is.
    assert 0 < idle_seconds < uvicorn.Config("app").timeout_keep_alive
    # Streams of Reboot's RPC may be silent for long.
    others = [each for each in made if each is not front_door]
    assert {each.common_http_protocol_options.idle_timeout.ToSeconds() for each in others} == {0}


def test_clusters_of_an_unknown_shape_are_not_served(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envoy_config, "clusters", lambda **_: [Cluster(name="another")])
    close_gateway(CONFIG)

    with pytest.raises(GatewayUnknown, match="no cluster is of an HTTP port"):
        envoy_config.clusters(application_id=ApplicationId("app"), servers=[SERVER])


def without_filters(made: Listener) -> None:
    made.ClearField("filter_chains")


def of_another_kind(made: Listener) -> None:
    made.filter_chains[0].filters[0].typed_config.Pack(Listener())


def without_cors_filter(made: Listener) -> None:
    (manager,) = managers(made)
    for each in manager.http_filters:
        each.name = each.name.replace("cors", "another")
    made.filter_chains[0].filters[0].typed_config.Pack(manager)


@pytest.mark.parametrize("change", [without_filters, of_another_kind, without_cors_filter])
def test_a_listener_of_an_unknown_shape_is_not_served(stock: Any, change: Any) -> None:
    made = listener()
    change(made)

    with pytest.raises(GatewayUnknown, match="has changed"):
        ClosedListener(lambda: made, [], this_machine_only=False, served_rpc=None, on_ipv6=False)()
