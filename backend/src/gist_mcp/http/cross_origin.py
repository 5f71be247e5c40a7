"""CORS: pages of which origin may call which route and read the response. One table for all.

What a client needs before it has a token says the same to everybody, so any page may read it. On
`/mcp` only the origins of `ALLOWED_ORIGINS` and our own may call; others get 403 from
`HostAndOrigin` and may not even read that. Every other route gets no CORS header at all.

No route allows credentials: a browser neither sends our cookies along nor takes new ones. Tokens
travel in a header that the page itself sets.

The rules are those of the Fetch standard, section 3.3 (https://fetch.spec.whatwg.org/#http-cors-protocol).
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.config import Config
from gist_mcp.constants import CLIENT_PREFIXES
from gist_mcp.http.middleware import allowed_origins
from gist_mcp.origin import canonical_origin
from gist_mcp.sessions.durable_mcp import MCP_PATH

REQUEST_HEADERS: Final = (
    "accept",
    "authorization",
    "cache-control",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-mcp-readonly",
)
"""What clients send. More headers that begin with `mcp-` are allowed to whoever asks, because
newer revisions of MCP add some, and a browser gives up over one that it may not send."""

_MCP_HEADER = re.compile(r"mcp-[a-z0-9-]{1,60}\Z")

EXPOSED_HEADERS: Final = (
    "mcp-protocol-version",
    "mcp-session-id",
    "retry-after",
    "www-authenticate",
    "x-request-id",
)
"""What a page may read besides the few headers that every page may."""

PREFLIGHT_SECONDS: Final = 7200
"""How long a browser may remember a preflight: the longest that Chromium does."""


@dataclass(frozen=True)
class Rule:
    """What pages of other origins may do with a route."""

    methods: tuple[str, ...]
    any_origin: bool


METADATA: Final = Rule(methods=("GET", "HEAD", "OPTIONS"), any_origin=True)
OAUTH: Final = Rule(methods=("POST", "OPTIONS"), any_origin=True)
MCP: Final = Rule(methods=("GET", "HEAD", "POST", "DELETE", "OPTIONS"), any_origin=False)

RULES: Final = {
    **{
        f"{prefix}/{name}{slash}": OAUTH
        for prefix in CLIENT_PREFIXES
        for name in ("register", "revoke", "token")
        for slash in ("", "/")
    },
    MCP_PATH: MCP,
    f"{MCP_PATH}/": MCP,
}
METADATA_PREFIX: Final = "/.well-known/"
"""All of it, because a page must be able to read that a document does not exist."""


class CrossOrigin:
    """Answers preflights, and adds to the answers what lets a page read them.

    Stands before `HostAndOrigin`. On routes for any origin it takes `Origin` off, which would be
    refused there; `Host` is still checked.
    """

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._origins = allowed_origins(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on everything but the preflights of those who may call."""
        rule = _rule_of(scope)
        if rule is None:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        allowed_origin = self._allowed_origin(rule, headers)
        send = _readable(send, rule, allowed_origin)
        if allowed_origin is not None and _is_preflight(scope, headers):
            await _preflight(rule, headers)(scope, receive, send)
            return
        await self._app(_without_origin(scope) if rule.any_origin else scope, receive, send)

    def _allowed_origin(self, rule: Rule, headers: Headers) -> str | None:
        """The value of `Access-Control-Allow-Origin`, or `None` where there is to be none."""
        if rule.any_origin:
            # The same for everybody, so that caches need not tell origins apart.
            return "*"
        # More than one is no browser's.
        origins = headers.getlist("origin")
        known = len(origins) == 1 and canonical_origin(origins[0]) in self._origins
        # As it was sent: the browser compares it character by character.
        return origins[0] if known else None


def _rule_of(scope: Scope) -> Rule | None:
    if scope["type"] != "http":
        return None
    path: str = scope["path"]
    return METADATA if path.startswith(METADATA_PREFIX) else RULES.get(path)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    asked = "origin" in headers and "access-control-request-method" in headers
    return asked and scope["method"] == "OPTIONS"


def _preflight(rule: Rule, headers: Headers) -> Response:
    """What the route allows. The browser compares it with what the page wants to do."""
    asked = headers.get("access-control-request-headers", "").lower().split(",")
    more = {name.strip() for name in asked if _MCP_HEADER.match(name.strip())}
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": ", ".join(rule.methods),
            "Access-Control-Allow-Headers": ", ".join(sorted({*REQUEST_HEADERS, *more})),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    )


def _readable(send: Send, rule: Rule, allowed_origin: str | None) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if not rule.any_origin:
                # Without it a cache could give one origin the answer to another.
                headers.add_vary_header("Origin")
            if allowed_origin is not None:
                headers["Access-Control-Allow-Origin"] = allowed_origin
                headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED_HEADERS)
        await send(message)

    return send_with_headers


def _without_origin(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
    return {**scope, "headers": headers}
