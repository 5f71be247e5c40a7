"""Sending a token request to the one server process that owns an account's grants.

Envoy gives a request to any process. A refresh that goes to GitHub must happen once, and its
result must be found again by the client that lost the answer; it lives in memory, so all
refreshes of one account meet in one process. The front door of `/mcp` does the same for sessions.
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
    """True if another process of ours has just sent this request here."""
    deps: Deps = request.app.state.deps
    try:
        sent_at = deps.sealer.open(_PURPOSE, request.headers.get(HOP_HEADER, ""))
    except SealBroken:
        return False
    return abs(deps.clock() - float(sent_at)) <= HOP_LIFETIME_SECONDS


async def forward_to_owner(
    request: Request, state_ref: str, parameters: Mapping[str, str]
) -> Response:
    """The answer of the process that owns the state. Raises `GitHubUnavailable` without one."""
    deps: Deps = request.app.state.deps
    headers = {
        # The second process checks the Host like the first, and its caller is us.
        "host": urlsplit(deps.config.public_url).netloc,
        "content-type": "application/x-www-form-urlencoded",
        HOP_HEADER: deps.sealer.seal(_PURPOSE, repr(deps.clock()).encode()),
        _STATE_REF_HEADER: state_ref,
    }
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
