"""When a grant ends, GitHub has no valid token of it left, also where GitHub's tokens expire."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import PUBLIC_URL, Site, query_of
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.integration

EIGHT_HOURS = 8 * 3600


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess(callback_urls=[f"{PUBLIC_URL}/oauth/callback"]) as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator, site: Site) -> Iterator[GitHubSimulator]:
    """The simulator as the site's GitHub, with tokens that expire."""
    simulator.reset()
    simulator.configure(expiring_tokens=True)
    site.to_github = httpx.AsyncHTTPTransport()
    _start(site, simulator)
    yield simulator
    site.run(site.to_github.aclose())


def _start(site: Site, github: GitHubSimulator) -> None:
    """A start of the server, which remembers nothing."""
    site.configure(
        GITHUB_WEB_URL=github.url,
        GITHUB_API_URL=github.url,
        GITHUB_CLIENT_ID=github.client_id,
        GITHUB_CLIENT_SECRET=github.client_secret,
    )


def _sign_in(client: OAuthClient, github: GitHubSimulator) -> tuple[str, dict[str, str]]:
    """A code and the tokens that it was redeemed for."""
    decided = client.decide(client.authorize())
    came_back = query_of(github.approve(decided.headers["location"]))
    answer = client.site.come_back(**came_back)
    code = query_of(answer.headers["location"])["code"]
    return code, client.redeem(code).json()


def _later(site: Site, github: GitHubSimulator, seconds: int) -> None:
    site.now += seconds
    github.configure(expiring_tokens=True, clock_offset_seconds=seconds)


def _alive(github: GitHubSimulator) -> int:
    """How many token pairs of the app GitHub still knows. Asking ends them."""
    return github.revoke_tokens("octocat", only_app=True)


@pytest.mark.parametrize("later", [0, EIGHT_HOURS])
def test_a_refresh_token_given_back_leaves_nothing_at_github(
    site: Site, github: GitHubSimulator, later: int
) -> None:
    client = register(site)
    _, tokens = _sign_in(client, github)
    _later(site, github, later)

    answer = client.revoke(tokens["refresh_token"])

    assert answer.status_code == 200
    assert _alive(github) == 0


@pytest.mark.parametrize("later", [0, EIGHT_HOURS])
def test_a_replayed_code_leaves_nothing_at_github(
    site: Site, github: GitHubSimulator, later: int
) -> None:
    client = register(site)
    code, _ = _sign_in(client, github)
    _later(site, github, later)

    replayed = client.redeem(code)

    assert replayed.status_code == 400
    assert _alive(github) == 0


def test_what_was_refreshed_a_moment_ago_goes_with_the_older_token(
    site: Site, github: GitHubSimulator
) -> None:
    client = register(site)
    _, tokens = _sign_in(client, github)
    client.refresh(tokens["refresh_token"])

    client.revoke(tokens["refresh_token"])

    assert _alive(github) == 0


def test_a_grant_that_is_revoked_during_a_refresh_leaves_nothing_at_github(
    site: Site, github: GitHubSimulator
) -> None:
    client = register(site)
    _, tokens = _sign_in(client, github)
    form = {"client_id": client.client_id}
    renewal = form | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fault = github.add_fault("hang_after", path="/login/oauth/access_token")

    async def revoke_during_the_refresh() -> tuple[httpx.Response, httpx.Response]:
        browser = site.new_browser()
        refreshing = asyncio.create_task(browser.post("/oauth/token", data=renewal))
        await asyncio.to_thread(fault.wait_until_held)
        revoked = await browser.post("/oauth/revoke", data=form | {"token": tokens["access_token"]})
        await asyncio.to_thread(fault.release)
        return revoked, await refreshing

    revoked, refreshed = site.run(revoke_during_the_refresh())

    assert revoked.status_code == 200
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert _alive(github) == 0
