"""Changes how Reboot configures its Envoy: CORS is left to the application, and web pages of other
origins cannot call Reboot's own RPC.

Stock, the Envoy that Reboot starts answers every preflight itself, with a list of headers that
lacks those of MCP, and lets pages of every origin read every answer; our own CORS headers it
replaces. And a page of any site may call Reboot's RPC surface, which in development includes
admin calls without credentials. So the one function with which Reboot configures Envoy's listener
is wrapped, and what comes out of it has no CORS filter, and refuses pages of other origins on
every route but those of our front door. The installed package stays as it is.

Reboot's knows HTTP/1.1 and newer, on IPv4. Ours serves HTTP/1.0 too, which health checks speak and
nginx unless told otherwise, and listens on `::1` as well, where the machine has it: `localhost` is
that address to some clients.

What Reboot's servers ask each other without a credential is not for the public port: stock, who
knows the ids of a session and of a call waits for the call's task there, gets its response without
a token, and cancels what the call is to complete when they leave.

In development with a `PUBLIC_URL` of this machine, Envoy takes connections of this machine only:
stock, it listens on every interface, and those admin calls with it. It does so in production too if
its proxy is on this machine (`THIS_MACHINE_ONLY`). Otherwise everybody may connect, and nothing is
served but our front door: no service of Reboot's answers, and no inspector. The rule names what is
ours, not what is Reboot's, as its next release may add to that. Stock, in production too, everybody
gets the inspector's pages, and streams that never end. Production leaves what an operator's `rbt`
calls, which asks for the admin secret (`http/rpc_refusals.py`). The server processes, each of which
listens on a port of its own, ask for it too (`admin_calls_are_open`).

Websockets that name no state are refused, as Reboot writes a traceback for each.

Before the server processes are there, Envoy listens already and has nowhere to send a request to.
It then answers 503 and closes the connection. Stock, it answers 502 and keeps the connection, which
goes on with the configuration of its first moment: a client that comes back while the server starts
would be told 502 on it for minutes.

Envoy closes a connection to a server process that has been idle before the process would. Stock, it
keeps such connections for ever, and a request on one that the process closes just then is lost: its
client is told 503.

The web framework around our front door serves nothing by itself: Reboot makes a FastAPI application
and mounts ours into it. FastAPI brings `/docs`, `/redoc` and `/openapi.json`, before our routes and
without our headers, with scripts from elsewhere; they are switched off by arguments that Reboot
0.40.1 does not pass on.

A Reboot whose configuration looks different is not served at all: see `GatewayUnknown`, and
`framework/private_names.py` for the names that this changes. Where
another gateway is in front, as on Reboot Cloud, this configures nothing.
"""

import errno
import functools
import logging
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from fastapi import FastAPI

from gist_mcp.config import Config
from gist_mcp.config_source import is_public_development
from gist_mcp.framework.expectations import FrameworkChanged, original, replaces
from gist_mcp.framework.private_names import (
    ENVVAR_LOCAL_ENVOY_MODE,
    admin_auth,
    envoy_config,
    web_framework,
)
from gist_mcp.http.owner_route import owner_route
from gist_mcp.http.rpc_refusals import ADMIN_CALLS, FRONT_DOOR_CLUSTER_SUFFIX, refusals_before

logger = logging.getLogger(__name__)

CORS_FILTER: Final = "envoy.filters.http.cors"
ROUTER_FILTER: Final = "envoy.filters.http.router"
IDLE_UPSTREAM_SECONDS: Final = 2
"""How long Envoy keeps an idle connection to a server process. The process, which is uvicorn, would
close it after 5 seconds."""

IPV6_LOOPBACK: Final = "::1"
LOOPBACK_PREFIXES: Final = (("127.0.0.0", 8), (IPV6_LOOPBACK, 128))

NO_HOST: Final = "no-host.invalid"
"""What Envoy makes of an HTTP/1.0 request without a `Host`, which it would refuse otherwise. Nobody
can have this name (RFC 2606, 2), so such a request reaches the health check and nothing else."""


class GatewayUnknown(FrameworkChanged):
    """Reboot configures its Envoy in a way that this file was not written for.

    The start ends with it. To go on would not open anything that needs a token, as our own checks
    stay, but pages that may use the server could not, and others could read more than they should.
    """

    def __init__(self, what: str) -> None:
        super().__init__([f"in Reboot's Envoy configuration, {what}"])


