"""The page that a person sees after a sign-in was interrupted: the reason, and a new start."""

import httpx
import pytest

from gist_mcp.oauth import sign_in
from tests.oauth.oauth_client import register
from tests.oauth.site import BROWSER_ACCEPT, CODE, PUBLIC_URL, Site, query_of

pytestmark = pytest.mark.integration


def test_a_restart_before_github_saw_the_code_costs_nothing(site: Site) -> None:
    oauth_state = site.set_out()
    site.github.token_answer = httpx.Response(503)
    site.come_back(code=CODE, state=oauth_state)

    site.github.answer_with()
    same_run = site.come_back(code=CODE, state=oauth_state)
    site.app.state.deps.incarnation = "second"
    thief = site.come_back(code="another", state=oauth_state)
    stranger = site.come_back(code=CODE, state=oauth_state, browser=site.new_browser())
    next_run = site.come_back(code=CODE, state=oauth_state)

    assert [each.status_code for each in (same_run, thief, stranger)] == [400] * 3
    assert next_run.status_code == 200


@pytest.mark.parametrize("headers", [{}, BROWSER_ACCEPT])
def test_a_restart_after_github_saw_the_code_is_told_with_a_way_on(
    site: Site, headers: dict[str, str]
) -> None:
    oauth_state = site.set_out()
    site.github.token_answer = httpx.Response(503)
    site.come_back(code=CODE, state=oauth_state)
    site.github.token_answer = httpx.Response(200, json={"error": "bad_verification_code"})
    site.app.state.deps.incarnation = "second"

    answer = site.come_back(code=CODE, state=oauth_state, headers=headers)

    assert answer.status_code == 400
    assert "restarted in the middle of this sign-in" in answer.text
    assert "/oauth/authorize" in answer.text


def test_a_program_is_told_where_to_start_again(site: Site) -> None:
    oauth_state = site.set_out()
    site.come_back(code=CODE, state=oauth_state)

    again = site.come_back(code=CODE, state=oauth_state)

    assert again.json()["start_again"] == f"{PUBLIC_URL}/oauth/authorize"


def test_after_a_restart_the_page_begins_the_clients_sign_in_anew(site: Site) -> None:
    client = register(site)
    oauth_state = query_of(client.decide(client.authorize()).headers["location"])["state"]
    site.run(_claimed_by_a_run_that_died(site, oauth_state))
    site.app.state.deps.incarnation = "second"
    site.github.token_answer = httpx.Response(200, json={"error": "bad_verification_code"})

    page = site.come_back(code=CODE, state=oauth_state, headers=BROWSER_ACCEPT)

    assert page.status_code == 400
    assert "this computer" in page.text
    assert "http://127.0.0.1:5555" in page.headers["content-security-policy"]
    assert 'href="/oauth/authorize"' not in page.text
    site.github.answer_with()
    site.now += 599  # The page is as fresh as a consent page.
    fresh_state = query_of(client.decide(page).headers["location"])["state"]
    done = site.come_back(code=CODE, state=fresh_state)
    assert client.redeem(query_of(done.headers["location"])["code"]).status_code == 200


def test_the_page_after_a_restart_takes_a_no_to_the_client(site: Site) -> None:
    client = register(site)
    oauth_state = query_of(client.decide(client.authorize()).headers["location"])["state"]
    site.run(_claimed_by_a_run_that_died(site, oauth_state))
    page = site.come_back(code=CODE, state=oauth_state, headers=BROWSER_ACCEPT)

    answer = client.decide(page, "deny")

    assert query_of(answer.headers["location"])["error"] == "access_denied"
    assert site.github.requests == []


async def _claimed_by_a_run_that_died(site: Site, oauth_state: str) -> None:
    cookies = [value for name, value in site.browser.cookies.items() if "browser" in name]
    await sign_in.claim(
        site.app.state.deps.reboot_context(None),
        oauth_state=oauth_state,
        browser_secrets=cookies,
        code=CODE,
        incarnation="first",
        now_seconds=site.now,
    )
