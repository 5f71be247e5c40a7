"""Forwards a refresh request to the server process that owns the account's `Grants` state.

Envoy gives a request to any process. A refresh token of GitHub works once, and what GitHub gives
for it is remembered in memory only, for a client that repeats its request. So all refreshes of one
account run in one process. `mcp_http/` does the same for the requests of an MCP session.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable
from gist_mcp.oauth.answers import NO_STORE
from gist_mcp.sessions.hop import HOP_HEADER, HOP_LIFETIME_SECONDS
from gist_mcp.tokens.sealing import SealBroken

TIMEOUT_SECONDS: Final = 40.0
"""GitHub has 20 seconds to answer."""

_PURPOSE: Final = "token-hop"
_STATE_REF_HEADER: Final = "x-reboot-state-ref"
_RETURNED_HEADERS: Final = frozenset({"content-type", "www-authenticate", "retry-after"})


def is_forwarded(request: Request) -> bool:
    """True if another process of ours has just forwarded this request here."""
    deps: Deps = request.app.state.deps
    try:
        # Sealed, because anybody can send a header: a forged one would make a process refresh whose
        # memory does not have the result of an earlier try.
        sent_at = deps.sealer.open(_PURPOSE, request.headers.get(HOP_HEADER, ""))
    except SealBroken:
        return False
    # A copy of the header, from a log of a proxy for example, is worthless after this.
    return abs(deps.clock() - float(sent_at)) <= HOP_LIFETIME_SECONDS


async def forward_to_owner(
    request: Request, state_ref: str, parameters: Mapping[str, str]
) -> Response:
    """The response of the process that owns the state. Raises `GitHubUnavailable` without one."""
    deps: Deps = request.app.state.deps
    headers = {
        # The second process checks `Host` like the first (DNS rebinding), and its caller is us.
        "host": urlsplit(deps.config.public_url).netloc,
        "content-type": "application/x-www-form-urlencoded",
        HOP_HEADER: deps.sealer.seal(_PURPOSE, repr(deps.clock()).encode()),
        _STATE_REF_HEADER: state_ref,
    }
    # The second process authenticates the client again: the sealed header proves to it only that
    # the request was forwarded.
    if "authorization" in request.headers:
        headers["authorization"] = request.headers["authorization"]
    try:
        answer = await deps.internal_http.post(
            f"{deps.config.gateway_url}/oauth/token",
            content=urlencode(parameters),
            headers=headers,
            timeout=TIMEOUT_SECONDS,
        )
    except httpx.HTTPError:
        raise GitHubUnavailable("The server is starting; try again.") from None
    kept = {name: value for name, value in answer.headers.items() if name in _RETURNED_HEADERS}
    return Response(answer.content, answer.status_code, headers=NO_STORE | kept)
