"""What the front door refuses before anything else happens, over the wire."""

import re

import httpx
import pytest

from gist_mcp.config import DEFAULT_MAX_BODY_BYTES
from gist_mcp.http.body import LOOKED_THROUGH
from tests.security import raw_http
from tests.security.mcp_client import (
    McpUser,
    answer_of,
    initialize_message,
    mcp_headers,
    tool_message,
)
from tests.security.raw_http import exchange, lines, status_of
from tests.security.world import ALLOWED_ORIGIN, World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]

LIMIT_BYTES = DEFAULT_MAX_BODY_BYTES
NAMES_OF_OURS = ("/mcp", "/oauth/", "/healthz", "/.well-known")


def post(world: World, content: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        world.app.mcp_url,
        headers={**mcp_headers(world.token()), **headers},
        content=content,
        timeout=30,
    )


@pytest.mark.parametrize(
    "path",
    [
        "/mcp",
        "/mcp/",
        "/oauth/token",
        "/oauth/callback",
        "/register",
        "/register/",
        "/token",
        "/token/",
        "/revoke",
    ],
)
def test_a_foreign_host_is_refused(world: World, path: str) -> None:
    answer = httpx.post(f"{world.app.url}{path}", headers={"Host": "evil.example"}, timeout=10)

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/oauth/callback", "/oauth/consent"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
def test_a_foreign_origin_is_refused(world: World, path: str, origin: str) -> None:
    """The endpoints for OAuth clients, which take no cookie, are open to every origin."""
    answer = httpx.post(f"{world.app.url}{path}", headers={"Origin": origin}, timeout=10)

    assert answer.status_code == 403


@pytest.mark.parametrize("hop", ["x", "A" * 200])
def test_a_made_up_hop_does_not_get_past_the_host_check(world: World, hop: str) -> None:
    headers = {"Host": "evil.example", "x-gist-mcp-hop": hop}

    assert httpx.get(world.app.mcp_url, headers=headers, timeout=10).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "PUT", "PATCH"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_without_a_token_every_method_gets_the_same_challenge(
    world: World, method: str, path: str
) -> None:
    answer = httpx.request(method, f"{world.app.url}{path}", timeout=10)
    challenge = answer.headers["www-authenticate"]

    assert answer.status_code == 401
    assert challenge.startswith("Bearer ")
    assert "error" not in challenge
    metadata = f"{world.app.url}/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{metadata}"' in challenge


@pytest.mark.parametrize(
    "value",
    [b"Bearer garbage", b"bearer gho_short", b"Bearer a b", b"Bearer \xe9\xff", b"Bearer ggm_at_x"],
)
def test_a_bad_token_is_named_as_such(world: World, value: bytes) -> None:
    world.github.forget_requests()

    answer = httpx.post(world.app.mcp_url, headers={b"authorization": value}, timeout=10)

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "resource_metadata=" in answer.headers["www-authenticate"]
    assert world.github.requests() == []


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Basic YTpi", b"Bearer\t", b"Token x"])
def test_another_scheme_counts_as_no_token(world: World, value: bytes) -> None:
    head = lines(
        "GET /mcp HTTP/1.1",
        f"Host: localhost:{world.app.port}",
        b"Authorization: " + value,
        "Connection: close",
    )

    answer = exchange(world.app.port, head)

    assert status_of(answer) == 401
    assert b"error=" not in answer


def test_a_missing_scope_is_named(world: World) -> None:
    token = world.token("octocat", ("read:user",))
    headers = mcp_headers(token)
    opened = httpx.post(world.app.mcp_url, headers=headers, json=initialize_message(), timeout=20)
    headers = mcp_headers(token, opened.headers["mcp-session-id"])

    answer = httpx.post(
        world.app.mcp_url, headers=headers, json=tool_message(2, "list_my_gists", {}), timeout=20
    )

    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert re.search(r'scope="[^"]*\bgist\b[^"]*"', challenge)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":'
        b'{"n":1e999}}}',
        b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b"[]",
        b"null",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_not_a_message_is_400(world: World, content: bytes) -> None:
    assert post(world, content).status_code == 400


