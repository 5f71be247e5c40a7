"""Forwards what a person ends at `/account` to the server process that owns the account.

Only the owner can end a session's streams, and forget its credential at once. It checks the
person's cookie and form again.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.oauth.answers import NO_STORE
from gist_mcp.oauth.owner_hop import ask_owner, hop_of
from gist_mcp.sessions.hop import Hop
from gist_mcp.sessions.placement import account_state_ref, is_account_here

_SENT: Final = ("content-type", "cookie", "origin", "accept")
_RETURNED: Final = frozenset(
    {"content-security-policy", "content-type", "location", "retry-after", "vary"}
)


def must_be_forwarded(request: Request, account: str) -> bool:
    """True if another process owns the account. Raises `StateUnavailable`."""
    return hop_of(request) is None and not is_account_here(account)


async def forward_to_owner(request: Request, account: str, content: bytes) -> Response:
    """The owner's response. Raises `StateUnavailable` without one."""
    headers = {name: request.headers[name] for name in _SENT if name in request.headers}
    hop = Hop(method="POST", path=request.url.path, state_ref=account_state_ref(account))
    answer = await ask_owner(request, hop, headers=headers, content=content)
    kept = {name: value for name, value in answer.headers.items() if name in _RETURNED}
    return Response(answer.content, answer.status_code, headers=NO_STORE | kept)
