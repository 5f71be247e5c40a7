"""A foreign Host or Origin does not reach the MCP endpoint or anything that changes state."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.config import Config, parse_config
from gist_mcp.web.middleware import HostAndOrigin, SecurityHeaders

LOCAL = {"PORT": "9991", "TOKEN_KEYS": "k" * 40}
PUBLIC = {**LOCAL, "PUBLIC_URL": "https://gists.example.com"}


def config(environ: dict[str, str]) -> Config:
    return parse_config(environ, production=False)


async def _ok(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(Request(scope).url.path)(scope, receive, send)


def status_of(
    environ: dict[str, str], *, host: str, origin: str | None = None, path: str = "/mcp"
) -> int:
    app: ASGIApp = HostAndOrigin(_ok, config(environ))
    headers = {"host": host} | ({"origin": origin} if origin else {})

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.post(path, headers=headers)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["localhost:9991", "127.0.0.1:9991", "[::1]:9991"])
def test_every_loopback_name_is_ours(host: str) -> None:
    assert status_of(LOCAL, host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:9992", "localhost.evil:9991", ""]
)
def test_a_rebound_host_name_is_refused(host: str) -> None:
    assert status_of(LOCAL, host=host) == 403


def test_a_public_server_answers_to_its_public_name_only() -> None:
    assert status_of(PUBLIC, host="gists.example.com") == 200
    assert status_of(PUBLIC, host="localhost:9991") == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, 200),
        ("http://localhost:9991", 200),
        ("http://127.0.0.1:9991", 200),
        ("https://allowed.example", 200),
        ("https://evil.example", 403),
        ("http://localhost:1234", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/oauth/token"])
def test_only_known_origins_may_call(origin: str | None, expected: int, path: str) -> None:
    environ = {**LOCAL, "ALLOWED_ORIGINS": "https://allowed.example"}

    assert status_of(environ, host="localhost:9991", origin=origin, path=path) == expected


def test_every_answer_carries_the_security_headers() -> None:
    app: ASGIApp = SecurityHeaders(_ok, config(PUBLIC))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/")

    headers = asyncio.run(ask()).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["strict-transport-security"].startswith("max-age=")
