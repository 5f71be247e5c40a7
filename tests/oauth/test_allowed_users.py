"""`ALLOWED_USERS` at the endpoints: who is none of them gets no token, and reads why."""

import secrets
from typing import Any

import httpx
import pytest

from gist_mcp.errors import AccountNotAllowed
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import BROWSER_ACCEPT, CODE, GITHUB_TOKEN, PUBLIC_URL, USER, Site, query_of

pytestmark = pytest.mark.integration

OCTOCAT = str(USER["id"])
SOMEBODY_ELSE = "480938"
HUBOT: dict[str, Any] = USER | {"login": "hubot", "id": 480938}


@pytest.fixture(autouse=True)
def _nothing_on_record(site: Site) -> None:
    """The tests of this file share durable state. A run without logins drops all that are there."""
    configure(site, OCTOCAT)
    site.run(site.app.state.deps.allowed.look_up_until_known())
    site.configure()


def configure(site: Site, allowed_users: str) -> None:
    """The next run of the deployment, with this setting."""
    site.incarnation = secrets.token_hex(8)
    site.configure(ALLOWED_USERS=allowed_users)


def revoked(site: Site) -> int:
    """How often GitHub was told to forget the token of the sign-in."""
    deletions = site.github.seen("DELETE")
    assert all(GITHUB_TOKEN in each.content.decode() for each in deletions)
    return len(deletions)


def lookups(site: Site) -> int:
    return sum(each.url.path.startswith("/users/") for each in site.github.requests)


@pytest.mark.parametrize("allowed_users", ["", OCTOCAT, f"{SOMEBODY_ELSE},{OCTOCAT}"])
def test_who_is_named_by_id_signs_in_and_nothing_is_looked_up(
    site: Site, allowed_users: str
) -> None:
    configure(site, allowed_users)

    answer = site.come_back(code=CODE, state=site.set_out())

    assert answer.status_code == 200
    assert (lookups(site), revoked(site)) == (0, 0)


def test_who_is_named_by_login_signs_in(site: Site) -> None:
    configure(site, "OctoCat")

    assert site.come_back(code=CODE, state=site.set_out()).status_code == 200


def test_somebody_else_reads_why_and_gets_no_token(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)
    site.github.user = USER | {"login": "octocat<b>"}

    page = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    assert page.status_code == 403
    assert "This account may not use this server" in page.text
    assert "octocat&lt;b&gt;" in page.text
    assert 'href="/oauth/authorize?prompt=select_account"' in page.text
    # The same account would be refused again, at once.
    assert 'href="/oauth/authorize"' not in page.text
    assert GITHUB_TOKEN not in page.text
    assert revoked(site) == 1


def test_a_program_is_told_too(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)

    answer = site.come_back(code=CODE, state=site.set_out())

    told = answer.json()
    assert (answer.status_code, told["error"], told["login"]) == (403, "access_denied", "octocat")
    assert told["start_again"] == f"{PUBLIC_URL}/oauth/authorize?prompt=select_account"
    assert GITHUB_TOKEN not in answer.text
    assert revoked(site) == 1


def test_the_refused_sign_in_is_over(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)
    oauth_state = site.set_out()
    site.come_back(code=CODE, state=oauth_state)
    site.github.user = HUBOT

    again = site.come_back(code=CODE, state=oauth_state)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")


def refused_in_a_browser(site: Site, client: OAuthClient) -> httpx.Response:
    """The page at the end of the client's sign-in."""
    oauth_state = query_of(client.decide(client.authorize()).headers["location"])["state"]
    return site.come_back(code=CODE, state=oauth_state, headers=BROWSER_ACCEPT)


