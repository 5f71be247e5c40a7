"""Checks `Host` and `Origin` of every request, and adds security headers to every response.

A web page on another site can make a browser send requests here, and DNS rebinding can make
that page's host name resolve to us. So every route but those that machines ask accepts our own
Host only, and the MCP endpoint and every POST known Origins only (MCP specification 2025-06-18,
transports, security warning). Both are compared in one spelling (`gist_mcp/origin.py`).
"""

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.config import Config
from gist_mcp.logs.event import detail
from gist_mcp.origin import (
    LOOPBACK_NAMES,
    canonical_authority,
    canonical_origin,
    loopback_origin,
)
from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.sessions.hop import HOP_HEADER

logger = logging.getLogger(__name__)

SINGLE_HEADERS = (
    "host",
    "origin",
    "authorization",
    "content-length",
    "content-type",
    "mcp-session-id",
    "mcp-protocol-version",
    HOP_HEADER,
)
"""Headers that decide something. If one is sent twice with different values, two programs may each
use another value (RFC 9110, 5.3)."""

SINGLE_HEADERS_OF_A_GET = (*SINGLE_HEADERS, "last-event-id")
"""Elsewhere that one says nothing."""

HSTS = "max-age=31536000; includeSubDomains"
"""One year, the shortest that browsers' preload lists accept."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""Set unless the endpoint has set its own."""


HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
HEALTH_PATHS = frozenset({HEALTH_PATH, READY_PATH})
"""What they tell is for everybody."""

METRICS_PATH = "/metrics"
MACHINE_PATHS = HEALTH_PATHS | {METRICS_PATH}
"""Load balancers and Prometheus ask them all the time, and by whatever address they know."""


class HostAndOrigin:
    """403 for a foreign Host, and for a foreign Origin where a request could act as the user."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._scheme = urlsplit(config.public_url).scheme
        self._hosts = allowed_hosts(config)
        self._origins = allowed_origins(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks, then passes on."""
        if scope["type"] != "http" or scope["path"] in MACHINE_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # The same value twice decides the same; some clients send what they were told and their
        # own.
        single = SINGLE_HEADERS_OF_A_GET if scope["method"] == "GET" else SINGLE_HEADERS
        repeated = next((name for name in single if len(set(headers.getlist(name))) > 1), None)
        if repeated is not None:
            await _repeated(repeated)(scope, receive, send)
            return
        if canonical_authority(headers.get("host", ""), self._scheme) not in self._hosts:
            refusal = _forbidden("Host", "PUBLIC_URL", _PASS_THE_HOST_ON)
            await refusal(scope, receive, send)
            return
        origin = headers.get("origin") if _can_act(scope) else None
        if origin is not None and canonical_origin(origin) not in self._origins:
            await _forbidden("Origin", "ALLOWED_ORIGINS")(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _can_act(scope: Scope) -> bool:
    return scope["path"].rstrip("/") == MCP_PATH or scope["method"] not in ("GET", "HEAD")


_PASS_THE_HOST_ON = (
    " A proxy in front has to pass on the Host that it is asked for; further names belong into "
    "EXTRA_HOSTS."
)


def _forbidden(header: str, setting: str, more: str = "") -> JSONResponse:
    logger.info("a request is refused: %s", header, extra=detail("request_refused", reason=header))
    text = f"This {header} is not one that the server expects; see the setting {setting}.{more}"
    return JSONResponse({"error": "forbidden", "error_description": text}, status_code=403)


def _repeated(name: str) -> JSONResponse:
    text = f"The header {name} is given twice, with different values."
    return JSONResponse({"error": "invalid_request", "error_description": text}, status_code=400)


def allowed_hosts(config: Config) -> frozenset[str]:
    """The `Host` values under which clients may address us, in the spelling of origins.

    Also this machine's names with the port that we listen on: a proxy on this machine that passes
    no Host on, as nginx does unless told otherwise, names us by that. A name of somebody else's
    that leads here, which is what the check is about, is not among them.
    """
    listener = {loopback_origin(name, config.port) for name in LOOPBACK_NAMES}
    return frozenset(urlsplit(origin).netloc for origin in config.own_origins.all | listener)


def allowed_origins(config: Config) -> frozenset[str]:
    """The `Origin` values that may call us: our own pages and those the operator names."""
    return config.own_origins.all | frozenset(config.allowed_origins)


class SecurityHeaders:
    """Adds the security headers to every answer, HSTS where browsers come by https."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._headers = dict(SECURITY_HEADERS)
        if config.is_secure:
            self._headers["Strict-Transport-Security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, and completes the start of the answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
