"""Forwards a request to the server process that owns the account.

Envoy gives a request to any process. A refresh token of GitHub works once, and what GitHub gives
for it is remembered in memory only, for a client that repeats its request. So all refreshes of one
account run in one process; and only that process can end a session's streams, and delete sessions
(`sessions/hop.py` is the way there).
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.oauth.answers import NO_STORE
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.hop import Hop, HopLate, forward, opened_hop
from gist_mcp.sessions.internal_http import DeliveryUnknown, NotDelivered

TIMEOUT_SECONDS: Final = 40.0
"""GitHub has 20 seconds to answer."""

TOKEN_PATH: Final = "/oauth/token"
_RETURNED_HEADERS: Final = frozenset({"content-type", "www-authenticate", "retry-after"})


def hop_of(request: Request) -> Hop | None:
    """What another process of ours has just forwarded here; `None` for any other request.

    Raises `StateUnavailable` for one that was forwarded too long ago.
    """
    deps: Deps = request.app.state.deps
    # Sealed, because anybody can send a header: a forged one would make a process refresh whose
    # memory does not have the result of an earlier try.
    try:
        return opened_hop(deps.sealer, request, now_seconds=deps.clock())
    except HopLate:
        raise _starting() from None


async def ask_owner(
    request: Request, hop: Hop, *, headers: Mapping[str, str], content: bytes
) -> httpx.Response:
    """The response of the process that owns the state of the hop, read to its end.

    `headers` are those of the request that the owner needs. Raises `StateUnavailable` without a
    response.
    """
    deps: Deps = request.app.state.deps
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await forward(
                deps.forwarding(),
                hop,
                own_url=deps.config.public_url,
                headers=headers,
                content=content,
            )
            await answer.aread()
            return answer
    except (NotDelivered, DeliveryUnknown, TimeoutError, httpx.HTTPError):
        raise _starting() from None


async def forward_to_owner(
    request: Request, state_ref: str, parameters: Mapping[str, str]
) -> Response:
    """The response to a request for tokens. Raises `StateUnavailable` without one."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    # The owner authenticates the client again: the sealed header proves to it only that the request
    # was forwarded.
    if "authorization" in request.headers:
        headers["authorization"] = request.headers["authorization"]
    hop = Hop(method="POST", path=TOKEN_PATH, state_ref=state_ref)
    content = urlencode(parameters).encode()
    answer = await ask_owner(request, hop, headers=headers, content=content)
    kept = {name: value for name, value in answer.headers.items() if name in _RETURNED_HEADERS}
    return Response(answer.content, answer.status_code, headers=NO_STORE | kept)


def _starting() -> StateUnavailable:
    return StateUnavailable("The server is starting; try again.", retry_after_seconds=1)
