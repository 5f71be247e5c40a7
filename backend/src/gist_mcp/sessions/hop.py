"""Forwards a request to the server process that owns a state, with a sealed header.

Envoy gives a request to the process that owns the state which the request names, or to any. Where
it came to another process, that one forwards it, through Envoy again. The header tells the owner
that one of our own processes sent it, for which method, path and state. Where the first process has
authenticated the caller, it also tells who that is, with which credential. So GitHub is not asked
twice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request

from gist_mcp.framework.private_names import STATE_REF_HEADER
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.logs import context as log_context
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.internal_http import deliver
from gist_mcp.telemetry import tracing
from gist_mcp.tokens.sealing import SealBroken, Sealer

HOP_HEADER: Final = "x-gist-mcp-hop"
HOP_LIFETIME_SECONDS: Final = 30
"""Time from one process to the next, and how much the clocks of two machines may differ."""

_PURPOSE: Final = "hop"


@dataclass(frozen=True, kw_only=True)
class Authenticated:
    """The caller whom the first process has identified, and the session of the request.

    `is_new`: the session is to be opened by this request. `vouched_at_seconds`: when GitHub last
    said yes to the credential, as far as the first process knows. The owner asks again.
    `read_only`: the client wants nothing changed by this request.
    """

    session_id: McpSessionId
    is_new: bool
    principal: Principal
    credential: GitHubCredential
    vouched_at_seconds: float = 0.0
    read_only: bool = False


class HopLate(Exception):
    """A process of ours has sent the request here, too long ago or to another address."""


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A request to the owner of the state `state_ref`, as Reboot's header writes it.

    `request_id` is that of the request which is forwarded, under which the owner logs it.
    """

    method: str
    path: str
    state_ref: str
    caller: Authenticated | None = None
    request_id: str = ""


def seal_hop(sealer: Sealer, hop: Hop, *, now_seconds: float) -> str:
    """The header value for `HOP_HEADER`."""
    payload = {
        "method": hop.method,
        "path": hop.path,
        "state_ref": hop.state_ref,
        "request_id": hop.request_id,
        "sealed_at_seconds": now_seconds,
        "caller": None if hop.caller is None else _caller_as_json(hop.caller),
    }
    # Encrypted, as it may hold a GitHub token and may pass through proxies and their logs.
    return sealer.seal(_PURPOSE, json.dumps(payload).encode())


def _caller_as_json(caller: Authenticated) -> dict[str, Any]:
    scopes = caller.credential.scopes
    return {
        "session_id": caller.session_id,
        "is_new": caller.is_new,
        "issuer": caller.principal.issuer,
        "user_id": caller.principal.user_id,
        "login": caller.principal.login,
        "client_id": caller.principal.client_id,
        "github_token": caller.credential.token.reveal(),
        "scopes": None if scopes is None else sorted(scopes),
        "expires_at_seconds": caller.credential.expires_at_seconds,
        "vouched_at_seconds": caller.vouched_at_seconds,
        "read_only": caller.read_only,
    }


def opened_hop(sealer: Sealer, request: Request, *, now_seconds: float) -> Hop | None:
    """The hop of a request, `None` for one that no process of ours has sent here.

    The path of the hop is the request's own. Raises `HopLate`: the request must not be answered,
    and not be forwarded once more, or it could go round for ever.
    """
    header = request.headers.get(HOP_HEADER)
    if header is None:
        return None
    hop = open_hop(sealer, header, now_seconds=now_seconds)
    # Replay: a copied header is good for one method, one path, one state and half a minute. The
    # path is the request's own; that in `request.url` is made of Host too (CVE-2026-48710).
    meant = (request.method, request.scope["path"], request.headers.get(STATE_REF_HEADER))
    if hop is not None and meant != (hop.method, hop.path, hop.state_ref):
        raise HopLate
    if hop is not None and hop.request_id:
        log_context.forwarded_as(hop.request_id)
    return hop


def open_hop(sealer: Sealer, header: str, *, now_seconds: float) -> Hop | None:
    """The hop, or `None` for a header that none of our processes has made. Raises `HopLate`."""
    # Forgery: the header comes through the public port, where anybody can write one. Only a process
    # with `TOKEN_KEYS` can seal it, and for this purpose only: no other sealed value opens here.
    try:
        payload = json.loads(sealer.open(_PURPOSE, header))
    except SealBroken:
        return None
    if "path" not in payload:
        # Sealed by an earlier release, a moment ago.
        return None
    if abs(now_seconds - payload["sealed_at_seconds"]) > HOP_LIFETIME_SECONDS:
        raise HopLate
    return Hop(
        method=payload["method"],
        path=payload["path"],
        state_ref=payload["state_ref"],
        caller=None if payload["caller"] is None else _caller_of(payload["caller"]),
        # An earlier release does not know it.
        request_id=payload.get("request_id", ""),
    )


def _caller_of(payload: dict[str, Any]) -> Authenticated:
    user_id = GitHubUserId(payload["user_id"])
    return Authenticated(
        session_id=McpSessionId(payload["session_id"]),
        is_new=payload["is_new"],
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
        # An earlier release has asked GitHub itself, and does not say when.
        vouched_at_seconds=payload.get("vouched_at_seconds", 0.0),
        # An earlier release does not know the header.
        read_only=payload.get("read_only", False),
    )


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """How this process reaches the others: the client, Envoy's address, the seal and the clock."""

    client: httpx.AsyncClient
    gateway_url: str
    sealer: Sealer
    now_seconds: float


async def forward(
    forwarding: Forwarding, hop: Hop, *, own_url: str, headers: Mapping[str, str], content: bytes
) -> httpx.Response:
    """The owner's response, its body still to be read.

    `headers` are those of the client that the owner needs: an allowlist, without the bearer token
    where the hop names the caller, and without `x-reboot-*`, which would choose the state.
    `own_url` is the address by which the client calls us. Raises `NotDelivered`, after which the
    request may be sent again, or `DeliveryUnknown`.
    """
    subject = log_context.current()
    if subject is not None:
        hop = replace(hop, request_id=subject.request_id)
    sealed = seal_hop(forwarding.sealer, hop, now_seconds=forwarding.now_seconds)
    sent = {
        **headers,
        **tracing.own_headers(),
        # The owner checks `Host` like the first process (DNS rebinding). Envoy's own address is
        # none of our names.
        "host": urlsplit(own_url).netloc,
        HOP_HEADER: sealed,
        STATE_REF_HEADER: hop.state_ref,
    }
    request = forwarding.client.build_request(
        hop.method,
        f"{forwarding.gateway_url}{hop.path}",
        # As bytes, as they came: a client's header may have any (RFC 9110, 5.5), and Starlette
        # reads them as Latin-1. As text httpx refuses those outside of ASCII.
        headers=[(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        content=content,
    )
    return await deliver(forwarding.client, request)
