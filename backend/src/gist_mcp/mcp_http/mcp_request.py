"""A request to `/mcp`, read and checked: method, media types, headers, and its JSON-RPC message."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from gist_mcp.http.body import read_body
from gist_mcp.http.media_types import check_media_types
from gist_mcp.mcp_http.json_rpc import JsonRpcId, JsonRpcMessage, parse_message

METHODS: Final = ("GET", "POST", "DELETE")

SESSION_HEADER: Final = "mcp-session-id"
VERSION_HEADER: Final = "mcp-protocol-version"
READ_ONLY_HEADER: Final = "x-mcp-readonly"
"""With `true` the client gives up, for this request, all tools that change something. The name is
that of GitHub's own MCP server."""

_EVENT_ID = re.compile(r"(?P<call>[0-9a-f]{32})/(?P<event>[A-Za-z0-9._-]{1,200})\Z")
_OLD_EVENT_ID = re.compile(r"VSCODE_GET/[A-Za-z0-9._-]{1,200}\Z")
"""An event on the stream of a GET, as an earlier release named it for VS Code."""


@dataclass(frozen=True)
class EventId:
    """An event of a call: our id of the call, and the event's name within it.

    `request_id` is `None` for an event of an earlier release that names no call.
    """

    request_id: str | None
    event: str


class Refused(Exception):
    """The request is answered with a JSON-RPC error, under an HTTP status of its own.

    `json_rpc_id` is the id that the error has, `headers` are added to the response.
    """

    def __init__(
        self,
        status_code: int,
        text: str,
        *,
        json_rpc_id: JsonRpcId | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status_code = status_code
        self.json_rpc_id = json_rpc_id
        self.headers = headers


@dataclass(frozen=True, kw_only=True)
class McpRequest:
    """One request. A POST has a `message`, and its bytes as `body`; GET and DELETE have none.

    `session_header` and `version_header` are the texts of `Mcp-Session-Id` and
    `Mcp-Protocol-Version` as they came, `None` where there is no such header. Only a GET has a
    `last_event_id`. `read_only`: the client wants nothing changed (`X-MCP-Readonly`).
    """

    method: str
    session_header: str | None
    version_header: str | None
    last_event_id: EventId | None = None
    body: bytes = field(default=b"", repr=False)
    message: JsonRpcMessage | None = None
    read_only: bool = False

    @property
    def is_initialize(self) -> bool:
        """It begins a session."""
        return self.message is not None and self.message.is_initialize

    @property
    def json_rpc_id(self) -> JsonRpcId | None:
        """The id of its message, if that is a JSON-RPC request."""
        return None if self.message is None else self.message.json_rpc_id

    @property
    def tool_name(self) -> str | None:
        """The tool that it calls, if it calls one."""
        return None if self.message is None else self.message.tool_name

    @property
    def cancelled_id(self) -> JsonRpcId | None:
        """The JSON-RPC request that it cancels, if it cancels one."""
        return None if self.message is None else self.message.cancelled_id


async def read_mcp_request(
    request: Request,
    *,
    max_body_bytes: int,
    read: Callable[[Request, int], Awaitable[bytes]] = read_body,
) -> McpRequest:
    """The request. `read` reads its body, as `read_body` does.

    Raises `Refused`, `MediaTypeRefused`, `InvalidMessage`, and what `read` raises.
    """
    if request.method not in METHODS:
        raise Refused(405, "Method Not Allowed", headers={"Allow": ", ".join(METHODS)})
    check_media_types(request)
    # A client comes back for a stream by GET (MCP 2025-11-25, transports, "Resumability and
    # Redelivery"). With a POST the header says nothing, and some clients go on sending it.
    last_event_id = _last_event_id(request) if request.method == "GET" else None
    read_only = _is_read_only(request)
    body = await read(request, max_body_bytes) if request.method == "POST" else b""
    return McpRequest(
        method=request.method,
        session_header=request.headers.get(SESSION_HEADER),
        version_header=request.headers.get(VERSION_HEADER),
        last_event_id=last_event_id,
        body=body,
        message=parse_message(body) if request.method == "POST" else None,
        read_only=read_only,
    )


def _is_read_only(request: Request) -> bool:
    """What `X-MCP-Readonly` says. Raises `Refused` for all but one `true` or `false`."""
    values = request.headers.getlist(READ_ONLY_HEADER)
    if not values:
        return False
    # Never guessed: a client that misspells the value believes that nothing can be changed. Two
    # headers, one of them perhaps of a proxy, are no answer either.
    (value, *more) = (each.strip().lower() for each in values)
    if more or value not in ("true", "false"):
        text = "Bad Request: X-MCP-Readonly must be given once, as true or false"
        raise Refused(400, text)
    return value == "true"


def _last_event_id(request: Request) -> EventId | None:
    header = request.headers.get("last-event-id")
    if header is None:
        return None
    named = _EVENT_ID.match(header)
    if named is not None:
        return EventId(named["call"], named["event"])
    if _OLD_EVENT_ID.match(header):
        return EventId(None, "")
    raise Refused(400, "Bad Request: Last-Event-ID is not one of this server")
