"""Forwards what a person ends at `/account` to the server process that owns the account.

Envoy gives a request to any process. Only the owner can end a session's streams, and forget its
credential at once. `sessions/hop.py` is the way there; the owner checks the person's cookie and
form again.
"""

import asyncio
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.oauth.answers import NO_STORE
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.hop import Hop, HopLate, forward, opened_hop
from gist_mcp.sessions.internal_http import DeliveryUnknown, NotDelivered
from gist_mcp.sessions.placement import account_state_ref, is_account_here

TIMEOUT_SECONDS: Final = 40.0

_SENT: Final = ("content-type", "cookie", "origin", "accept")
_RETURNED: Final = frozenset({"content-type", "location", "retry-after", "vary"})


def must_be_forwarded(request: Request, account: str) -> bool:
    """True if another process owns the account. Raises `StateUnavailable` if one has forwarded the
    request here, too long ago."""
    deps: Deps = request.app.state.deps
    try:
        hop = opened_hop(deps.sealer, request, now_seconds=deps.clock())
    except HopLate:
        raise _starting() from None
    return hop is None and not is_account_here(account)


async def forward_to_owner(request: Request, account: str, body: bytes) -> Response:
    """The owner's response. Raises `StateUnavailable` without one."""
    deps: Deps = request.app.state.deps
    headers = {name: request.headers[name] for name in _SENT if name in request.headers}
    hop = Hop(method="POST", path=request.url.path, state_ref=account_state_ref(account))
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await forward(
                deps.forwarding(),
                hop,
                own_url=deps.config.public_url,
                headers=headers,
                content=body,
            )
            content = await answer.aread()
    except (NotDelivered, DeliveryUnknown, TimeoutError, httpx.HTTPError):
        raise _starting() from None
    response = Response(content, answer.status_code, headers=NO_STORE)
    for name, value in answer.headers.multi_items():
        if name in _RETURNED:
            response.headers[name] = value
        elif name == "set-cookie":
            response.headers.append(name, value)
    return response


def _starting() -> StateUnavailable:
    return StateUnavailable("The server is starting; try again.", retry_after_seconds=1)
