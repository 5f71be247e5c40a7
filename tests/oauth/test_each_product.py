"""Signing in and out at each product of GitHub's: github.com, Enterprise Server, GHE.com."""

from collections.abc import Iterator

import httpx
import pytest

from github_simulator.products import PRODUCT_NAMES
from tests.oauth.oauth_client import register
from tests.oauth.site import PUBLIC_URL, Site, query_of
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=PRODUCT_NAMES)
def simulator(request: pytest.FixtureRequest) -> Iterator[GitHubSimulator]:
    callback_url = f"{PUBLIC_URL}/oauth/callback"
    with GitHubSimulatorInProcess(callback_urls=[callback_url], product=request.param) as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator, site: Site) -> Iterator[GitHubSimulator]:
    """The simulator as the site's GitHub."""
    simulator.reset()
    site.to_github = httpx.AsyncHTTPTransport()
    site.configure(
        GITHUB_WEB_URL=simulator.url,
        GITHUB_API_URL=simulator.api_url,
        GITHUB_CLIENT_ID=simulator.client_id,
        GITHUB_CLIENT_SECRET=simulator.client_secret,
    )
    yield simulator
    site.run(site.to_github.aclose())


def test_a_person_signs_in_and_gets_a_token_of_that_github(
    site: Site, github: GitHubSimulator
) -> None:
    begun = site.get("/oauth/authorize")
    back = query_of(github.approve(begun.headers["location"]))

    answer = site.come_back(**back, headers={"accept": "application/json"})

    assert begun.headers["location"].startswith(f"{github.url}/login/oauth/authorize?")
    assert answer.status_code == 200
    assert answer.json()["login"] == "octocat"
    used = httpx.get(
        f"{github.api_url}/user",
        headers={"authorization": f"Bearer {answer.json()['access_token']}"},
    )
    assert used.json()["login"] == "octocat"


def test_a_client_signs_its_person_in_and_gives_everything_back(
    site: Site, github: GitHubSimulator
) -> None:
    client = register(site)
    asked = client.authorize()
    decided = client.decide(asked)
    back = query_of(github.approve(decided.headers["location"]))
    code = query_of(site.come_back(**back).headers["location"])["code"]
    tokens = client.redeem(code).json()

    revoked = client.revoke(tokens["refresh_token"])

    # The browser follows the form's redirect to that GitHub, which the page must allow.
    assert github.url in asked.headers["content-security-policy"]
    assert revoked.status_code == 200
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert github.revoke_tokens("octocat", only_app=True) == 0


def test_the_answer_of_another_github_is_refused(site: Site, github: GitHubSimulator) -> None:
    begun = site.get("/oauth/authorize")
    back = query_of(github.approve(begun.headers["location"]))

    answer = site.come_back(**back | {"iss": "https://github.example.com/login/oauth"})

    assert answer.status_code == 400
