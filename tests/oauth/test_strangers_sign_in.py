"""What strangers can use up by signing in: of GitHub's budget, and of that of the endpoints."""

import secrets

import httpx
import pytest

from gist_mcp.http.limits import SIGN_INS_RATE
from gist_mcp.oauth.known_browser import LIFETIME_SECONDS
from gist_mcp.servicers.guess_budget import CODE_COST, IMPLAUSIBLE, PLAUSIBLE, RATES
from tests.oauth.oauth_client import register
from tests.oauth.site import BROWSER_ACCEPT, CODE, PUBLIC_URL, Site, query_of

pytestmark = pytest.mark.integration

REFUSED = httpx.Response(200, json={"error": "bad_verification_code"})
KNOWN_COOKIE = "__Host-gist-mcp-known"
BURST = int(RATES[PLAUSIBLE].burst / CODE_COST)


def garbage(site: Site, code: str | None = None) -> httpx.Response:
    """A stranger comes back from GitHub with a code of their own making."""
    site.browser = site.new_browser()
    return site.come_back(code=code or secrets.token_hex(10), state=site.set_out())


def use_up_the_budget(site: Site) -> None:
    good, site.github.token_answer = site.github.token_answer, REFUSED
    for _ in range(BURST):
        assert garbage(site).status_code == 400
    site.github.token_answer = good
    site.github.requests.clear()


def test_garbage_codes_use_up_a_budget_and_no_more(site: Site) -> None:
    use_up_the_budget(site)

    answer = garbage(site)

    assert answer.status_code == 429
    assert answer.json()["error"] == "temporarily_unavailable"
    assert answer.json()["start_again"] == f"{PUBLIC_URL}/oauth/authorize"
    assert int(answer.headers["retry-after"]) > 0
    assert site.github.requests == []


def test_a_person_reads_that_the_budget_is_empty_and_when_to_try_again(site: Site) -> None:
    use_up_the_budget(site)
    site.browser = site.new_browser()

    answer = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    wait_seconds = int(answer.headers["retry-after"])
    assert answer.status_code == 429
    assert "Too many sign-ins at the moment" in answer.text
    assert f"Start again in {wait_seconds} seconds" in answer.text
    assert 'href="/oauth/authorize"' in answer.text
    site.let_pass(wait_seconds)
    assert site.come_back(code=CODE, state=site.set_out()).status_code == 200


def test_a_client_is_told_as_of_other_failures(site: Site) -> None:
    client = register(site)
    use_up_the_budget(site)
    site.browser = site.new_browser()

    told = query_of(client.return_from_github().headers["location"])

    assert told["error"] == "temporarily_unavailable"
    assert "Start again in" in told["error_description"]
    assert told["state"] == client.state


def test_a_browser_that_has_signed_in_before_signs_in_while_the_budget_is_empty(
    site: Site,
) -> None:
    assert site.come_back(code=CODE, state=site.set_out()).status_code == 200
    regular = site.browser
    use_up_the_budget(site)

    site.browser = regular

    assert site.come_back(code=CODE, state=site.set_out()).status_code == 200


def test_a_clients_user_who_has_signed_in_before_does_too(site: Site) -> None:
    client = register(site)
    assert client.code()
    regular = site.browser
    use_up_the_budget(site)

    site.browser = regular

    assert client.code()


def test_a_cookie_that_we_have_not_sealed_makes_nobody_known(site: Site) -> None:
    use_up_the_budget(site)
    statuses = []

    for value in ("x", "a" * 200, site.sealer.seal("another purpose", b"{}")):
        site.browser = site.new_browser()
        site.browser.cookies.set(KNOWN_COOKIE, value)
        statuses.append(site.come_back(code=CODE, state=site.set_out()).status_code)

    assert statuses == [429, 429, 429]
    assert site.github.requests == []


def test_the_cookie_of_a_known_browser_is_closed_and_lasts_half_a_year(site: Site) -> None:
    done = site.come_back(code=CODE, state=site.set_out())

    (cookie,) = [
        each for each in done.headers.get_list("set-cookie") if each.startswith(KNOWN_COOKIE)
    ]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert f"Max-Age={LIFETIME_SECONDS}" in cookie
    assert "octocat" not in cookie
    assert "583231" not in cookie


