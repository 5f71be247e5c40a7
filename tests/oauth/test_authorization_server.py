"""The authorization server as it runs: two processes behind Envoy, and a real browser."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.mcp_clients.person import Person, query_of
from tests.support.chromium import agree, chromium_page
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient, open_session
from tests.support.world import World, world

pytestmark = pytest.mark.integration

REDIRECT_URI = "http://localhost:7777/oauth/callback"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def here(shared: World) -> World:
    shared.github.reset()
    return shared


class Client(OAuthClient):
    """A client at the real server, with a person who signs in."""

    def __init__(self, here: World, redirect_uri: str = REDIRECT_URI) -> None:
        super().__init__(here.server.url, redirect_uri=redirect_uri)
        self.here = here

    def sign_in(self, **person: Any) -> tuple[dict[str, Any], str]:
        """The tokens, and the code that they came for."""
        answer = query_of(Person(world=self.here, **person).answer(self.authorize_url))
        redeemed = self.redeem(answer["code"])
        assert redeemed.status_code == 200, redeemed.text
        tokens: dict[str, Any] = redeemed.json()
        return tokens, answer["code"]


def initialize(here: World, access_token: str) -> httpx.Response:
    """Opens an MCP session; 200 or a challenge."""
    return open_session(here.server.url, access_token)


def works(here: World, access_token: str) -> bool:
    """Whether a tool can use the token. A session may open in the first minute, before anybody has
    asked GitHub."""
    opened = initialize(here, access_token)
    if opened.status_code == 401:
        return False
    client = McpClient(here.server.mcp_url, access_token)
    client.session_id = opened.headers["mcp-session-id"]
    call = client.call("get_my_profile")
    call.wait_until_broken()
    return call.result is not None and not call.result.is_error


def test_every_method_gets_the_same_challenge_that_leads_to_the_metadata(here: World) -> None:
    answers = [httpx.request(m, here.server.mcp_url) for m in ("GET", "HEAD", "POST")]

    challenges = {answer.headers["www-authenticate"] for answer in answers}
    (challenge,) = challenges
    assert [answer.status_code for answer in answers] == [401] * 3
    metadata_url = challenge.partition('resource_metadata="')[2].partition('"')[0]
    resource = httpx.get(metadata_url).json()
    issuer = resource["authorization_servers"][0]
    server = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    assert resource["resource"] == here.server.mcp_url
    assert server["issuer"] == issuer == here.server.url


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/oauth/register"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/revoke"),
    ],
)
def test_web_pages_of_any_origin_may_call(here: World, method: str, path: str) -> None:
    url = f"{here.server.url}{path}"
    origin = {"Origin": "https://inspector.example"}
    asks = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,authorization",
    }

    preflight = httpx.options(url, headers=origin | asks)
    answer = httpx.request(method, url, headers=origin)

    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] in ("*", origin["Origin"])
    allowed = preflight.headers["access-control-allow-headers"].lower().split(",")
    assert {"content-type", "authorization"} <= {name.strip() for name in allowed}
    assert answer.status_code != 403
    assert answer.headers["access-control-allow-origin"] in ("*", origin["Origin"])
    assert "access-control-allow-credentials" not in answer.headers


def test_a_foreign_page_may_not_press_the_button(here: World) -> None:
    answer = httpx.post(
        f"{here.server.url}/oauth/consent",
        data={"decision": "approve"},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert "location" not in answer.headers


def test_the_replay_of_a_code_ends_its_tokens_in_every_process_at_once(here: World) -> None:
    client = Client(here)
    tokens, code = client.sign_in()
    before = [initialize(here, tokens["access_token"]).status_code for _ in range(4)]

    replayed = client.redeem(code)
    after = [initialize(here, tokens["access_token"]) for _ in range(4)]

    assert before == [200] * 4
    assert replayed.json()["error"] == "invalid_grant"
    assert [each.status_code for each in after] == [401] * 4
    assert 'error="invalid_token"' in after[0].headers["www-authenticate"]


def test_a_token_given_back_is_dead_in_every_process_and_at_github(here: World) -> None:
    client = Client(here)
    tokens, _ = client.sign_in()
    assert initialize(here, tokens["access_token"]).status_code == 200

    form = {"token": tokens["refresh_token"], "client_id": client.client_id}
    answer = client.post("/oauth/revoke", data=form)

    assert answer.status_code == 200
    assert [initialize(here, tokens["access_token"]).status_code for _ in range(4)] == [401] * 4
    assert len(here.github.requests("DELETE", "/applications/[^/]+/token")) == 1


def test_expiring_tokens_of_github_are_refreshed_once_whichever_process_is_asked(
    here: World,
) -> None:
    here.github.configure(expiring_tokens=True)
    client = Client(here)
    tokens, _ = client.sign_in()
    here.github.forget_requests()

    answers = [client.refresh(tokens["refresh_token"]) for _ in range(8)]

    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(here.github.requests("POST", "/login/oauth/access_token")) == 1
    newest = answers[-1].json()
    assert initialize(here, newest["access_token"]).status_code == 200
    assert not works(here, tokens["access_token"])
    assert client.refresh(newest["refresh_token"]).status_code == 200


def test_a_restart_and_new_keys_sign_nobody_out(here: World) -> None:
    client = Client(here)
    tokens, _ = client.sign_in()
    old_key = here.server.settings["TOKEN_KEYS"]
    here.server.settings["TOKEN_KEYS"] = f"a-new-key-of-more-than-32-characters-,{old_key}"

    here.server.restart()

    assert initialize(here, tokens["access_token"]).status_code == 200
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_fewer_scopes_are_told_and_a_new_sign_in_adds_them_in_the_same_session(
    here: World,
) -> None:
    client = Client(here)
    few, _ = client.sign_in(scopes=["read:user"])
    session = initialize(here, few["access_token"]).headers["mcp-session-id"]
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "list_my_gists", "arguments": {}},
    }

    def list_gists(access_token: str) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {access_token}",
            "Accept": "application/json, text/event-stream",
            "Mcp-Session-Id": session,
        }
        return httpx.post(here.server.mcp_url, json=call, headers=headers, timeout=30)

    refused = list_gists(few["access_token"])
    more, _ = client.sign_in()
    done = list_gists(more["access_token"])

    assert few["scope"] == "read:user"
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert more["scope"] == "gist read:user"
    assert done.status_code == 200


def in_chromium(here: World, client: Client, *, times: int = 1) -> list[str]:
    """What a real browser is sent to, with GitHub's consent asked for the first time only."""
    reached: list[str] = []
    with chromium_page() as page:
        page.on("request", lambda request: reached.append(request.url))
        page.route(f"{client.redirect_uri}**", lambda route: route.fulfill(body="done"))
        for _ in range(times):
            page.goto(client.authorize_url)
            agree(page)
            page.get_by_text("done").wait_for()
    # Chromium reports a request that is answered here twice.
    return list(dict.fromkeys(url for url in reached if url.startswith(client.redirect_uri)))


@pytest.mark.parametrize("redirect_uri", [REDIRECT_URI, "https://client.example/callback"])
def test_a_real_browser_follows_every_redirect_also_when_nobody_asks_again(
    here: World, redirect_uri: str
) -> None:
    client = Client(here, redirect_uri)

    reached = in_chromium(here, client, times=2)

    assert len(reached) == 2
    assert client.redeem(query_of(reached[0])["code"]).status_code == 200


def test_a_browser_at_127_0_0_1_ends_well_too(here: World) -> None:
    client = Client(here)
    url = client.authorize_url.replace("//localhost:", "//127.0.0.1:", 1)

    answer = httpx.get(url, headers={"Accept": "text/html"})

    assert answer.status_code == 302
    assert answer.headers["location"] == f"{client.authorize_url}&came_by=127.0.0.1"