class ClosedListener:
    """Reboot's `envoy_config.listener`, whose listeners have our rules for web pages.

    `served_rpc` are beginnings of the paths that are served besides the front door; `None`: all.
    """

    def __init__(
        self,
        stock: Any,
        own: Iterable[str],
        *,
        this_machine_only: bool,
        served_rpc: Sequence[str] | None,
        on_ipv6: bool,
    ) -> None:
        self.replaced = stock
        self._own_origins = sorted(own)
        self._this_machine_only = this_machine_only
        self._served_rpc = served_rpc
        self._on_ipv6 = on_ipv6

    def __call__(self, *arguments: Any, **named: Any) -> Listener:
        """The listener. Raises `GatewayUnknown`."""
        listener: Listener = self.replaced(*arguments, **named)
        filters = [each for chain in listener.filter_chains for each in chain.filters]
        if not filters:
            raise GatewayUnknown("the listener has no filter")
        for each in filters:
            self._change(each)
        if self._this_machine_only:
            # Not by the address that it listens on: Reboot waits for one that listens on all.
            for chain in listener.filter_chains:
                for prefix, bits in LOOPBACK_PREFIXES:
                    loopback = chain.filter_chain_match.source_prefix_ranges.add()
                    loopback.address_prefix = prefix
                    loopback.prefix_len.value = bits
        if self._on_ipv6:
            stock_port = listener.address.socket_address.port_value
            also = listener.additional_addresses.add().address.socket_address
            also.address, also.port_value = IPV6_LOOPBACK, stock_port
        return listener

    def _change(self, network_filter: Filter) -> None:
        manager = http_connection_manager_pb2.HttpConnectionManager()
        if not network_filter.typed_config.Unpack(manager):
            raise GatewayUnknown(f"{network_filter.name} is not an HTTP connection manager")
        kept = [each for each in manager.http_filters if each.name != CORS_FILTER]
        if len(kept) != len(manager.http_filters) - 1:
            raise GatewayUnknown(f"there is not one filter {CORS_FILTER}")
        _replace(manager.http_filters, [owner_route(), *kept])
        manager.http_protocol_options.accept_http_10 = True
        manager.http_protocol_options.default_host_for_http_10 = NO_HOST
        for host in manager.route_config.virtual_hosts:
            host.ClearField("cors")
            # The first route that fits is taken.
            refusals = refusals_before(
                host.routes, served_rpc=self._served_rpc, own_origins=self._own_origins
            )
            _replace(host.routes, [*refusals, *host.routes])
        if not any(host.routes for host in manager.route_config.virtual_hosts):
            _answer_that_it_starts(manager)
        network_filter.typed_config.Pack(manager)


def _answer_that_it_starts(manager: Any) -> None:
    """503 to everything, each on a connection of its own: see the top of this file."""
    # The filters before the router would send requests to servers that are not known yet.
    router = [each for each in manager.http_filters if each.name == ROUTER_FILTER]
    if len(router) != 1:
        raise GatewayUnknown(f"there is not one filter {ROUTER_FILTER}")
    _replace(manager.http_filters, router)
    for host in manager.route_config.virtual_hosts:
        starting = host.routes.add()
        starting.match.prefix = "/"
        starting.direct_response.status = 503
        starting.direct_response.body.inline_string = "The server is starting; try again.\n"
        starting.response_headers_to_add.add(header={"key": "Retry-After", "value": "1"})
    manager.common_http_protocol_options.max_requests_per_connection.value = 1


def _replace(field: Any, values: list[Any]) -> None:
    """Puts other messages into a repeated field."""
    del field[:]
    field.extend(values)


def _short_idle_times(stock: Any) -> Any:
    """Reboot's `envoy_config.clusters`, whose idle connections to our front door end early."""

    @replaces(stock)
    def clusters(*arguments: Any, **named: Any) -> Any:
        made = stock(*arguments, **named)
        ours = [each for each in made if each.name.endswith(FRONT_DOOR_CLUSTER_SUFFIX)]
        if made and not ours:
            raise GatewayUnknown("no cluster is of an HTTP port")
        for each in ours:
            each.common_http_protocol_options.idle_timeout.seconds = IDLE_UPSTREAM_SECONDS
        return made

    return clusters


def close_gateway(config: Config) -> None:
    """From now on, an Envoy that this process starts has our rules for web pages."""
    envoy_config.clusters = _short_idle_times(original(envoy_config.clusters))
    # Reboot's inspector is opened by a loopback name, whatever `PUBLIC_URL` is.
    loopback = {f"http://{name}:{config.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    envoy_config.listener = ClosedListener(
        original(envoy_config.listener),
        config.own_origins.all | loopback,
        this_machine_only=config.is_for_this_machine_only,
        served_rpc=_served_rpc(config),
        on_ipv6=_can_listen_on_ipv6(config.port),
    )


def _served_rpc(config: Config) -> Sequence[str] | None:
    """What of Reboot's RPC is served; see the top of this file."""
    if config.production:
        return ADMIN_CALLS
    return () if config.is_public_development else None


def _can_listen_on_ipv6(port: int) -> bool:
    """True if an Envoy on this machine can have the port on `::1`.

    Envoy would not serve at all if it could not have one of its addresses: where there is no IPv6,
    where another program has the port, or in Docker, whose networks are none of ours.
    """
    if os.environ.get(ENVVAR_LOCAL_ENVOY_MODE) != "executable":
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            # As Envoy itself does, so that one that is just leaving is not in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind((IPV6_LOOPBACK, port))
    except OSError as error:
        # Of another program on it people should hear: clients that know us as `localhost` may
        # reach that one.
        level = logging.WARNING if error.errno == errno.EADDRINUSE else logging.INFO
        logger.log(level, "not listening on [%s]:%d: %s", IPV6_LOOPBACK, port, error.strerror)
        return False
    return True


_stock_running_rbt_dev: Final = original(vars(admin_auth)["running_rbt_dev"])


@replaces(_stock_running_rbt_dev)
def admin_calls_are_open() -> bool:
    """True where Reboot's admin calls ask nobody who they are: in development on one's own machine.

    Otherwise they ask for the admin secret (`servicers/authorizers.py`).
    """
    in_development: bool = _stock_running_rbt_dev()
    # From the environment: the server processes that ask this have no settings of ours yet.
    return in_development and not is_public_development(os.environ)


def ask_admins_who_they_are() -> None:
    """From now on this process's admin calls are open on one's own machine only."""
    admin_auth.running_rbt_dev = admin_calls_are_open  # type: ignore[attr-defined]


def serve_nothing_else() -> None:
    """From now on this process makes such applications without pages of their own."""
    bare = functools.partial(FastAPI, docs_url=None, redoc_url=None, openapi_url=None)
    web_framework.FastAPI = replaces(FastAPI)(bare)  # type: ignore[attr-defined,assignment]
