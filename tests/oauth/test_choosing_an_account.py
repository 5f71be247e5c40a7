"""A person who is signed in at GitHub with another account than the one to use here."""

import pytest

from tests.oauth.oauth_client import register
from tests.oauth.site import BROWSER_ACCEPT, CODE, Site, query_of

pytestmark = pytest.mark.integration

CHOOSE = "/oauth/authorize?prompt=select_account"


def test_the_page_with_the_token_offers_another_account(site: Site) -> None:
    page = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    assert "Signed in as octocat" in page.text
    assert f'href="{CHOOSE}"' in page.text


def test_a_refusal_at_github_offers_another_account(site: Site) -> None:
    page = site.come_back(error="access_denied", state=site.set_out(), headers=BROWSER_ACCEPT)

    assert page.status_code == 403
    assert f'href="{CHOOSE}"' in page.text


def test_github_asks_for_the_account_where_a_person_wants_that(site: Site) -> None:
    location = site.get(CHOOSE).headers["location"]

    assert query_of(location)["prompt"] == "select_account"
    done = site.come_back(code=CODE, state=query_of(location)["state"])
    assert done.status_code == 200


def test_the_consent_page_lets_a_person_choose_the_account_first(site: Site) -> None:
    client = register(site)

    location = client.decide(client.authorize(), "approve_as_another").headers["location"]

    assert query_of(location)["prompt"] == "select_account"
    done = site.come_back(code=CODE, state=query_of(location)["state"])
    assert client.redeem(query_of(done.headers["location"])["code"]).status_code == 200


def test_nobody_is_asked_for_the_account_unasked(site: Site) -> None:
    client = register(site)

    locations = [
        site.get("/oauth/authorize").headers["location"],
        client.decide(client.authorize()).headers["location"],
    ]

    assert all("prompt" not in query_of(location) for location in locations)


@pytest.mark.parametrize("prompt", ["consent", "login", "select_account none", "\u00e9", "a\r\nb"])
def test_other_prompts_change_nothing(site: Site, prompt: str) -> None:
    location = site.get("/oauth/authorize", params={"prompt": prompt}).headers["location"]

    assert "prompt" not in query_of(location)
    assert register(site).authorize(prompt=prompt).status_code == 200
