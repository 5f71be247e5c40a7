"""The authorize page and its redirects."""

import httpx
import pytest

from tests.github_simulator.signing_in import (
    CALLBACK,
    api_client,
    approved_code,
    authorize_url,
    exchange,
    query_of,
    signed_in,
)
from tests.support.consent_form import read_consent_form
from tests.support.github_simulator import GitHubSimulator


def test_the_page_names_the_app_the_scopes_and_the_accounts(github: GitHubSimulator) -> None:
    page = httpx.get(authorize_url(github))

    form = read_consent_form(page.text)
    assert page.status_code == 200
    assert "Authorize github-gist-mcp" in page.text
    assert "Create and change gists" in page.text
    assert form.scopes == ["gist", "read:user"]
    assert form.accounts == ["octocat", "hubot", "monalisa"]


def test_the_page_allows_no_script_and_no_frame(github: GitHubSimulator) -> None:
    page = httpx.get(authorize_url(github))

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


def test_parameters_are_escaped_in_the_page(github: GitHubSimulator) -> None:
    page = httpx.get(authorize_url(github, state='"><script>alert(1)</script>'))

    assert "<script" not in page.text
    assert read_consent_form(page.text).hidden["state"] == '"><script>alert(1)</script>'


def test_approval_returns_code_iss_and_state_in_this_order(github: GitHubSimulator) -> None:
    location = github.approve(authorize_url(github))

    assert location.startswith(f"{CALLBACK}?")
    assert list(query_of(location)) == ["code", "iss", "state"]
    assert query_of(location)["iss"] == f"{github.url}/login/oauth"
    assert query_of(location)["state"] == "state-1"


def test_iss_can_be_switched_off(github: GitHubSimulator) -> None:
    github.configure(send_iss=False)

    assert "iss" not in query_of(github.approve(authorize_url(github)))


def test_denial_returns_access_denied(github: GitHubSimulator) -> None:
    answer = query_of(github.deny(authorize_url(github)))

    assert answer["error"] == "access_denied"
    assert answer["error_description"] == "The user has denied your application access."
    assert answer["state"] == "state-1"
    assert "code" not in answer


def test_the_chosen_account_is_the_one_that_the_token_acts_for(github: GitHubSimulator) -> None:
    code = query_of(github.approve(authorize_url(github), account="hubot"))["code"]
    token = exchange(github, code).json()["access_token"]

    with api_client(github, token) as client:
        assert client.get("/user").json()["id"] == 480938


def test_fewer_scopes_can_be_granted(github: GitHubSimulator) -> None:
    answer = exchange(github, approved_code(github, scopes=["read:user"])).json()

    assert answer["scope"] == "read:user"


def test_a_scope_that_was_not_asked_for_is_not_granted(github: GitHubSimulator) -> None:
    answer = exchange(github, approved_code(github, scopes=["gist", "repo"])).json()

    assert answer["scope"] == "gist"


def test_implied_and_unknown_scopes_are_dropped(github: GitHubSimulator) -> None:
    answer = signed_in(github, scope="user gist user:email no-such-scope")

    assert answer["scope"] == "gist,user"


def test_without_scope_and_grant_the_token_has_none(github: GitHubSimulator) -> None:
    assert signed_in(github, scope=None)["scope"] == ""


def test_without_scope_a_known_browser_passes_with_everything_granted_before(
    github: GitHubSimulator,
) -> None:
    with httpx.Client() as browser:
        form = read_consent_form(browser.get(authorize_url(github)).text)
        fields = {**form.hidden, "account": "octocat", "scope": form.scopes, "decision": "approve"}
        browser.post(f"{github.url}/login/oauth/authorize", data=fields)
        again = browser.get(authorize_url(github, scope=None))

    assert again.status_code == 302
    code = query_of(again.headers["location"])["code"]
    assert exchange(github, code).json()["scope"] == "gist,read:user"


def test_select_account_shows_the_page_all_the_same(github: GitHubSimulator) -> None:
    with httpx.Client() as browser:
        form = read_consent_form(browser.get(authorize_url(github)).text)
        fields = {**form.hidden, "account": "octocat", "decision": "approve"}
        browser.post(f"{github.url}/login/oauth/authorize", data=fields)
        again = browser.get(authorize_url(github, scope=None, prompt="select_account"))

    assert again.status_code == 200


def test_login_preselects_an_account(github: GitHubSimulator) -> None:
    page = httpx.get(authorize_url(github, login="HuBot"))

    assert 'value="hubot" checked' in page.text


def test_a_foreign_form_is_refused(github: GitHubSimulator) -> None:
    form = read_consent_form(httpx.get(authorize_url(github)).text)
    fields = {**form.hidden, "account": "octocat", "decision": "approve"}

    answer = httpx.post(f"{github.url}/login/oauth/authorize", data=fields)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://localhost:9991/oauth/callback/",
        "http://localhost:9991/oauth/other",
        "https://localhost:9991/oauth/callback",
        "http://evil.example/oauth/callback",
    ],
)
def test_another_redirect_uri_stops_on_a_page(github: GitHubSimulator, redirect_uri: str) -> None:
    page = httpx.get(authorize_url(github, redirect_uri=redirect_uri))

    assert page.status_code == 400
    assert "Be careful!" in page.text
    assert "location" not in page.headers


def test_a_mismatch_can_redirect_as_documented(github: GitHubSimulator) -> None:
    github.configure(redirect_on_mismatch=True)

    answer = httpx.get(authorize_url(github, redirect_uri="http://evil.example/"))

    assert answer.headers["location"].startswith(CALLBACK)
    assert query_of(answer.headers["location"])["error"] == "redirect_uri_mismatch"


def test_an_unknown_client_stops_on_a_page(github: GitHubSimulator) -> None:
    page = httpx.get(authorize_url(github, client_id="nobody"))

    assert page.status_code == 404
    assert "Be careful!" in page.text


def test_without_redirect_uri_the_callback_url_is_used(github: GitHubSimulator) -> None:
    assert github.approve(authorize_url(github, redirect_uri=None)).startswith(CALLBACK)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": "too-short"},
    ],
)
def test_pkce_must_be_complete_and_s256(
    github: GitHubSimulator, changes: dict[str, str | None]
) -> None:
    answer = httpx.get(authorize_url(github, **changes))

    assert query_of(answer.headers["location"])["error"] == "invalid_request"


def test_a_suspended_app_is_told_so(github: GitHubSimulator) -> None:
    github.configure(app_suspended=True)

    answer = httpx.get(authorize_url(github))

    assert query_of(answer.headers["location"])["error"] == "application_suspended"


def test_a_person_can_revoke_the_app_on_its_settings_page(github: GitHubSimulator) -> None:
    token = signed_in(github)["access_token"]
    url = f"{github.url}/settings/connections/applications/{github.client_id}"

    with httpx.Client() as browser:
        form = read_consent_form(browser.get(url).text)
        browser.post(url, data=form.hidden)

    with api_client(github, token) as client:
        assert client.get("/user").status_code == 401
