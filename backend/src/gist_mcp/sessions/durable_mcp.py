"""DurableMCP as this project uses it: closed to outside callers, without credentials in state.

Everything here subclasses or wraps; the package `durable-mcp` stays as it is. "Stock" below means
DurableMCP without our changes.
"""

import contextlib
import contextvars
import functools
import hmac
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import reboot.mcp.server
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared.message import SessionMessage
from pydantic import AnyHttpUrl
from rbt.mcp.v1.stream_pb2 import ReplayRequest, ReplayResponse
from reboot.aio.contexts import ReaderContext
from reboot.aio.external import ExternalContext
from reboot.mcp.server import DurableMCP, StreamableHTTPASGIApp
from reboot.mcp.servicers.session import _servers
from reboot.mcp.servicers.stream import StreamServicer
from reboot.std.collections.v1 import sorted_map
from rebootdev.aio.servicers import Servicer
from starlette.requests import Request
from starlette.types import ASGIApp

from gist_mcp.config import Config
from gist_mcp.principal import McpSessionId, Principal
from gist_mcp.servicers.authorizers import front_door_only
from gist_mcp.sessions.message_workflow import AnsweringSessionServicer

MCP_PATH = "/mcp"

TransportStreams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]

current_principal: contextvars.ContextVar[Principal] = contextvars.ContextVar("current_principal")
"""The caller of the request that DurableMCP gets. Only the second pass sets it."""

SESSION_HANDLE = "mcp-session"
"""What DurableMCP sees, and stores, in the place of a bearer token. It opens nothing."""

FROM_THE_START = ""
"""The event before the first of a stream. Clients cannot name it."""


class ClosedStreamServicer(StreamServicer):
    """DurableMCP's `Stream`, for the front door and the application only."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        # Stock, whoever reaches the port can read every stream, with the results of all users.
        return front_door_only()

    async def Replay(  # noqa: N802 - Reboot's name
        self, context: ReaderContext, request: ReplayRequest
    ) -> ReplayResponse:
        """The events after one of them, or all: stock, it takes the latter for unknown."""
        if request.HasField("last_event_id") and request.last_event_id == FROM_THE_START:
            request = ReplayRequest()
        return await super().Replay(context, request)


class EndingTransport(StreamableHTTPServerTransport):
    """The MCP SDK's transport of one session, which may be ended by its client.

    `terminate` closes the stream that DurableMCP reads, and stock, DurableMCP takes what the stream
    then raises for a crash of the session.
    """

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[TransportStreams]:
        """The streams, until the session ends. Raises what goes wrong in a living session."""
        try:
            async with super().connect() as streams:
                yield streams
        except* anyio.ClosedResourceError:
            if not self.is_terminated:
                raise


def end_sessions_quietly() -> None:
    """From now on DurableMCP makes such transports in this process."""
    reboot.mcp.server.StreamableHTTPServerTransport = EndingTransport  # type: ignore[attr-defined]


class PrincipalVerifier(TokenVerifier):
    """The MCP SDK's `TokenVerifier`, behind the front door.

    The first pass has verified the bearer token. The request that comes here has a fixed handle in
    its place.
    """

    async def verify_token(self, token: str) -> AccessToken | None:
        """The caller of the current request, or `None` outside of the front door."""
        principal = current_principal.get(None)
        if principal is None or not hmac.compare_digest(token.encode(), SESSION_HANDLE.encode()):
            return None
        # Stock, DurableMCP stores this object with each message. So it names the caller and holds
        # no token.
        return AccessToken(token=SESSION_HANDLE, client_id=principal.login, scopes=[])


class ClosedDurableMCP(DurableMCP):
    """DurableMCP whose state is closed and whose requests come through our front door."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            path=MCP_PATH,
            auth=AuthSettings(
                issuer_url=AnyHttpUrl(config.public_url),
                resource_server_url=AnyHttpUrl(config.resource),
            ),
            token_verifier=PrincipalVerifier(),
        )

    def servicers(self) -> list[type[Servicer]]:
        """All state types that DurableMCP needs, each with a closed authorizer."""
        # Stock, `Session` is open to whoever reaches the port, and unpickles a part of its request:
        # arbitrary code would run in this process.
        return [AnsweringSessionServicer, ClosedStreamServicer, *sorted_map.servicers()]


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


def mcp_app(
    factory: Callable[..., Any], secret: str, from_request: ExternalContextFactory
) -> ASGIApp:
    """DurableMCP's ASGI application, calling Reboot as the front door."""
    end_sessions_quietly()
    app: ASGIApp = factory(functools.partial(front_door_context, secret, from_request))
    return app


def sdk_server() -> Server[Any, Any]:
    """The MCP SDK's server of this process, with our tools. Made by `mcp_app`."""
    return _servers[MCP_PATH]


def drop_crashed_transport(app: ASGIApp, session_id: McpSessionId) -> bool:
    """Lets DurableMCP make a new transport for a session whose transport has crashed.

    Stock, it keeps the crashed one, and the session is dead until the process ends. `app` is what
    `mcp_app` made. True if there was one.
    """
    endpoint = _endpoint(app)
    task = endpoint._connect_tasks.get(session_id)
    if task is None or not task.done():
        return False
    del endpoint._connect_tasks[session_id]
    endpoint._http_transports.pop(session_id, None)
    return True


def _endpoint(app: Any) -> StreamableHTTPASGIApp:
    """What is behind DurableMCP's one route and its check of the bearer token."""
    (route,) = app.routes
    endpoint: StreamableHTTPASGIApp = route.app.app
    return endpoint
