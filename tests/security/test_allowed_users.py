"""`ALLOWED_USERS` on the real server, over restarts: the account counts, not who has its login."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.mcp_clients.person import read_form
from tests.security.mcp_client import McpUser, initialize_message, mcp_headers, tool_message
from tests.security.world import World, running_world
from tests.support.oauth_client import OAuthClient
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

BROWSER = {"Accept": "text/html"}
DECIDED_SECONDS = 30.0


@dataclass
class Member:
    """Somebody who has signed in through a client, with a session."""

    client: OAuthClient
    refresh_token: str
    mcp: McpUser


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Started by the test, which changes its setting in between."""
    with running_world(tmp_path, {"ALLOWED_USERS": "OctoCat,monalisa"}) as running:
        yield running


def callback_of(world: World, client: OAuthClient, account: str) -> httpx.Response:
    """The end of a client's sign-in in a browser, from our server."""
    with httpx.Client(base_url=world.app.url, headers=BROWSER, timeout=30) as browser:
        form = {**read_form(browser.get(client.authorize_url).text), "decision": "approve"}
        origin = {"Origin": world.app.url}
        to_github = browser.post("/oauth/consent", data=form, headers=origin)
        back = world.github.approve(to_github.headers["location"], account)
        return browser.get(back)


def joined(world: World, account: str) -> Member:
    client = OAuthClient(world.app.url)
    location = callback_of(world, client, account).headers["location"]
    tokens = client.redeem(parse_qs(urlsplit(location).query)["code"][0]).json()
    mcp = McpUser.connect(world.app.mcp_url, tokens["access_token"])
    return Member(client, tokens["refresh_token"], mcp)


def opened(world: World, token: str) -> httpx.Response:
    """The answer to a new session, once the server knows who may use it."""
    answers: list[httpx.Response] = []

    def is_decided() -> bool:
        headers = mcp_headers(token)
        answers.append(
            httpx.post(world.app.mcp_url, headers=headers, json=initialize_message(), timeout=30)
        )
        return answers[-1].status_code != 503

    wait_until("the server to know who may use it", is_decided, seconds=DECIDED_SECONDS)
    return answers[-1]


def test_the_account_counts_and_not_who_has_its_login(world: World) -> None:
    github = world.github
    stranger_token = world.token("hubot")
    assert opened(world, world.token("octocat")).status_code == 200
    octocat, monalisa = joined(world, "octocat"), joined(world, "monalisa")

    # A stranger gets a page instead of a code, and no token of theirs is taken.
    refused = opened(world, stranger_token)
    page = callback_of(world, OAuthClient(world.app.url), "hubot")

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert "may not use this server" in refused.json()["error_description"]
    assert page.status_code == 403
    assert "hubot" in page.text
    # What GitHub gave for that sign-in is dead: only the stranger's own token is left.
    assert len(github.requests("DELETE", f"/applications/{github.client_id}/token")) == 1

    # The login changes hands, somebody is taken out, and the server starts anew.
    github.change_user("octocat", login="the-octocat")
    github.change_user("hubot", login="octocat")
    world.app.settings["ALLOWED_USERS"] = "octocat"
    world.app.restart()

    assert opened(world, stranger_token).status_code == 401
    assert callback_of(world, OAuthClient(world.app.url), "octocat").status_code == 403
    assert "the-octocat" in str(octocat.mcp.call("get_my_profile"))
    assert octocat.client.refresh(octocat.refresh_token).status_code == 200
    # Who was taken out is refused in an open session, with a token that is still good.
    for message in (tool_message(7, "get_my_profile", {}), initialize_message()):
        answer = monalisa.mcp.send(message)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    ended = monalisa.client.refresh(monalisa.refresh_token)
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")

    # Two server processes, two starts: each login was looked up once.
    looked_up = [each.path for each in github.requests("GET", "/users/[^/]+")]
    assert sorted(looked_up) == ["/users/monalisa", "/users/octocat"]