def test_in_a_clients_sign_in_the_person_can_use_another_account(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)
    client = register(site)

    page = refused_in_a_browser(site, client)
    to_github = client.decide(page, "approve_as_another")

    assert page.status_code == 403
    assert "octocat" in page.text
    assert 'value="approve"' not in page.text
    assert query_of(to_github.headers["location"])["prompt"] == "select_account"
    site.github.user = HUBOT
    done = site.come_back(code=CODE, state=query_of(to_github.headers["location"])["state"])
    assert client.redeem(query_of(done.headers["location"])["code"]).status_code == 200


def test_in_a_clients_sign_in_the_person_can_give_up(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)
    client = register(site)

    answer = client.decide(refused_in_a_browser(site, client), "deny")

    told = query_of(answer.headers["location"])
    assert (told["error"], told["state"]) == ("access_denied", client.state)


def test_a_client_without_a_browser_is_told(site: Site) -> None:
    configure(site, SOMEBODY_ELSE)
    client = register(site)

    told = query_of(client.return_from_github().headers["location"])

    assert (told["error"], told["state"]) == ("access_denied", client.state)
    assert "certain people" in told["error_description"]
    assert "code" not in told
    assert revoked(site) == 1


@pytest.mark.parametrize("headers", [{}, BROWSER_ACCEPT])
def test_while_a_login_is_not_looked_up_nobody_is_let_in_or_refused(
    site: Site, headers: dict[str, str]
) -> None:
    configure(site, "hubot")
    site.github.accounts = None

    answer = site.come_back(code=CODE, state=site.set_out(), headers=headers)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "looked up" in answer.text
    assert "may not use" not in answer.text
    assert GITHUB_TOKEN not in answer.text


def test_who_has_the_login_when_signing_in_needs_no_lookup(site: Site) -> None:
    configure(site, "octocat")
    site.github.accounts = None

    assert site.come_back(code=CODE, state=site.set_out()).status_code == 200


def test_a_code_of_somebody_who_was_taken_out_gives_no_token(site: Site) -> None:
    client = register(site)
    code = client.code()
    configure(site, SOMEBODY_ELSE)

    answer = client.redeem(code)
    configure(site, OCTOCAT)
    again = client.redeem(code)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert revoked(site) >= 1
    assert again.json()["error"] == "invalid_grant"


def test_a_refresh_of_somebody_who_was_taken_out_ends_the_grant(site: Site) -> None:
    client = register(site)
    tokens = client.tokens()
    configure(site, SOMEBODY_ELSE)

    answer = client.refresh(tokens["refresh_token"])
    configure(site, OCTOCAT)
    again = client.refresh(tokens["refresh_token"])

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert revoked(site) == 1
    # It was revoked: being let in again needs a new sign-in.
    assert again.json()["error"] == "invalid_grant"


def test_a_token_of_somebody_who_was_taken_out_is_refused(site: Site) -> None:
    client = register(site)
    access_token = client.tokens()["access_token"]
    configure(site, SOMEBODY_ELSE)

    with pytest.raises(AccountNotAllowed):
        site.run(site.app.state.deps.verifier.verify(access_token))


def test_while_nobody_knows_codes_and_refresh_tokens_stay_good(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    code = client.code()
    configure(site, "octocat")
    site.github.accounts = None

    answers = [client.redeem(code), client.refresh(refresh_token)]
    # A moment later, in the next run, as this one waits before it asks GitHub again.
    site.github.accounts = {"octocat": int(OCTOCAT)}
    configure(site, "octocat")
    later = [client.redeem(code), client.refresh(refresh_token)]

    assert [each.status_code for each in answers] == [503, 503]
    assert {each.json()["error"] for each in answers} == {"temporarily_unavailable"}
    assert revoked(site) == 0
    assert [each.status_code for each in later] == [200, 200]


def test_the_token_of_a_sign_in_is_in_no_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    configure(site, SOMEBODY_ELSE)

    site.come_back(code=CODE, state=site.set_out())

    assert "octocat (GitHub user 583231) is not in ALLOWED_USERS" in caplog.text
    assert GITHUB_TOKEN not in caplog.text
