"""Forwards a request to the server process that owns its session, and passes the response back."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import httpx
from rebootdev.aio.headers import STATE_REF_HEADER
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gist_mcp.deps import Deps
from gist_mcp.http.media_types import canonical_headers, takes_events
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.durable_mcp_request import FORWARDED_HEADERS, session_state_ref
from gist_mcp.mcp_http.json_response import is_event_stream, json_response
from gist_mcp.mcp_http.mcp_request import SESSION_HEADER
from gist_mcp.origin import own_address
from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.sessions.hop import HOP_HEADER, Hop, seal_hop
from gist_mcp.sessions.internal_http import DeliveryUnknown, NotDelivered, deliver

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


async def forward(deps: Deps, request: Request, hop: Hop, body: bytes) -> Response:
    """The response of the owning process to the sealed `hop`.

    Raises `NotDelivered`: the request was certainly not acted on, or may be repeated.
    """
    upstream_request = deps.internal_http.build_request(
        hop.method,
        f"{deps.config.gateway_url}{MCP_PATH}",
        headers=_headers(deps, request, hop),
        content=body,
    )
    try:
        upstream = await deliver(deps.internal_http, upstream_request)
    except DeliveryUnknown:
        # A POST may have created a gist, so it is never sent twice. GET and DELETE are idempotent
        # (RFC 9110, 9.2.2), so they may be sent again.
        if hop.method != "POST":
            raise NotDelivered from None
        return challenges.lost()
    return await _returned(request, hop, upstream)


def _headers(deps: Deps, request: Request, hop: Hop) -> dict[str, str]:
    # An allowlist: the bearer token stays behind, and so does an `x-reboot-*` header of the
    # client, which would choose the state, and with it the process, that the request reaches.
    headers = {name: value for name, value in request.headers.items() if name in FORWARDED_HEADERS}
    headers |= canonical_headers(hop.method)
    # The second pass checks `Host` like the first. Envoy's own address is none of our names.
    headers["host"] = urlsplit(own_address(deps.config.public_url, request)).netloc
    # Sealed, because the second pass is reached through the public port like everything else:
    # anybody could send a plain header that names a user.
    headers[HOP_HEADER] = seal_hop(deps.sealer, hop, now_seconds=deps.clock())
    headers[STATE_REF_HEADER] = session_state_ref(hop.session_id)
    return headers


async def _returned(request: Request, hop: Hop, upstream: httpx.Response) -> Response:
    """The response as the client gets it."""
    kept = {name: value for name, value in upstream.headers.items() if name in _RETURNED_HEADERS}
    if upstream.headers.get("content-length") == "0":
        # The MCP SDK calls its empty 202 JSON, and clients then parse nothing as JSON.
        await upstream.aclose()
        kept.pop("content-type", None)
        return Response(status_code=upstream.status_code, headers=kept)
    if hop.method == "POST" and is_event_stream(upstream) and not takes_events(request):
        return await json_response(upstream, kept) or challenges.lost()
    return StreamingResponse(_relayed(upstream), upstream.status_code, headers=kept)


async def _relayed(upstream: httpx.Response) -> AsyncIterator[bytes]:
    """The bytes as they come. Closes the connection when the client has gone."""
    async with contextlib.aclosing(upstream):
        # The owning process may die in the middle of a stream. The client then sees the stream
        # end and comes back with its last event id, as after a network failure.
        with contextlib.suppress(httpx.HTTPError):
            async for chunk in upstream.aiter_raw():
                yield chunk
