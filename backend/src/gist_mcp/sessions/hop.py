"""The sealed passport of a request on its way to the server process that owns the session.

Envoy gives a request to any server process; that one authenticates it and sends it on, through
Envoy again, to the process that owns the MCP session. The second process must not take the
first one's word from a header that anybody could send, and should not ask GitHub once more. So
the first seals who was authenticated, with which credential, for which session and method.
"""

import json
from dataclasses import dataclass

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.tokens.sealing import SealBroken, Sealer

HOP_HEADER = "x-gist-mcp-hop"
HOP_LIFETIME_SECONDS = 30
"""Time from one process to the next, with room for clocks of two machines."""

_PURPOSE = "hop"


@dataclass(frozen=True, kw_only=True)
class Hop:
    """An authenticated request to one session. `is_new`: the session was opened for it.

    `tool_name` is the tool that the request calls, if it calls one.
    """

    method: str
    session_id: McpSessionId
    is_new: bool
    tool_name: str | None = None
    principal: Principal
    credential: GitHubCredential


def seal_hop(sealer: Sealer, hop: Hop, *, now_seconds: float) -> str:
    """The header value for `HOP_HEADER`."""
    payload = {
        "method": hop.method,
        "session_id": hop.session_id,
        "is_new": hop.is_new,
        "tool_name": hop.tool_name,
        "issuer": hop.principal.issuer,
        "user_id": hop.principal.user_id,
        "login": hop.principal.login,
        "client_id": hop.principal.client_id,
        "github_token": hop.credential.token.reveal(),
        "scopes": None if hop.credential.scopes is None else sorted(hop.credential.scopes),
        "expires_at_seconds": hop.credential.expires_at_seconds,
        "sealed_at_seconds": now_seconds,
    }
    return sealer.seal(_PURPOSE, json.dumps(payload).encode())


def open_hop(sealer: Sealer, header: str, *, method: str, now_seconds: float) -> Hop | None:
    """The hop, or `None` for a header that none of our processes made for this method just now."""
    try:
        payload = json.loads(sealer.open(_PURPOSE, header))
    except SealBroken:
        return None
    age_seconds = abs(now_seconds - payload["sealed_at_seconds"])
    if payload["method"] != method or age_seconds > HOP_LIFETIME_SECONDS:
        return None
    user_id = GitHubUserId(payload["user_id"])
    return Hop(
        method=method,
        session_id=McpSessionId(payload["session_id"]),
        is_new=payload["is_new"],
        tool_name=payload["tool_name"],
        principal=Principal(
            issuer=payload["issuer"],
            user_id=user_id,
            login=payload["login"],
            client_id=payload["client_id"],
        ),
        credential=GitHubCredential(
            token=GitHubToken(payload["github_token"]),
            user_id=user_id,
            login=payload["login"],
            scopes=None if payload["scopes"] is None else frozenset(payload["scopes"]),
            expires_at_seconds=payload["expires_at_seconds"],
        ),
    )
