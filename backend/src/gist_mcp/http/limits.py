"""Rate limits of the sign-in endpoints, for callers who are not signed in.

Token buckets in memory: each server process counts for itself, and nothing is stored. A refresh, a
revocation and the redemption of a code are never limited here: what is genuine there is told by its
seal, and only the rest is counted (`oauth/garbage.py`).
"""

import ipaddress
import logging
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.constants import CLIENT_ENDPOINT_NAMES, CLIENT_PREFIXES
from gist_mcp.logs.event import detail
from gist_mcp.rate_limit import RateLimit
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit
from gist_mcp.token_bucket import Rate

logger = logging.getLogger(__name__)

IPV6_NETWORK_BITS: Final = 64
"""What one subscriber gets at least. So a whole network counts as one address."""

SIGN_INS_RATE: Final = Rate(burst=200, per_second=20)
"""Requests to the sign-in endpoints, from one address: more than people behind one address make."""

_LIMITED_FOLDERS: Final = ("/oauth/", "/account/")

_SEALED_NAMES: Final = frozenset({"token", "revoke"})
"""The endpoints to which a client brings what we have sealed."""

_TOKEN_URL: Final = "/oauth/callback"
"""With POST it is the token endpoint too."""


def _under_all_names(*names: str) -> frozenset[str]:
    return frozenset(
        f"{prefix}/{name}{slash}"
        for prefix in CLIENT_PREFIXES
        for name in names
        for slash in ("", "/")
    )


_SEALED_PATHS: Final = _under_all_names(*_SEALED_NAMES)
_LIMITED_PATHS: Final = _under_all_names(*set(CLIENT_ENDPOINT_NAMES) - _SEALED_NAMES) | {"/account"}


class SignInLimit:
    """ASGI middleware: 429 for an address that sends too much to the sign-in endpoints.

    `known_account` names the account of a browser that has signed in here, or nothing: that one is
    counted for its account, wherever it is, and no stranger's flood reaches it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted_proxies: int,
        clock: Callable[[], float],
        known_account: Callable[[Request], str | None],
    ) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._known_account = known_account
        self._by_address = RateLimit(SIGN_INS_RATE, clock)
        self._by_account = RateLimit(SIGN_INS_RATE, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts, then passes on."""
        if scope["type"] == "http" and is_limited(scope["method"], scope["path"]):
            wait_seconds = self._count(Request(scope))
            if wait_seconds:
                metrics.refused(Limit.SIGN_INS)
                await too_many_requests(wait_seconds)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _count(self, request: Request) -> int:
        """0, or the seconds to wait."""
        account = self._known_account(request)
        if account is not None:
            limit, key = self._by_account, account
        else:
            limit = self._by_address
            key = client_address(request.headers, self._trusted_proxies)
        wait_seconds = limit.wait_seconds(key)
        if not wait_seconds:
            limit.take(key)
        return wait_seconds


def is_limited(method: str, path: str) -> bool:
    """True for the requests that are counted."""
    if path in _SEALED_PATHS or (method == "POST" and path == _TOKEN_URL):
        return False
    return path.startswith(_LIMITED_FOLDERS) or path in _LIMITED_PATHS


def too_many_requests(wait_seconds: int) -> JSONResponse:
    """429 with the time to wait (RFC 6585, 4)."""
    logger.info("a request is refused: too many", extra=detail("request_refused", reason="limit"))
    text = f"Too many requests; try again in {wait_seconds} seconds."
    return JSONResponse(
        {"error": "temporarily_unavailable", "error_description": text},
        status_code=429,
        headers={"Retry-After": str(wait_seconds), "Cache-Control": "no-store"},
    )


def client_address(headers: Headers, trusted_proxies: int) -> str:
    """Where a request comes from, as the outermost of our own proxies saw it; `""` if unknown.

    Without proxies the address is unknown, because Envoy does not tell it: all callers count as
    one.
    """
    # Spoofing: each proxy appends the address of its own client to `X-Forwarded-For`. Entries
    # further left than the number of our proxies are whatever the client wrote.
    if trusted_proxies < 1:
        return ""
    entries = ",".join(headers.getlist("x-forwarded-for")).split(",")
    if len(entries) < trusted_proxies:
        return ""
    return _network(entries[-trusted_proxies].strip())


def _network(text: str) -> str:
    """The address in one spelling, IPv6 by its network; `""` for what is no address."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]  # Some proxies add the port.
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_NETWORK_BITS), strict=False))
