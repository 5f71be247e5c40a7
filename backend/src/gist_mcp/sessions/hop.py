"""The sealed header with which one server process forwards an authenticated request to another.

Envoy gives a request to any server process. That process authenticates it and forwards it, through
Envoy again, to the process that owns the MCP session. The header tells the second process who was
authenticated, with which credential, for which session and method. So GitHub is not asked twice.
"""

import json
from dataclasses import dataclass

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.tokens.sealing import SealBroken, Sealer

HOP_HEADER = "x-gist-mcp-hop"
HOP_LIFETIME_SECONDS = 30
"""Time from one process to the next, and how much the clocks of two machines may differ."""

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
    # Encrypted, as it holds a GitHub token and may pass through proxies and their logs.
    return sealer.seal(_PURPOSE, json.dumps(payload).encode())


def open_hop(sealer: Sealer, header: str, *, method: str, now_seconds: float) -> Hop | None:
    """The hop, or `None` for a header that none of our processes made for this method just now."""
    # Forgery: the header comes through the public port, where anybody can write one. Only a process
    # with `TOKEN_KEYS` can seal it, and for this purpose only: no other sealed value opens here.
    try:
        payload = json.loads(sealer.open(_PURPOSE, header))
    except SealBroken:
        return None
    # Replay: a copied header is good for one method, one session and half a minute.
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
