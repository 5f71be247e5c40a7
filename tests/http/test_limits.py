"""The limits of the sign-in endpoints."""

import asyncio
from collections import Counter

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gist_mcp.http.limits import SIGN_INS_RATE, SignInLimit, client_address

KNOWN = "x-test-account"


def statuses(*requests: tuple[str, str, dict[str, str]]) -> Counter[int]:
    """What the limit makes of requests, on a clock that stands still."""
    app = Starlette(routes=[Route("/{path:path}", lambda _: Response(), methods=["GET", "POST"])])

    def known_account(request: Request) -> str | None:
        return request.headers.get(KNOWN)

    limited = SignInLimit(app, trusted_proxies=0, clock=lambda: 0.0, known_account=known_account)

    async def send() -> Counter[int]:
        transport = httpx.ASGITransport(limited)
        async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
            answers = [
                await client.request(method, path, headers=headers)
                for method, path, headers in requests
            ]
        return Counter(answer.status_code for answer in answers)

    return asyncio.run(send())


BURST = int(SIGN_INS_RATE.burst)


def test_a_flood_of_sign_ins_is_refused_after_the_burst() -> None:
    flood = statuses(*[("GET", "/oauth/authorize", {})] * (BURST + 50))

    assert flood == {200: BURST, 429: 50}


@pytest.mark.parametrize("path", ["/token", "/oauth/token/", "/oauth/revoke", "/oauth/callback"])
def test_a_flood_of_sign_ins_refuses_nothing_that_may_be_sealed(path: str) -> None:
    flood: list[tuple[str, str, dict[str, str]]] = [("GET", "/oauth/authorize", {})] * (BURST + 50)

    assert statuses(*flood, ("POST", path, {}))[200] == BURST + 1


def test_a_browser_that_has_signed_in_before_is_not_counted_among_strangers() -> None:
    flood: list[tuple[str, str, dict[str, str]]] = [("GET", "/oauth/authorize", {})] * (BURST + 50)

    assert statuses(*flood, ("GET", "/oauth/authorize", {KNOWN: "a" * 32}))[200] == BURST + 1


def test_a_browser_that_has_signed_in_before_is_limited_too() -> None:
    flood = statuses(*[("GET", "/oauth/authorize", {KNOWN: "a" * 32})] * (BURST + 50))

    assert flood == {200: BURST, 429: 50}


@pytest.mark.parametrize(
    ("values", "proxies", "expected"),
    [
        (["192.0.2.1"], 0, ""),
        (["made-up, 192.0.2.1"], 1, "192.0.2.1"),
        (["made-up", "192.0.2.1"], 1, "192.0.2.1"),
        (["192.0.2.9, 192.0.2.1, 10.0.0.1"], 2, "192.0.2.1"),
        (["192.0.2.1"], 2, ""),
        ([], 1, ""),
        (["192.0.2.1:5555"], 1, "192.0.2.1"),
        (["2001:db8::1"], 1, "2001:db8::/64"),
        (["[2001:db8:0:0:ffff::2]:443"], 1, "2001:db8::/64"),
        (["::ffff:192.0.2.1"], 1, "192.0.2.1"),
        (["unknown"], 1, ""),
    ],
)
def test_the_address_is_what_our_own_proxy_saw(
    values: list[str], proxies: int, expected: str
) -> None:
    raw = [(b"x-forwarded-for", value.encode()) for value in values]

    assert client_address(Headers(raw=raw), proxies) == expected
