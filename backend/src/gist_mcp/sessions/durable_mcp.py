"""DurableMCP as this project uses it, and how the application calls Reboot.

DurableMCP knows the tools, and gives each its `DurableContext`. Its HTTP endpoint, which makes each
message a workflow within a workflow, is not served: a tool call is one workflow of ours, and
nothing else is durable. Everything here subclasses or wraps; the package `durable-mcp` stays as it
is.
"""

from collections.abc import Callable
from typing import Any

from mcp.server.lowlevel.server import Server
from reboot.aio.external import ExternalContext
from reboot.mcp.server import DurableMCP
from reboot.std.collections.v1 import sorted_map
from rebootdev.aio.servicers import Servicer
from starlette.requests import Request

from gist_mcp.framework.private_names import sdk_servers
from gist_mcp.sessions.earlier_release import AdoptingSessionServicer, ClosedStreamServicer

MCP_PATH = "/mcp"


class ClosedDurableMCP(DurableMCP):
    """DurableMCP whose state is closed to callers from outside."""

    def __init__(self) -> None:
        super().__init__(path=MCP_PATH)

    def servicers(self) -> list[type[Servicer]]:
        """All state types of DurableMCP, each with a closed authorizer."""
        return [AdoptingSessionServicer, ClosedStreamServicer, *sorted_map.servicers()]


class FrontDoorContext(ExternalContext):
    """A context whose calls do not depend on how the others end.

    Stock, a mutation that was cut off, as when a client disconnects, makes every later mutation
    with the context fail, so that nobody repeats the first by mistake. DurableMCP keeps one
    context for a session, so one lost connection would end the session. It need not: each of our
    mutations may be repeated, or is never repeated.
    """

    @property
    def _uncertain_mutation(self) -> bool:
        return False

    @_uncertain_mutation.setter
    def _uncertain_mutation(self, is_uncertain: bool) -> None:
        pass


ExternalContextFactory = Callable[[Request], ExternalContext]


def front_door_context(
    secret: str, from_request: ExternalContextFactory, request: Request
) -> ExternalContext:
    """A context that calls Reboot as the front door."""
    # Reboot makes a context from the request, with the caller's bearer token, and would send that
    # token to every servicer.
    original = from_request(request)
    return FrontDoorContext(
        name=original.name, channel_manager=original.channel_manager, bearer_token=secret
    )


def sdk_server(
    factory: Callable[..., Any], from_request: ExternalContextFactory
) -> Server[Any, Any]:
    """The MCP SDK's server of this process, with DurableMCP's tools, which it lists."""
    factory(from_request)
    return sdk_servers[MCP_PATH]
