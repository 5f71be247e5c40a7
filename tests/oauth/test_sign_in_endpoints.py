"""The tutorial's sign-in over HTTP, in process: our endpoints on the real Reboot runtime."""

import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from gist_mcp.oauth import pkce
from gist_mcp.tokens.access_token import open_access_token
from tests.oauth.site import BROWSER_ACCEPT, CODE, GITHUB_TOKEN, NOW, PUBLIC_URL, Site


@pytest.mark.integration
def test_authorize_redirects_to_github_with_state_and_pkce(site: Site) -> None:
    answer = site.get("/oauth/authorize")

    location = urlsplit(answer.headers["location"])
    query = dict(parse_qsl(location.query))
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    assert location._replace(query="").geturl() == "https://github.com/login/oauth/authorize"
    # 43 characters of nonce, and the 8 that mark the key its verifier is derived from.
    assert len(query.pop("state")) == 43 + 8
    assert pkce.is_s256_challenge(query.pop("code_challenge"))
    assert query == {
        "client_id": "our-app",
        "redirect_uri": PUBLIC_URL + "/oauth/callback",
        "scope": "gist read:user",
        "code_challenge_method": "S256",
    }
    assert "__Host-gist-mcp-browser-" in answer.headers["set-cookie"]


@pytest.mark.integration
def test_a_program_gets_the_token_as_json(site: Site) -> None:
    answer = site.come_back(code=CODE, state=site.set_out())

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "access_token": GITHUB_TOKEN,
        "token_type": "bearer",
        "scope": "gist read:user",
        "login": "octocat",
        "instructions": "Include this token in MCP requests using the "
        "Authorization header: Bearer <token>",
    }


@pytest.mark.integration
def test_the_verifier_fits_the_challenge(site: Site) -> None:
    location = urlsplit(site.get("/oauth/authorize").headers["location"])
    query = dict(parse_qsl(location.query))

    site.come_back(code=CODE, state=query["state"])

    exchange = dict(parse_qsl(site.github.requests[0].content.decode()))
    assert pkce.verify_s256(exchange["code_verifier"], query["code_challenge"])


@pytest.mark.integration
def test_a_browser_gets_a_page_with_the_token(site: Site) -> None:
    answer = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    assert answer.status_code == 200
    assert f'value="{GITHUB_TOKEN}"' in answer.text
    assert "Signed in as octocat" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.integration
def test_scopes_that_github_does_not_name_are_not_shown_as_missing(site: Site) -> None:
    site.github.answer_with(access_token="ghu_" + "A" * 36, scope="")
    site.github.scopes = None

    told = site.come_back(code=CODE, state=site.set_out()).json()
    shown = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT).text

    assert "scope" not in told
    assert "Not granted" not in shown
    assert "what its permissions at GitHub allow" in shown


@pytest.mark.integration
def test_fewer_scopes_than_asked_for_are_named(site: Site) -> None:
    site.github.token_answer = httpx.Response(
        200, json={"access_token": GITHUB_TOKEN, "token_type": "bearer", "scope": "read:user"}
    )

    answer = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    assert re.search(r"Not granted:</strong> <code>gist</code>", answer.text)


@pytest.mark.integration
def test_without_github_tokens_a_sealed_token_is_handed_out(site: Site) -> None:
    site.configure("none")

    answer = site.come_back(code=CODE, state=site.set_out()).json()

    opened = open_access_token(
        site.sealer, answer["access_token"], resource=PUBLIC_URL + "/mcp", now=NOW
    )
    assert (opened.github_token.reveal(), opened.login) == (GITHUB_TOKEN, "octocat")
    assert answer["expires_in"] == 3600


@pytest.mark.integration
def test_two_tabs_of_one_browser_both_finish(site: Site) -> None:
    first, second = site.set_out(), site.set_out()

    answers = [
        site.come_back(code=code, state=state)
        for code, state in (("1" * 20, first), ("2" * 20, second))
    ]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.integration
def test_another_browser_does_not_finish_a_sign_in(site: Site) -> None:
    oauth_state = site.set_out()

    stranger = site.come_back(code=CODE, state=oauth_state, browser=site.new_browser())
    owner = site.come_back(code=CODE, state=oauth_state)

    assert stranger.status_code == 400
    assert "browser in which you started" in stranger.json()["error_description"]
    assert owner.status_code == 200


