"""The questions that only the OAuth App can ask come out of one budget that all users share.

GitHub answers an app 5,000 of them an hour. What this server has sealed needs none.
"""

import httpx
import pytest

from tests.mcp_clients.person import query_of, read_form
from tests.security.mcp_client import McpUser
from tests.security.world import World
from tests.support.oauth_client import OAuthClient

pytestmark = pytest.mark.integration

PROCESSES = 2
CHECK = "/applications/[^/]+/token"


def signed_in(world: World, account: str) -> tuple[OAuthClient, dict[str, str]]:
    """A client and its first tokens, by way of our consent page and GitHub's."""
    client = OAuthClient(world.app.url)
    with httpx.Client(
        base_url=world.app.url, headers={"Accept": "text/html"}, timeout=30
    ) as browser:
        form = read_form(browser.get(client.authorize_url).text) | {"decision": "approve"}
        to_github = browser.post("/oauth/consent", data=form).headers["location"]
        to_client = browser.get(world.github.approve(to_github, account)).headers["location"]
    return client, client.redeem(query_of(to_client)["code"]).json()


def test_a_sealed_token_and_its_refresh_cost_the_app_no_check(world: World) -> None:
    client, tokens = signed_in(world, "monalisa")
    world.github.forget_requests()

    user = McpUser.connect(world.app.mcp_url, tokens["access_token"])
    for _ in range(6):
        user.call("list_my_gists")
    refreshed = client.refresh(tokens["refresh_token"]).json()
    user.token = refreshed["access_token"]
    user.call("list_my_gists")

    assert refreshed["scope"] == "gist read:user"
    assert world.github.requests("POST", CHECK) == []
    # One process asks for all, and GitHub's yes at the sign-in was a minute ago at most.
    assert len(world.github.requests("GET", "/user")) <= 1


def test_where_githubs_tokens_expire_a_refresh_is_no_check_either(world: World) -> None:
    world.github.configure(expiring_tokens=True)
    try:
        client, tokens = signed_in(world, "monalisa")
    finally:
        world.github.configure(expiring_tokens=False)
    world.github.forget_requests()

    refreshed = client.refresh(tokens["refresh_token"]).json()
    McpUser.connect(world.app.mcp_url, refreshed["access_token"]).call("list_my_gists")

    assert world.github.requests("POST", CHECK) == []


def test_a_github_token_without_our_seal_is_checked_once_by_each_process(world: World) -> None:
    token = world.token("monalisa")
    world.github.forget_requests()

    user = McpUser.connect(world.app.mcp_url, token)
    for _ in range(6):
        user.call("list_my_gists")

    assert 1 <= len(world.github.requests("POST", CHECK)) <= PROCESSES


def test_a_personal_token_is_refused_as_what_it_is(world: World) -> None:
    token = world.github.create_token("monalisa", ["gist"], kind="classic")

    answer = httpx.post(
        world.app.mcp_url, json={}, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    told = answer.json()["error_description"]
    assert "not issued to this server's OAuth App" in told
    assert f"Sign in at {world.app.url}/oauth/authorize." in told
    assert world.asked_about(token) == 0
