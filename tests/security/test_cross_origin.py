"""What pages of which origin may call and read: every route, preflight and answer, on the wire."""

from dataclasses import dataclass

import httpx
import pytest

from gist_mcp.oauth.routes import ROUTES
from tests.security.mcp_client import initialize_message, mcp_headers
from tests.security.world import ALLOWED_ORIGIN, World

pytestmark = pytest.mark.integration

EVIL = "https://evil.example"
SENT_BY_CLIENTS = (
    "accept, authorization, content-type, last-event-id, mcp-method, mcp-name, "
    "mcp-protocol-version, mcp-session-id, mcp-param-region"
)
READ_BY_CLIENTS = {"mcp-protocol-version", "mcp-session-id", "retry-after", "www-authenticate"}

FOR_ANY_ORIGIN = [
    ("GET", "/.well-known/openid-configuration"),
    *(
        (method, f"{path}{slash}")
        for method, path in (
            ("GET", "/.well-known/oauth-protected-resource"),
            ("GET", "/.well-known/oauth-protected-resource/mcp"),
            ("GET", "/.well-known/oauth-authorization-server"),
            ("GET", "/.well-known/oauth-authorization-server/mcp"),
            ("POST", "/oauth/register"),
            ("POST", "/oauth/token"),
            ("POST", "/oauth/revoke"),
            ("POST", "/register"),
            ("POST", "/token"),
            ("POST", "/revoke"),
        )
        for slash in ("", "/")
    ),
]
FOR_ALLOWED_ORIGINS = [
    (method, path) for method in ("GET", "HEAD", "POST", "DELETE") for path in ("/mcp", "/mcp/")
]
FOR_NO_OTHER_ORIGIN = [
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/nothing"),
    ("GET", "/docs"),
    ("GET", "/oauth/authorize"),
    ("GET", "/oauth/authorize/"),
    ("GET", "/authorize"),
    ("GET", "/authorize/"),
    ("POST", "/oauth/consent"),
    ("GET", "/oauth/callback"),
    ("POST", "/oauth/callback"),
    ("GET", "/static/gist-mcp.css"),
]
REBOOTS = [
    ("/rbt.v1alpha1.admin.ExportImport/ListServers", "{}"),
    ("/rbt.v1alpha1.admin.ExportImport/Import", "[]"),
    ("/rbt.v1alpha1.Tasks/ListTasks", "{}"),
    ("/rbt.v1alpha1.inspect.Inspect/GetStateTypes", "{}"),
    ("/rbt.mcp.v1.SessionMethods/Get", "{}"),
    ("/__/reboot/rpc/rbt.mcp.v1.Session%3Ax/rbt.mcp.v1.SessionMethods/Get", "{}"),
]
"""What Envoy offers of Reboot's, and a body for it."""


@dataclass(frozen=True)
class Page:
    """A page of an origin in somebody's browser."""

    world: World
    origin: str

    def preflight(self, method: str, path: str, asked: str = SENT_BY_CLIENTS) -> httpx.Response:
        """What the browser asks before it lets the page send that."""
        headers = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked,
        }
        return self.send("OPTIONS", path, headers)

    def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: str = ""
    ) -> httpx.Response:
        """What the browser sends, and gets."""
        return httpx.request(
            method,
            f"{self.world.app.url}{path}",
            headers={"Origin": self.origin, **(headers or {})},
            content=body,
            timeout=20,
        )


def allows(answer: httpx.Response) -> dict[str, str]:
    """What an answer says about CORS."""
    prefix = "access-control-"
    return {
        name.removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.startswith(prefix)
    }


def names(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",")}


def test_the_tables_name_every_route() -> None:
    named = {path for _, path in FOR_ANY_ORIGIN + FOR_NO_OTHER_ORIGIN}

    assert {route.path.replace("{name}", "gist-mcp.css") for route in ROUTES} <= named


@pytest.mark.parametrize("origin", [EVIL, ALLOWED_ORIGIN, "null"])
@pytest.mark.parametrize(("method", "path"), FOR_ANY_ORIGIN)
def test_every_page_may_call_what_needs_no_token(
    world: World, method: str, path: str, origin: str
) -> None:
    page = Page(world, origin)

    preflight, answer = page.preflight(method, path), page.send(method, path)

    assert preflight.status_code == 204
    assert allows(preflight)["allow-origin"] == allows(answer)["allow-origin"] == "*"
    assert method.lower() in names(allows(preflight)["allow-methods"])
    assert names(SENT_BY_CLIENTS) <= names(allows(preflight)["allow-headers"])
    assert answer.status_code in (200, 400, 404)
    assert "allow-credentials" not in {**allows(preflight), **allows(answer)}