def test_a_long_body_is_413(world: World) -> None:
    assert post(world, b" " * (LIMIT_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("length", ["9" * 30, str(LOOKED_THROUGH * LIMIT_BYTES + 1)])
def test_an_announced_length_is_refused_before_the_body_comes(world: World, length: str) -> None:
    head = lines(
        "POST /mcp HTTP/1.1",
        f"Host: localhost:{world.app.port}",
        f"Authorization: Bearer {world.token()}",
        f"Content-Length: {length}",
    )

    # Envoy itself refuses a length that is no 64-bit number.
    assert status_of(exchange(world.app.port, head)) in (413, 400)


def test_a_chunked_body_is_413_while_it_is_still_coming(world: World) -> None:
    head = lines(
        "POST /mcp HTTP/1.1",
        f"Host: localhost:{world.app.port}",
        f"Authorization: Bearer {world.token()}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    # A gigabyte, and never an end: the answer can only come in between.
    answer = exchange(world.app.port, head, then=chunk, times=16_384)

    assert status_of(answer) == 413


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("Authorization", "Bearer {good}", "Bearer {good}"),
        ("Authorization", "Bearer {good}", "Bearer x"),
        ("Mcp-Session-Id", "x", "y"),
        ("Host", "localhost:{port}", "evil.example"),
        ("Origin", "http://localhost:{port}", "https://evil.example"),
        ("x-gist-mcp-hop", "x", "y"),
    ],
)
def test_a_repeated_header_that_decides_is_refused(
    world: World, name: str, first: str, second: str
) -> None:
    """Envoy joins some with a comma, which then fits nothing; the others are ours to refuse."""
    known = {"good": world.token(), "port": str(world.app.port)}
    usual = {"Host": "localhost:{port}", "Authorization": "Bearer {good}"}
    head = lines(
        "POST /mcp HTTP/1.1",
        *(f"{key}: {value}".format(**known) for key, value in usual.items() if key != name),
        f"{name}: {first}".format(**known),
        f"{name}: {second}".format(**known),
        "Content-Length: 0",
    )

    answer = exchange(world.app.port, head)

    assert status_of(answer) in (400, 401, 403)
    assert b"Parse error" not in answer


@pytest.mark.parametrize("path", ["/", "/nothing", "/mcp", "/oauth/callback", "/healthz"])
def test_every_answer_has_the_security_headers(world: World, path: str) -> None:
    headers = httpx.get(f"{world.app.url}{path}", headers={"Accept": "text/html"}).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/oauth/callback"])
def test_no_page_has_script_in_it(world: World, path: str) -> None:
    page = httpx.get(f"{world.app.url}{path}", headers={"Accept": "text/html"}).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son[a-z]+\s*=", page)
    assert "javascript:" not in page


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nothing_redirects_between_the_two_spellings(world: World, path: str, method: str) -> None:
    answer = httpx.request(method, f"{world.app.url}{path}", headers=mcp_headers(world.token()))

    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"])
def test_the_web_framework_serves_nothing_by_itself(world: World, path: str) -> None:
    answer = httpx.get(f"{world.app.url}{path}")

    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in NAMES_OF_OURS if name in answer.text]


@pytest.mark.parametrize("value", ["x", "x/", "/x", "a/b/c", "a" * 65 + "/1", "VSCODE"])
def test_an_event_id_that_is_none_is_400(world: World, value: str) -> None:
    headers = {**mcp_headers(world.token()), "Last-Event-ID": value, "Mcp-Session-Id": "0" * 48}

    assert httpx.get(world.app.mcp_url, headers=headers, timeout=10).status_code == 400


@pytest.mark.parametrize(
    "sent",
    [
        [b"x"],
        [b"%s/1" % (b"0" * 32)],
        [b"VSCODE_GET/1"],
        [b"../../etc/passwd"],
        [b"\xff\xfe"],
        [b"a" * 8000],
        [b"x", b"y"],
    ],
)
def test_an_event_id_with_a_call_changes_nothing(world: World, sent: list[bytes]) -> None:
    """It says something on a GET only; some clients send it with what they post."""
    user = McpUser.connect(world.app.mcp_url, world.token())
    headers = [(name.encode(), value.encode()) for name, value in user.headers.items()]
    headers += [(b"Last-Event-ID", each) for each in sent]
    call = tool_message(3, "get_my_profile", {})

    answer = httpx.post(user.url, headers=headers, json=call, timeout=20)

    assert answer.status_code == 200
    assert "octocat" in str(answer_of(answer.text, 3)["result"])


@pytest.mark.parametrize("path", ["/", "/mcp", "/oauth/authorize", "/oauth/token", "/healthz"])
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_no_foreign_page_gets_cookies_along(world: World, method: str, path: str) -> None:
    """Stock, Reboot's Envoy gives every origin CORS headers, preflights included.
    `reboot_gateway.py` takes those out; what is left is ours, and none of it lets cookies
    through."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answer = httpx.request(method, f"{world.app.url}{path}", headers=headers, timeout=10)

    assert "access-control-allow-credentials" not in answer.headers


def test_an_allowed_origin_may_call(world: World) -> None:
    headers = mcp_headers(world.token()) | {"Origin": ALLOWED_ORIGIN}

    answer = httpx.post(world.app.mcp_url, headers=headers, json=initialize_message(), timeout=20)

    assert answer.status_code == 200


def test_a_forged_routing_header_is_answered_by_envoy_without_us(world: World) -> None:
    bogus = httpx.get(f"{world.app.url}/", headers={"x-reboot-server-id": "<b>x</b>"})
    malformed = httpx.get(f"{world.app.url}/", headers={"x-reboot-state-ref": "::::"})

    assert (bogus.status_code, malformed.status_code) == (502, 400)
    assert "html" not in bogus.headers.get("content-type", "")


@pytest.mark.parametrize("name", ["x-reboot-server-id", "x-reboot-state-ref"])
def test_a_forged_routing_header_changes_nothing_at_mcp(world: World, name: str) -> None:
    answer = httpx.get(f"{world.app.url}/mcp", headers={name: "::::"})

    assert answer.status_code == 401


def test_expect_continue_does_not_keep_a_stranger_waiting(world: World) -> None:
    head = lines(
        "POST /mcp HTTP/1.1",
        f"Host: localhost:{world.app.port}",
        "Content-Length: 10",
        "Expect: 100-continue",
    )

    answer = raw_http.exchange(world.app.port, head)

    assert status_of(answer) in (100, 401)
