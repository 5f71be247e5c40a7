"""A foreign Host or Origin does not reach the MCP endpoint or anything that changes state."""

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.config import Config
from gist_mcp.config_source import parse_config
from gist_mcp.http.middleware import HostAndOrigin, SecurityHeaders
from gist_mcp.origin import canonical_authority, canonical_origin

LOCAL = {"PORT": "9991", "TOKEN_KEYS": "k" * 40}
PUBLIC = {**LOCAL, "PUBLIC_URL": "https://gists.example.com", "DEV_PUBLIC": "1"}


def config(environ: dict[str, str]) -> Config:
    return parse_config(environ, production=False)


async def _ok(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(Request(scope).url.path)(scope, receive, send)


def status_of(
    environ: dict[str, str], *, host: str, origin: str | None = None, path: str = "/mcp"
) -> int:
    app: ASGIApp = HostAndOrigin(_ok, config(environ))
    given = {"host": host} | ({"origin": origin} if origin is not None else {})
    headers = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.post(path, headers=headers)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "host", ["localhost:9991", "127.0.0.1:9991", "[::1]:9991", "LocalHost:9991", "localhost.:9991"]
)
def test_every_loopback_name_is_ours(host: str) -> None:
    assert status_of(LOCAL, host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost",
        "localhost:9992",
        "localhost.evil:9991",
        "",
        "127.1:9991",
        "2130706433:9991",
        "[::ffff:127.0.0.1]:9991",
        "127.0.0.1:9991.evil.example",
        "no-host.invalid",
    ],
)
def test_a_rebound_host_name_is_refused(host: str) -> None:
    assert status_of(LOCAL, host=host) == 403


@pytest.mark.parametrize(
    "host",
    [
        "gists.example.com",
        "gists.example.com:443",
        "gists.example.com.",
        "gists.example.com.:443",
        "gists.example.com:",
        "GISTS.Example.COM",
    ],
)
def test_every_spelling_of_the_public_name_is_ours(host: str) -> None:
    assert status_of(PUBLIC, host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "gists.example.com:80",
        "gists.example.com:0443",
        "gists.example.com:4430",
        "gists.example.com:443:443",
        "gists.example.com:+443",
        "gists.example.com..",
        ".gists.example.com",
        "gists.example.com.evil.example",
        "evil.gists.example.com",
        "evilgists.example.com",
        "example.com",
        "user@gists.example.com",
        "gists.example.com@evil.example",
        "gists.example.com, evil.example",
        "gists.example.com evil.example",
        "gists.example.com,gists.example.com",
        "gists.example.com/",
        "gists.example.com#",
        "https://gists.example.com",
        "gists.example%2ecom",
        "xn--gists-.example.com",
        "g\xedsts.example.com",
    ],
)
def test_what_only_looks_like_the_public_name_is_refused(host: str) -> None:
    assert status_of(PUBLIC, host=host) == 403


OUR_NAME = "gists.example.com"
OUR_SPELLINGS = {OUR_NAME + dot + port for dot in ("", ".") for port in ("", ":", ":443")}
PIECES = st.sampled_from(
    [
        "gists",
        "example",
        "com",
        OUR_NAME,
        "Example",
        "evil",
        ".",
        ":",
        "443",
        "80",
        "@",
        "/",
        " ",
        ",",
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=40))
def test_no_other_text_is_the_public_name(text: str) -> None:
    is_ours = canonical_authority(text, "https") == OUR_NAME
    is_our_origin = canonical_origin(f"https://{text}") == f"https://{OUR_NAME}"

    assert is_ours == is_our_origin == (text.isascii() and text.lower() in OUR_SPELLINGS)


@given(st.text(max_size=40), st.sampled_from(["http", "https"]))
def test_the_one_spelling_is_spelled_that_way(text: str, scheme: str) -> None:
    once = canonical_authority(text, scheme)

    assert once is None or canonical_authority(once, scheme) == once


@pytest.mark.parametrize("host", ["127.0.0.1:9991", "localhost:9991", "[::1]:9991"])
def test_a_proxy_on_this_machine_may_name_the_address_that_it_was_given(host: str) -> None:
    """As nginx does, without a setting. It says where we listen, which no rebound name does."""
    assert status_of(PUBLIC, host=host) == 200
    assert status_of(PUBLIC, host=host.replace("9991", "9992")) == 403
    assert status_of(PUBLIC, host="192.0.2.1:9991") == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, 200),
        ("http://localhost:9991", 200),
        ("http://127.0.0.1:9991", 200),
        ("https://allowed.example", 200),
        ("https://allowed.example:443", 200),
        ("https://allowed.example.", 200),
        ("HTTPS://Allowed.Example", 200),
        ("HTTP://LOCALHOST:9991", 200),
        ("http://allowed.example", 403),
        ("https://allowed.example:80", 403),
        ("https://allowed.example:8443", 403),
        ("https://allowed.example.evil.example", 403),
        ("https://evil.allowed.example", 403),
        ("https://user@allowed.example", 403),
        ("https://allowed.example@evil.example", 403),
        ("https://allowed.example https://evil.example", 403),
        ("https://allowed.example, https://evil.example", 403),
        ("https://allowed.example/", 403),
        ("https://allowed.example\t", 403),
        ("allowed.example", 403),
        ("", 403),
        ("https://evil.example", 403),
        ("http://localhost:1234", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/oauth/token"])
def test_only_known_origins_may_call(origin: str | None, expected: int, path: str) -> None:
    environ = {**LOCAL, "ALLOWED_ORIGINS": "https://allowed.example"}

    assert status_of(environ, host="localhost:9991", origin=origin, path=path) == expected


@pytest.mark.parametrize("origin", ["https://gists.example.com:443", "https://gists.example.com."])
def test_our_own_pages_may_call_however_their_origin_is_spelled(origin: str) -> None:
    assert status_of(PUBLIC, host="gists.example.com", origin=origin, path="/oauth/consent") == 200


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