@pytest.mark.parametrize(("method", "path"), FOR_ALLOWED_ORIGINS)
def test_a_page_of_an_allowed_origin_may_call_mcp(world: World, method: str, path: str) -> None:
    page = Page(world, ALLOWED_ORIGIN)

    preflight, answer = page.preflight(method, path), page.send(method, path)

    assert preflight.status_code == 204
    assert allows(preflight)["allow-origin"] == allows(answer)["allow-origin"] == ALLOWED_ORIGIN
    assert allows(preflight)["allow-methods"] == "GET, HEAD, POST, DELETE, OPTIONS"
    assert names(SENT_BY_CLIENTS) <= names(allows(preflight)["allow-headers"])
    assert int(allows(preflight)["max-age"]) > 0
    assert answer.status_code == 401
    assert names(allows(answer)["expose-headers"]) >= READ_BY_CLIENTS
    assert "Origin" in preflight.headers["vary"]
    assert "Origin" in answer.headers["vary"]
    assert "allow-credentials" not in {**allows(preflight), **allows(answer)}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_our_own_origin_may_call_mcp_under_each_of_its_names(world: World, host: str) -> None:
    page = Page(world, f"http://{host}:{world.app.port}")

    assert allows(page.preflight("POST", "/mcp"))["allow-origin"] == page.origin
    assert allows(page.send("POST", "/mcp"))["allow-origin"] == page.origin


def test_an_allowed_page_can_read_the_id_of_its_session(world: World) -> None:
    headers = {**mcp_headers(world.token()), "Origin": ALLOWED_ORIGIN}

    answer = httpx.post(world.app.mcp_url, headers=headers, json=initialize_message(), timeout=20)

    assert answer.headers["mcp-session-id"]
    assert "mcp-session-id" in names(allows(answer)["expose-headers"])
    assert allows(answer)["allow-origin"] == ALLOWED_ORIGIN


@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "http://allowed.example", f"{ALLOWED_ORIGIN}.evil.example", "http://localhost"],
)
@pytest.mark.parametrize(("method", "path"), FOR_ALLOWED_ORIGINS)
def test_other_pages_may_neither_call_mcp_nor_read_the_refusal(
    world: World, method: str, path: str, origin: str
) -> None:
    page = Page(world, origin)

    preflight, answer = page.preflight(method, path), page.send(method, path)

    assert (preflight.status_code, answer.status_code) == (403, 403)
    assert allows(preflight) == allows(answer) == {}
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [EVIL, ALLOWED_ORIGIN])
@pytest.mark.parametrize(("method", "path"), FOR_NO_OTHER_ORIGIN)
def test_pages_of_ours_are_for_no_script_of_another_origin(
    world: World, method: str, path: str, origin: str
) -> None:
    page = Page(world, origin)

    preflight, answer = page.preflight(method, path), page.send(method, path)

    assert preflight.status_code >= 400
    assert allows(preflight) == allows(answer) == {}


@pytest.mark.parametrize("origin", [EVIL, ALLOWED_ORIGIN, "null"])
@pytest.mark.parametrize(("path", "body"), REBOOTS)
def test_no_page_of_another_origin_reaches_reboots_calls(
    world: World, path: str, body: str, origin: str
) -> None:
    """In development some need no credential, and a browser sends plain text without asking."""
    page = Page(world, origin)

    preflight = page.preflight("POST", path)
    answer = page.send("POST", path, {"Content-Type": "text/plain"}, body)

    assert preflight.status_code >= 400
    assert answer.status_code == 403
    assert answer.text == "Not for web pages.\n"
    assert allows(preflight) == allows(answer) == {}


def test_no_page_of_another_origin_opens_reboots_websocket(world: World) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    path = "/__/reboot/rpc/rbt.mcp.v1.Session%3Ax/rbt.v1alpha1.React/Query"

    foreign = Page(world, EVIL).send("GET", path, upgrade)

    assert foreign.status_code == 403


def test_the_inspector_still_works_where_it_is_open(world: World) -> None:
    page = Page(world, f"http://127.0.0.1:{world.app.port}")

    answer = httpx.post(
        f"{world.app.url}/rbt.v1alpha1.Tasks/ListTasks",
        headers={"Origin": page.origin},
        json={},
        timeout=10,
    )

    assert answer.status_code == 200
    assert "tasks" in answer.json()


@pytest.mark.parametrize("asked", ["x-reboot-state-ref", "x-gist-mcp-hop", "cookie", "mcp-a b"])
def test_pages_may_not_send_other_headers(world: World, asked: str) -> None:
    for path in ("/mcp", "/oauth/token", "/token", "/token/"):
        preflight = Page(world, ALLOWED_ORIGIN).preflight("POST", path, asked)

        assert asked not in names(allows(preflight)["allow-headers"])
