"""Forwards a request to the server process that owns its session, and passes the response back."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gist_mcp.deps import Deps
from gist_mcp.http.media_types import takes_events
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.fair_turns import others_meanwhile
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER, McpRequest
from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.sessions.hop import Authenticated, Hop, forward
from gist_mcp.sessions.internal_http import DeliveryUnknown, NotDelivered
from gist_mcp.sessions.placement import state_ref

_FORWARDED_HEADERS: Final = frozenset(
    {
        "accept",
        "content-type",
        "last-event-id",
        "mcp-protocol-version",
        "user-agent",
        SESSION_HEADER,
    }
)
"""Headers of the client that go on. An allowlist: everything else stays behind, the bearer token
above all, and `x-reboot-*`, with which a client could address any state."""

_RETURNED_HEADERS: Final = frozenset(
    {
        "cache-control",
        "content-type",
        "retry-after",
        "www-authenticate",
        # Without it nginx keeps an event stream back until a buffer is full.
        "x-accel-buffering",
        SESSION_HEADER,
    }
)


async def forward_to_owner(
    deps: Deps, request: Request, asked: McpRequest, caller: Authenticated
) -> Response:
    """The response of the process that owns the session.

    Raises `NotDelivered`: the request was certainly not acted on, or may be repeated.
    """
    headers = {name: value for name, value in request.headers.items() if name in _FORWARDED_HEADERS}
    hop = Hop(
        method=request.method,
        path=MCP_PATH,
        state_ref=state_ref(caller.session_id),
        caller=caller,
    )
    # The response to a client that takes no events begins when its call has ended.
    is_long = asked.tool_name is not None and not takes_events(request)
    try:
        with others_meanwhile(request, len(asked.body)) if is_long else contextlib.nullcontext():
            upstream = await forward(
                deps.forwarding(),
                hop,
                own_url=deps.config.own_origins.asked_for(request),
                headers=headers,
                content=asked.body,
            )
    except DeliveryUnknown:
        # A POST may have created a gist, so it is never sent twice. GET and DELETE are idempotent
        # (RFC 9110, 9.2.2), so they may be sent again.
        if request.method != "POST":
            raise NotDelivered from None
        return challenges.lost()
    kept = {name: value for name, value in upstream.headers.items() if name in _RETURNED_HEADERS}
    return StreamingResponse(_relayed(upstream), upstream.status_code, headers=kept)


async def _relayed(upstream: httpx.Response) -> AsyncIterator[bytes]:
    """The bytes as they come. Closes the connection when the client has gone."""
    try:
        # The owning process may die in the middle of a stream. The client then sees the stream
        # end and comes back with its last event id, as after a network failure.
        with contextlib.suppress(httpx.HTTPError):
            async for chunk in upstream.aiter_raw():
                yield chunk
    finally:
        await upstream.aclose()
        # As in `github/http.py`: the client's request would stay in memory with it.
        del upstream.stream
