"""Sign-ins that took too long: the browser that began reads so, and may start again."""

import httpx
import pytest

from gist_mcp.constants import SIGN_IN_LIFETIME_SECONDS, SIGN_IN_REMEMBERED_SECONDS
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import BROWSER_ACCEPT, CODE, Site, query_of

pytestmark = pytest.mark.integration

HOUR = 3600
# The cookie jar has a clock of its own, which goes on while a test runs: not to the last second.
LATE = (SIGN_IN_LIFETIME_SECONDS, HOUR, SIGN_IN_REMEMBERED_SECONDS - HOUR)


def come_back(site: Site, oauth_state: str, browser: httpx.AsyncClient | None = None) -> str:
    """The page that a browser sees that GitHub sent back."""
    answer = site.come_back(
        code=CODE, state=oauth_state, headers=BROWSER_ACCEPT, browser=browser or site.browser
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers
    return answer.text


def agreed(client: OAuthClient) -> str:
    """The state of a client's sign-in on its way to GitHub."""
    return query_of(client.decide(client.authorize()).headers["location"])["state"]


def finish(site: Site, client: OAuthClient, departure: httpx.Response) -> None:
    """On from GitHub to the client's tokens."""
    assert departure.status_code == 303, departure.text
    done = site.come_back(code=CODE, state=query_of(departure.headers["location"])["state"])
    assert query_of(done.headers["location"])["state"] == client.state
    assert client.redeem(query_of(done.headers["location"])["code"]).status_code == 200


@pytest.mark.parametrize("seconds", LATE)
def test_a_person_who_comes_back_late_is_told_so_and_may_start_again(
    site: Site, seconds: int
) -> None:
    oauth_state = site.set_out()
    site.let_pass(seconds)
    site.set_out()  # Another write to durable state, which clears up there.

    page = come_back(site, oauth_state)

    assert "This sign-in took too long" in page
    assert 'href="/oauth/authorize"' in page
    assert site.github.requests == []


@pytest.mark.parametrize("seconds", LATE)
def test_one_button_goes_on_for_the_client_of_a_late_sign_in(site: Site, seconds: int) -> None:
    client = register(site)
    oauth_state = agreed(client)
    site.let_pass(seconds)

    answer = site.come_back(code=CODE, state=oauth_state, headers=BROWSER_ACCEPT)

    assert answer.status_code == 400
    assert "This sign-in took too long" in answer.text
    assert "has stopped waiting, start again there" in answer.text
    assert 'href="/oauth/authorize"' not in answer.text
    assert site.github.requests == []
    finish(site, client, client.decide(answer))


def test_a_late_refusal_at_github_has_the_same_way_on(site: Site) -> None:
    client = register(site)
    oauth_state = agreed(client)
    site.let_pass(HOUR)

    answer = site.come_back(error="access_denied", state=oauth_state, headers=BROWSER_ACCEPT)

    assert "This sign-in took too long" in answer.text
    finish(site, client, client.decide(answer))


def test_a_late_sign_in_that_was_pushed_out_of_durable_state_took_too_long_all_the_same(
    site: Site,
) -> None:
    client = register(site)
    oauth_state = agreed(client)
    site.let_pass(HOUR)
    site.now += SIGN_IN_REMEMBERED_SECONDS  # For durable state alone: the cookies stay.
    come_back(site, oauth_state)  # Each write to durable state clears up there.

    page = come_back(site, oauth_state)

    assert "This sign-in took too long" in page


def test_without_the_clients_request_a_late_sign_in_sends_back_to_the_client(site: Site) -> None:
    oauth_state = agreed(register(site))
    for name in [name for name in site.browser.cookies if "request" in name]:
        site.browser.cookies.delete(name)
    site.let_pass(HOUR)

    page = come_back(site, oauth_state)

    assert "This sign-in took too long" in page
    assert "start again there" in page
    assert "/oauth/authorize" not in page


@pytest.mark.parametrize("seconds", LATE)
def test_one_button_goes_on_from_a_consent_page_that_was_open_for_too_long(
    site: Site, seconds: int
) -> None:
    client = register(site)
    page = client.authorize()
    site.let_pass(seconds)

    answer = site.post(
        "/oauth/consent",
        data=client.fields(page, "approve"),
        browser=site.browser,
        headers=BROWSER_ACCEPT,
    )

    assert answer.status_code == 400
    assert "This took too long" in answer.text
    finish(site, client, client.decide(answer))


def test_a_no_is_never_too_late(site: Site) -> None:
    client = register(site)
    page = client.authorize()
    site.let_pass(HOUR)

    answer = client.decide(page, "deny")

    assert query_of(answer.headers["location"])["error"] == "access_denied"


@pytest.mark.parametrize("seconds", [0, *LATE])
@pytest.mark.parametrize("is_for_client", [False, True])
def test_somebody_elses_link_goes_on_nowhere_and_tells_nothing_fresh_or_late(
    site: Site, is_for_client: bool, seconds: int
) -> None:
    oauth_state = agreed(register(site)) if is_for_client else site.set_out()
    site.let_pass(seconds)
    victim = site.new_browser()
    site.get("/oauth/authorize", browser=victim)

    pages = {
        come_back(site, oauth_state, victim),
        come_back(site, oauth_state, site.new_browser()),
    }

    assert len(pages) == 1
    assert "This sign-in began in another browser" in pages.pop()
    assert site.github.requests == []


@pytest.mark.parametrize("seconds", [0, *LATE])
def test_a_planted_request_begins_nothing_in_another_browser(site: Site, seconds: int) -> None:
    oauth_state = agreed(register(site))
    site.let_pass(seconds)
    victim = site.new_browser()
    for name, value in site.browser.cookies.items():
        if "request" in name:
            victim.cookies.set(name, value)

    page = come_back(site, oauth_state, victim)

    assert "This sign-in began in another browser" in page
    assert 'action="/oauth/consent"' not in page


@pytest.mark.parametrize("seconds", [0, *LATE])
def test_a_sign_in_that_was_used_says_so_fresh_or_late(site: Site, seconds: int) -> None:
    oauth_state = site.set_out()
    assert site.come_back(code=CODE, state=oauth_state).status_code == 200
    site.let_pass(seconds)

    assert "This sign-in was used before" in come_back(site, oauth_state)


def test_a_sign_in_that_nobody_began_is_not_known(site: Site) -> None:
    assert "This sign-in is not known" in come_back(site, "A" * 43)


def test_the_longer_cookies_lengthen_no_sign_in(site: Site) -> None:
    client = register(site)
    oauth_state, tutorial = agreed(client), site.set_out()
    site.let_pass(SIGN_IN_LIFETIME_SECONDS)
    site.set_out()  # The cookie is given anew.

    for late in (oauth_state, tutorial):
        come_back(site, late)

    assert site.github.requests == []
