"""What comes back later is told when, by `Retry-After`, and its text names no other time."""

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest

from gist_mcp.oauth.answers import oauth_error_response
from gist_mcp.servicers.grant import RECORDS_PER_ACCOUNT
from gist_mcp.tokens.refresh_limit import REFRESHES, TooManyRefreshes
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import BROWSER_ACCEPT, CODE, USER, Site, query_of

pytestmark = pytest.mark.integration

ACCOUNTS = itertools.count(9_000_001)
LIMIT_SECONDS = 3585
UNITS = {"second": 1, "seconds": 1, "minute": 60, "minutes": 60}


@pytest.fixture(autouse=True)
def an_account_of_its_own(site: Site) -> None:
    """Durable state outlives a test, and an account can have enough of its own."""
    site.github.user = {**USER, "id": next(ACCOUNTS)}


def at_its_limit(site: Site) -> None:
    """GitHub answers nothing more within this hour."""
    headers = {
        "date": format_datetime(datetime.fromtimestamp(site.now, UTC), usegmt=True),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(site.now + LIMIT_SECONDS),
    }
    limited = httpx.Response(
        403, json={"message": "API rate limit exceeded for user"}, headers=headers
    )
    site.to_github = httpx.MockTransport(lambda _: limited)
    site.configure()


def nobody_let_in(site: Site) -> None:
    """Durable state does not answer this process."""
    site.app.state.deps.reboot_context = lambda _: site.rbt.create_external_context(name="nobody")


def times_told(text: str) -> set[int]:
    """The times in a text, in seconds."""
    found = re.findall(r"in (\d+|a) (seconds?|minutes?)", text)
    return {(1 if number == "a" else int(number)) * UNITS[unit] for number, unit in found}


def told(answer: httpx.Response) -> int:
    """When the answer says that its request may come again."""
    seconds = int(answer.headers["retry-after"])
    assert times_told(answer.text) <= {seconds}
    return seconds


def test_a_refresh_at_githubs_limit(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.now += 3600  # Its yes is not remembered any more.
    at_its_limit(site)

    answer = client.refresh(refresh_token)

    assert answer.status_code == 503
    assert told(answer) == LIMIT_SECONDS + 1
    assert f"Try again in {LIMIT_SECONDS + 1} seconds." in answer.text


@pytest.mark.parametrize("headers", [BROWSER_ACCEPT, {"accept": "application/json"}])
def test_a_callback_at_githubs_limit(site: Site, headers: dict[str, str]) -> None:
    state = site.set_out()
    at_its_limit(site)

    answer = site.come_back(code=CODE, state=state, headers=headers)

    assert answer.status_code == 502
    assert told(answer) == LIMIT_SECONDS + 1
    assert f"in {LIMIT_SECONDS + 1} seconds" in answer.text


def test_a_clients_sign_in_at_githubs_limit(site: Site) -> None:
    client = register(site)
    sent = client.decide(client.authorize()).headers["location"]
    at_its_limit(site)

    answer = site.come_back(code=CODE, state=query_of(sent)["state"], headers=BROWSER_ACCEPT)

    told_to_client = query_of(answer.headers["location"])["error_description"]
    assert times_told(told_to_client) == {LIMIT_SECONDS + 1}


@pytest.mark.parametrize("headers", [BROWSER_ACCEPT, {"accept": "application/json"}])
def test_a_clients_sign_in_that_durable_state_does_not_answer(
    site: Site, headers: dict[str, str]
) -> None:
    client = register(site)
    sent = client.decide(client.authorize()).headers["location"]
    nobody_let_in(site)

    answer = site.come_back(code=CODE, state=query_of(sent)["state"], headers=headers)

    assert answer.status_code == 503
    assert told(answer) > 0


def refreshed(client: OAuthClient, tokens: dict[str, str]) -> httpx.Response:
    return client.refresh(tokens["refresh_token"])


def revoked(client: OAuthClient, tokens: dict[str, str]) -> httpx.Response:
    return client.revoke(tokens["refresh_token"])


def authorized(client: OAuthClient, tokens: dict[str, str]) -> httpx.Response:
    return client.site.get("/oauth/authorize", headers=BROWSER_ACCEPT)


def authorized_as_json(client: OAuthClient, tokens: dict[str, str]) -> httpx.Response:
    return client.site.get("/oauth/authorize", headers={"accept": "application/json"})


def came_back(client: OAuthClient, tokens: dict[str, str]) -> httpx.Response:
    return client.site.come_back(code=CODE, state="s" * 43, headers=BROWSER_ACCEPT)


@pytest.mark.parametrize("ask", [refreshed, revoked, authorized, authorized_as_json, came_back])
def test_every_endpoint_tells_when_durable_state_may_be_back(
    site: Site, ask: Callable[[OAuthClient, dict[str, str]], httpx.Response]
) -> None:
    client = register(site)
    tokens = client.tokens()
    nobody_let_in(site)

    answer = ask(client, tokens)

    assert answer.status_code == 503
    assert told(answer) > 0


def test_a_code_of_an_account_with_too_many_grants(site: Site) -> None:
    client = register(site)
    answers = [client.redeem(client.code()) for _ in range(RECORDS_PER_ACCOUNT + 1)]

    last = answers[-1]

    assert [each.status_code for each in answers[:-1]] == [200] * RECORDS_PER_ACCOUNT
    assert last.status_code == 503
    assert told(last) == 60
    assert times_told(last.text) == {60}


def test_refreshing_too_often(site: Site) -> None:
    client = register(site)
    token = client.tokens()["refresh_token"]
    for _ in range(int(REFRESHES.burst)):
        token = client.refresh(token).json()["refresh_token"]

    answer = client.refresh(token)

    assert answer.status_code == 429
    assert times_told(answer.text) == {told(answer)}


def test_an_error_that_time_does_not_heal_names_no_time(site: Site) -> None:
    client = register(site)

    assert "retry-after" not in client.refresh("none").headers
    assert "retry-after" not in site.come_back(code=CODE, state="s" * 43).headers


@pytest.mark.parametrize("seconds", [1, 5, 3586])
def test_text_and_header_have_one_source(seconds: int) -> None:
    answer = oauth_error_response(TooManyRefreshes(seconds))

    assert answer.headers["retry-after"] == str(seconds)
    assert f"in {seconds} seconds" in bytes(answer.body).decode()