def test_a_thief_of_an_old_cookie_is_a_stranger(site: Site) -> None:
    site.come_back(code=CODE, state=site.set_out())
    kept = site.browser.cookies[KNOWN_COOKIE]
    site.let_pass(LIFETIME_SECONDS)
    use_up_the_budget(site)
    site.browser = site.new_browser()
    site.browser.cookies.set(KNOWN_COOKIE, kept)

    assert site.come_back(code=CODE, state=site.set_out()).status_code == 429


def test_a_sign_in_that_fails_leaves_no_known_browser(site: Site) -> None:
    site.github.token_answer = REFUSED

    answer = garbage(site)

    assert KNOWN_COOKIE not in str(answer.headers.get_list("set-cookie"))


def test_a_code_of_another_form_has_a_part_of_its_own(site: Site) -> None:
    """Formats change, so it is not refused for that."""
    use_up_the_budget(site)

    answers = [garbage(site, f"Code.{secrets.token_hex(10)}").status_code for _ in range(20)]

    assert answers.count(200) == 20
    site.github.token_answer = REFUSED
    answers = [garbage(site, f"Code.{secrets.token_hex(10)}").status_code for _ in range(20)]
    assert answers.count(400) == int(RATES[IMPLAUSIBLE].burst / CODE_COST)


@pytest.mark.parametrize("code", ["1", "short", "a b" * 8, "a" * 513, "é" * 20, "<script>" * 4])
def test_what_cannot_be_a_code_is_refused_without_asking(site: Site, code: str) -> None:
    answer = site.come_back(code=code, state=site.set_out())

    assert answer.status_code == 400
    assert site.github.requests == []


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(503),
        httpx.Response(200, json={"error": "incorrect_client_credentials"}),
    ],
)
def test_a_failure_of_github_or_of_the_operator_shuts_nobody_out(
    site: Site, failure: httpx.Response
) -> None:
    good, site.github.token_answer = site.github.token_answer, failure
    for _ in range(BURST + 1):
        assert garbage(site).status_code == 502
    site.github.token_answer = good

    assert garbage(site).status_code == 200


def test_signing_in_again_and_again_is_limited_too(site: Site) -> None:
    """Good codes cost GitHub as much as bad ones. They are their account's first."""
    statuses = [garbage(site).status_code for _ in range(3 * BURST)]

    assert statuses.count(200) == 2 * BURST
    assert set(statuses) == {200, 429}


def test_a_flood_of_garbage_does_not_delay_what_is_genuine(site: Site) -> None:
    client = register(site)
    tokens, code = client.tokens(), client.code()
    statuses = [
        client.refresh(f"ggm_rt_{secrets.token_urlsafe(100)}").status_code
        for _ in range(int(SIGN_INS_RATE.burst) + 50)
    ]

    refreshed = client.refresh(tokens["refresh_token"])
    redeemed = client.redeem(code)
    revoked = client.revoke(redeemed.json()["access_token"])

    assert (statuses.count(400), statuses.count(429)) == (SIGN_INS_RATE.burst, 50)
    assert (refreshed.status_code, redeemed.status_code, revoked.status_code) == (200, 200, 200)


def test_a_flood_of_garbage_hides_no_answer_about_what_was_genuine(site: Site) -> None:
    client = register(site)
    expired = client.tokens()["refresh_token"]
    site.let_pass(40 * 24 * 3600)
    for _ in range(int(SIGN_INS_RATE.burst) + 1):
        last = client.revoke("garbage")

    answer = client.refresh(expired)

    assert last.status_code == 429
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_revoking_again_and_again_asks_github_once(site: Site) -> None:
    client = register(site)
    tokens = client.tokens()
    site.github.requests.clear()

    statuses = {client.revoke(tokens["refresh_token"]).status_code for _ in range(5)}

    assert statuses == {200}
    assert len(site.github.seen("DELETE")) == 1


def test_redeeming_a_code_again_and_again_asks_github_once(site: Site) -> None:
    client = register(site)
    code = client.code()
    client.redeem(code)
    site.github.requests.clear()

    statuses = {client.redeem(code).status_code for _ in range(5)}

    assert statuses == {400}
    assert len(site.github.seen("DELETE")) == 1
