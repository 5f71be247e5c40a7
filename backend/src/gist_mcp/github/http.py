"""The HTTP client for everything that goes to GitHub, and the one place that sends.

No exception of httpx leaves this module.
"""

import asyncio
import hashlib
import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from weakref import WeakKeyDictionary

import httpx

from gist_mcp.constants import (
    GITHUB_CALL_TIMEOUT_SECONDS,
    GITHUB_CONNECT_TIMEOUT_SECONDS,
    MAX_GITHUB_ANSWER_BYTES,
)
from gist_mcp.github.answer import Answer, Call
from gist_mcp.github.call_count import count_call
from gist_mcp.github.fair_share import FairShare, NoPlace
from gist_mcp.github.measured import measured
from gist_mcp.github.refusals import lost_answer, unavailable

MAX_CONNECTIONS = 100
"""GitHub allows one user 100 requests at a time (GitHub, rate limits: secondary)."""

KEEP_ALIVE_SECONDS = 15.0
"""Shorter than servers keep idle connections: a write on one that was just closed has an
unknown outcome."""

MAX_PROBLEM_BYTES = 64 * 1024
"""An error body beyond this is not read: its message is not GitHub's."""

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Raised before the first byte of the request went out. Everything else may come after."""

_shares: Final[WeakKeyDictionary[httpx.AsyncClient, FairShare]] = WeakKeyDictionary()
"""Who uses the connections of each client."""

_QUIET_LOGGERS = ("httpx", "httpcore")
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")


def make_http_client() -> httpx.AsyncClient:
    """A client for one process; its owner closes it.

    Made lazily in the server process, as it cannot be pickled. It reads `HTTPS_PROXY`,
    `NO_PROXY` and `SSL_CERT_FILE` from the environment, because many deployments reach GitHub
    only through a proxy, but goes to loopback directly, where the simulator is. It follows no
    redirect and keeps no cookie: nothing of one user may travel with another's request.
    """
    for name in _QUIET_LOGGERS:
        # httpx logs every URL at INFO, httpcore every header, the token's too, at DEBUG.
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=httpx.Timeout(
            GITHUB_CALL_TIMEOUT_SECONDS,
            connect=GITHUB_CONNECT_TIMEOUT_SECONDS,
            pool=GITHUB_CONNECT_TIMEOUT_SECONDS,
        ),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        mounts=dict.fromkeys(_LOOPBACK),
        follow_redirects=False,
        trust_env=True,
    )


async def exchange(
    http: httpx.AsyncClient,
    call: Call,
    request: httpx.Request,
    *,
    timeout_seconds: float = GITHUB_CALL_TIMEOUT_SECONDS,
    max_bytes: int = MAX_GITHUB_ANSWER_BYTES,
) -> Answer:
    """Sends a request once and reads the whole answer, whatever its status.

    Raises `GitHubUnavailable` if the request was never sent. If it may have been sent and
    the answer was lost, too big or too slow, raises `OutcomeUnknown` for a write and
    `GitHubUnavailable` for a read. A cancelled write has an unknown outcome too.
    """
    if http.is_closed:
        raise unavailable("the server is shutting down")
    # By whose name it is asked: a person's token, the app's secret, or nobody's.
    asker = hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()
    try:
        async with _share_of(http).place(asker, timeout_seconds=GITHUB_CALL_TIMEOUT_SECONDS):
            sent = _exchange(http, call, request, timeout_seconds, max_bytes)
            return await measured(request, sent)
    except NoPlace:
        raise unavailable("too many requests are under way") from None


def _share_of(http: httpx.AsyncClient) -> FairShare:
    share = _shares.get(http)
    if share is None:
        share = _shares[http] = FairShare(MAX_CONNECTIONS)
    return share


async def _exchange(
    http: httpx.AsyncClient,
    call: Call,
    request: httpx.Request,
    timeout_seconds: float,
    max_bytes: int,
) -> Answer:
    try:
        # httpx limits the wait for each piece; only this limits the sum of all of them.
        async with asyncio.timeout(timeout_seconds):
            count_call()
            response = await http.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                body = await _body(response, call, max_bytes)
            finally:
                await response.aclose()
                # It refers to its response and that to the request, so that all three would stay,
                # with the request's body, until Python looks for cycles the next time.
                del response.stream
    except _NEVER_SENT as error:
        raise unavailable(f"{type(error).__name__} before anything was sent") from None
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise lost_answer(call, type(error).__name__) from None
    except TimeoutError:
        raise lost_answer(call, f"no answer in {timeout_seconds:g} seconds") from None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)


async def _body(response: httpx.Response, call: Call, max_bytes: int) -> bytes:
    """The decoded body. Counted while reading: a small answer can unpack to a huge one."""
    is_problem = response.status_code >= 400
    limit_bytes = min(MAX_PROBLEM_BYTES, max_bytes) if is_problem else max_bytes
    pieces = bytearray()
    async for piece in response.aiter_bytes():
        pieces += piece
        if len(pieces) > limit_bytes:
            if is_problem:
                return b""
            raise lost_answer(call, f"the answer is larger than {limit_bytes} bytes")
    return bytes(pieces)