@pytest.mark.integration
def test_forged_replayed_and_expired_states_reach_no_github(site: Site) -> None:
    replayed, expired = site.set_out(), site.set_out()
    site.come_back(code=CODE, state=replayed)
    site.github.requests.clear()

    answers = [
        site.come_back(code=CODE, state="forged"),
        site.come_back(code=CODE, state=replayed),
        site.come_back(code=CODE),
        site.come_back(state=expired),
        site.come_back(code=CODE, state=expired, iss="https://evil.example/login/oauth"),
    ]
    site.now += 601
    answers.append(site.come_back(code=CODE, state=expired))

    assert [answer.status_code for answer in answers] == [400] * 6
    assert {answer.json()["error"] for answer in answers} == {"invalid_request"}
    assert site.github.requests == []


@pytest.mark.integration
def test_githubs_issuer_is_accepted(site: Site) -> None:
    oauth_state = site.set_out()

    answer = site.come_back(code=CODE, state=oauth_state, iss="https://github.com/login/oauth")

    assert answer.status_code == 200


@pytest.mark.integration
def test_denial_is_told_and_reaches_no_github(site: Site) -> None:
    answer = site.come_back(
        error="access_denied", error_description="<b>hi</b>", state=site.set_out()
    )

    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert "<b>" not in answer.text
    assert site.github.requests == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("error", "status_code"),
    [
        ("bad_verification_code", 400),
        ("incorrect_code_verifier", 400),
        ("incorrect_client_credentials", 502),
        ("redirect_uri_mismatch", 502),
        ("unverified_user_email", 403),
        ("<script>", 400),
    ],
)
def test_errors_that_github_sends_with_status_200(site: Site, error: str, status_code: int) -> None:
    site.github.token_answer = httpx.Response(200, json={"error": error, "error_description": "x"})

    answer = site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT)

    assert answer.status_code == status_code
    assert 'href="/oauth/authorize"' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.integration
def test_github_down_is_502(site: Site) -> None:
    site.github.token_answer = httpx.Response(503, text="Unicorn!")

    answer = site.come_back(code=CODE, state=site.set_out())

    assert (answer.status_code, answer.json()["error"]) == (502, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.integration
def test_a_token_that_github_then_refuses_is_not_handed_out(site: Site) -> None:
    site.github.user_status = 401

    answer = site.come_back(code=CODE, state=site.set_out())

    assert answer.status_code == 502
    assert GITHUB_TOKEN not in answer.text


@pytest.mark.parametrize(
    "query",
    ["code=a&code=b&state=c", "code=%FF&state=c", "code=" + "a" * 513, "state=%00&code=a", "&&=&"],
)
@pytest.mark.parametrize("headers", [{}, BROWSER_ACCEPT])
def test_hostile_queries_are_400(site: Site, query: str, headers: dict[str, str]) -> None:
    answer = site.get(f"/oauth/callback?{query}", headers=headers)

    assert answer.status_code == 400
    assert site.github.requests == []


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/callback"])
def test_a_head_request_uses_up_nothing(site: Site, path: str) -> None:
    answer = site.run(site.browser.head(path))

    assert answer.status_code == 405


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/callback"])
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "authorization_code", "code": "x"}, (401, "invalid_client")),
    ],
)
def test_the_token_endpoint_says_what_is_wrong(
    site: Site, path: str, form: dict[str, str], expected: tuple[int, str]
) -> None:
    content_type = {"content-type": "application/x-www-form-urlencoded"}
    answer = site.run(site.browser.post(path, data=form, headers=content_type))

    assert (answer.status_code, answer.json()["error"]) == expected
    assert answer.headers["cache-control"] == "no-store"


def test_the_landing_page_names_our_address(site: Site) -> None:
    answer = site.get("/")

    assert answer.status_code == 200
    assert f"{PUBLIC_URL}/mcp" in answer.text
    assert f'href="{PUBLIC_URL}/oauth/authorize"' in answer.text


@pytest.mark.integration
def test_pages_need_nothing_that_their_policy_forbids(site: Site) -> None:
    pages = [
        site.get("/"),
        site.come_back(code=CODE, state=site.set_out(), headers=BROWSER_ACCEPT),
        site.come_back(headers=BROWSER_ACCEPT),
    ]

    for answer in pages:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*\ssrc=)", answer.text)
        for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
            file = site.get(path)
            assert (file.status_code, file.headers["x-content-type-options"]) == (200, "nosniff")


@pytest.mark.parametrize("name", ["nothing.css", "..%2f__init__.py", "%2e%2e"])
def test_only_listed_files_are_served(site: Site, name: str) -> None:
    assert site.get(f"/static/{name}").status_code == 404
