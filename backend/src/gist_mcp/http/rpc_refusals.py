"""Routes of Envoy that refuse what of Reboot's RPC surface is not for who asks.

They stand before Reboot's own routes, of which the first that fits is taken. `reboot_gateway.py`
says why, and what is served where.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from envoy.config.route.v3.route_components_pb2 import Route

from gist_mcp.framework.private_names import STATE_REF_HEADER

FRONT_DOOR_CLUSTER_SUFFIX: Final = "_http"
"""How Reboot names the clusters of the HTTP ports, which are ours. The others are of its RPC."""

AMONG_SERVERS: Final = (
    "/rbt.v1alpha1.Tasks/Wait",
    "/rbt.v1alpha1.Participant/",
    "/rbt.v1alpha1.Coordinator/",
)
"""Beginnings of the paths on which Reboot asks nobody who they are. Its servers reach each other
directly, never through Envoy. The other methods of `Tasks` are for admins and ask."""

ADMIN_CALLS: Final = ("/rbt.v1alpha1.admin.ExportImport/", "/rbt.v1alpha1.Tasks/")
"""Beginnings of the paths of `rbt export`, `rbt import` and `rbt task`."""

NOT_FROM_OUTSIDE: Final = "Not from outside.\n"


def refusals_before(
    routes: Sequence[Route], *, served_rpc: Sequence[str] | None, own_origins: Iterable[str]
) -> list[Route]:
    """What goes before Reboot's `routes`; nothing as long as there are none.

    `served_rpc` are beginnings of the paths that are served besides the front door; `None`: all.
    Nothing but the front door is served to pages of other origins than `own_origins`.
    """
    of_reboot = [
        each for each in routes if not each.route.cluster.endswith(FRONT_DOOR_CLUSTER_SUFFIX)
    ]
    refusals = [*_among_servers(routes), *_websockets_without_state(routes)]
    if served_rpc is not None:
        refusals += [_refusal_but_for(served_rpc, each) for each in of_reboot]
    return [*refusals, *(_refusal_for_pages_but_of(own_origins, each) for each in of_reboot)]


def _refusal_but_for(served: Iterable[str], route: Route) -> Route:
    """A route that answers 403 to the same requests, unless their path begins like one served."""
    refusal = _instead_of(route, 403, NOT_FROM_OUTSIDE)
    for prefix in served:
        not_served = refusal.match.headers.add(name=":path", invert_match=True)
        not_served.string_match.prefix = prefix
    return refusal


def _refusal_for_pages_but_of(own_origins: Iterable[str], route: Route) -> Route:
    """A route that answers 403 to the same requests of pages that are of another origin."""
    refusal = _instead_of(route, 403, "Not for web pages.\n")
    refusal.match.headers.add(name="origin", present_match=True)
    for origin in own_origins:
        known = refusal.match.headers.add(name="origin", invert_match=True)
        known.string_match.exact = origin
    return refusal


def _among_servers(routes: Sequence[Route]) -> list[Route]:
    """Routes that answer 403 to everybody, for what only servers ask; none before there are any."""
    if not routes:
        return []
    refusals = []
    for prefix in AMONG_SERVERS:
        # Whatever else the request has: a server's name, a media type, an origin.
        refusal = Route()
        refusal.match.prefix = prefix
        refusal.direct_response.status = 403
        refusal.direct_response.body.inline_string = NOT_FROM_OUTSIDE
        refusals.append(refusal)
    return refusals


def _websockets_without_state(routes: Iterable[Route]) -> list[Route]:
    """For each route of websockets one that answers 404 to those that name no state."""
    refusals = []
    for route in routes:
        if any(header.name == "upgrade" for header in route.match.headers):
            refusal = _instead_of(route, 404, "No such websocket.\n")
            refusal.match.headers.add(name=STATE_REF_HEADER, present_match=False)
            refusals.append(refusal)
    return refusals


def _instead_of(route: Route, status: int, text: str) -> Route:
    """A route for the same requests that answers itself."""
    answer = Route()
    answer.CopyFrom(route)
    # In the place of the cluster: a route does one thing.
    answer.direct_response.status = status
    answer.direct_response.body.inline_string = text
    return answer
