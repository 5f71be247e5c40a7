"""Rate limits for callers who are not signed in, for each address and for all addresses together.

Token buckets in memory: each server process counts for itself, and nothing is stored. Signed-in
users are never limited here.
"""

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.constants import CLIENT_ENDPOINT_NAMES, CLIENT_PREFIXES
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.verifier import TooManyGuesses

MAX_ADDRESSES: Final = 10_000
"""Addresses that one limit remembers, about 2 MB. The longest unseen is forgotten first. Somebody
who has that many addresses is still limited by the limit for all."""

IPV6_NETWORK_BITS: Final = 64
"""What one subscriber gets at least. So a whole network counts as one address."""

GUESSES_BURST: Final = 20
GUESSES_PER_SECOND: Final = 1 / 3
"""Tokens that GitHub does not know, from one address. A client with a dead token tries a few."""

ALL_GUESSES_BURST: Final = 60
ALL_GUESSES_PER_SECOND: Final = 0.35
"""The same from everybody together."""

OWNERS_GUESSES_BURST: Final = 60
OWNERS_GUESSES_PER_SECOND: Final = 0.15
"""The same from all who know a live session together. GitHub answers an app 5,000 questions an
hour; with both limits two server processes ask 3,600 in vain at most."""

SIGN_INS_BURST: Final = 200
SIGN_INS_PER_SECOND: Final = 20.0
"""Requests to the sign-in endpoints, from one address: more than people behind one address make."""

_OWNER: Final = "owner "
"""No address begins like this."""

_LIMITED_FOLDER: Final = "/oauth/"
_LIMITED_PATHS: Final = frozenset(
    f"{prefix}/{name}{slash}"
    for prefix in CLIENT_PREFIXES
    for name in CLIENT_ENDPOINT_NAMES
    for slash in ("", "/")
)
"""The sign-in endpoints under all their names."""


@dataclass
class TokenBucket:
    """Tokens that come at a constant rate up to a burst. Times are seconds of one clock."""

    tokens: float
    updated_at: float

    def refill(self, now: float, *, burst: float, per_second: float) -> None:
        """Adds the tokens that have come since the last call."""
        # A clock that goes back adds nothing.
        elapsed = max(0.0, now - self.updated_at)
        self.tokens = min(burst, self.tokens + elapsed * per_second)
        self.updated_at = now


class RateLimit:
    """One bucket for each key, at most `MAX_ADDRESSES` of them."""

    def __init__(self, *, burst: float, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        # The longest unseen address leaves first: its bucket is the fullest.
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(MAX_ADDRESSES)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def wait_seconds(self, key: str) -> int:
        """Whole seconds until `take` would work; 0 if it works now."""
        bucket = self._bucket(key)
        if bucket.tokens >= 1:
            return 0
        return max(1, math.ceil((1 - bucket.tokens) / self._per_second))

    def take(self, key: str) -> None:
        """Uses one token, whether or not there is one."""
        self._bucket(key).tokens -= 1

    def give_back(self, key: str) -> None:
        """Undoes one `take`."""
        bucket = self._bucket(key)
        bucket.tokens = min(self._burst, bucket.tokens + 1)

    def _bucket(self, key: str) -> TokenBucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(tokens=self._burst, updated_at=now)
        else:
            bucket.refill(now, burst=self._burst, per_second=self._per_second)
        return bucket


class TokenGuessLimit:
    """Token guessing: how often GitHub is asked about tokens that it then does not know.

    GitHub limits an app's questions. Without this anybody could use them up with made-up tokens,
    and nobody could sign in.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._by_address = RateLimit(
            burst=GUESSES_BURST, per_second=GUESSES_PER_SECOND, clock=clock
        )
        self._by_owner = RateLimit(burst=GUESSES_BURST, per_second=GUESSES_PER_SECOND, clock=clock)
        self._owners_together = RateLimit(
            burst=OWNERS_GUESSES_BURST, per_second=OWNERS_GUESSES_PER_SECOND, clock=clock
        )
        self._together = RateLimit(
            burst=ALL_GUESSES_BURST, per_second=ALL_GUESSES_PER_SECOND, clock=clock
        )

    def take(self, address: str) -> None:
        """Takes one guess; a token that turns out to be good gives it back.

        Raises `TooManyGuesses`. An unknown address, `""`, is limited by the limit for all only.
        """
        met = self._limits_met_by(address)
        wait_seconds = max(limit.wait_seconds(key) for limit, key in met)
        if wait_seconds:
            raise TooManyGuesses(wait_seconds)
        for limit, key in met:
            limit.take(key)

    def give_back(self, address: str) -> None:
        """The token was good after all."""
        for limit, key in self._limits_met_by(address):
            limit.give_back(key)

    def _limits_met_by(self, address: str) -> list[tuple[RateLimit, str]]:
        if address.startswith(_OWNER):
            return [(self._owners_together, ""), (self._by_owner, address)]
        by_address = [(self._by_address, address)] if address else []
        return [(self._together, ""), *by_address]


def session_owner_key(issuer: str, user_id: GitHubUserId) -> str:
    """Takes the place of the address for somebody who knows a live session of that account."""
    # By account and not by session: an account can open as many sessions as it likes.
    return f"{_OWNER}{user_id} {issuer}"


class SignInLimit:
    """ASGI middleware: 429 for an address that sends too much to the sign-in endpoints."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: int, clock: Callable[[], float]) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._limit = RateLimit(burst=SIGN_INS_BURST, per_second=SIGN_INS_PER_SECOND, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts, then passes on."""
        if scope["type"] == "http" and is_limited(scope["path"]):
            address = client_address(Headers(scope=scope), self._trusted_proxies)
            wait_seconds = self._limit.wait_seconds(address)
            if wait_seconds:
                await too_many_requests(wait_seconds)(scope, receive, send)
                return
            self._limit.take(address)
        await self._app(scope, receive, send)


def is_limited(path: str) -> bool:
    """True for the paths whose requests are counted."""
    return path.startswith(_LIMITED_FOLDER) or path in _LIMITED_PATHS


def too_many_requests(wait_seconds: int) -> JSONResponse:
    """429 with the time to wait (RFC 6585, 4)."""
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
