"""Codes and refresh tokens at the token endpoint, and the attacks on them."""

import asyncio
import base64
from urllib.parse import parse_qsl

import httpx
import pytest

from gist_mcp.errors import SignInRequired
from gist_mcp.oauth.pkce import s256_challenge
from gist_mcp.tokens.access_token import open_access_token
from gist_mcp.tokens.code_and_refresh_token import REFRESH_TOKEN_LIFETIME_SECONDS
from tests.oauth.oauth_client import REDIRECT_URI, OAuthClient, register
from tests.oauth.site import CODE, GITHUB_TOKEN, PUBLIC_URL, Site, query_of

pytestmark = pytest.mark.integration

EXPIRING = {
    "expires_in": 28800,
    "refresh_token": "ghr_" + "1" * 76,
    "refresh_token_expires_in": 15897600,
}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_becomes_sealed_tokens(site: Site) -> None:
    client = register(site)

    answer = client.redeem(client.code())

    body = answer.json()
    opened = open_access_token(
        site.sealer, body["access_token"], resource=f"{PUBLIC_URL}/mcp", now=site.now
    )
    assert answer.headers["cache-control"] == "no-store"
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "gist read:user"
    assert (opened.github_token.reveal(), opened.login) == (GITHUB_TOKEN, "octocat")
    assert GITHUB_TOKEN not in answer.text


def test_fewer_scopes_granted_than_asked_for_are_told(site: Site) -> None:
    site.github.answer_with(scope="read:user")

    assert register(site).tokens()["scope"] == "read:user"


def test_scopes_that_github_does_not_name_are_not_told_as_none(site: Site) -> None:
    site.github.answer_with(access_token="ghu_" + "A" * 36, scope="")
    site.github.scopes = None
    client = register(site)
    tokens = client.tokens()

    refreshed = client.refresh(tokens["refresh_token"])

    assert "scope" not in tokens
    assert refreshed.status_code == 200
    assert "scope" not in refreshed.json()


def test_scopes_that_github_names_elsewhere_are_told(site: Site) -> None:
    site.github.answer_with(scope=None)

    assert register(site).tokens()["scope"] == "gist read:user"


def test_a_code_works_once_and_its_replay_takes_the_tokens_back(site: Site) -> None:
    client = register(site)
    code = client.code()
    tokens = client.redeem(code).json()

    replayed = client.redeem(code)
    third = client.redeem(code)
    refreshed = client.refresh(tokens["refresh_token"])

    assert error_of(replayed) == error_of(third) == (400, "invalid_grant")
    assert error_of(refreshed) == (400, "invalid_grant")
    assert site.github.seen("DELETE")[0].url.path == "/applications/our-app/token"


def test_a_replay_after_the_codes_time_takes_the_tokens_back_too(site: Site) -> None:
    client = register(site)
    code = client.code()
    tokens = client.redeem(code).json()
    site.now += 600

    assert error_of(client.redeem(code)) == (400, "invalid_grant")
    assert error_of(client.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_of_ten_redemptions_at_once_one_gets_tokens(site: Site) -> None:
    client = register(site)
    code = client.code()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "code_verifier": client.code_verifier,
    }

    async def ten() -> list[httpx.Response]:
        browser = site.new_browser()
        return await asyncio.gather(*(browser.post("/oauth/token", data=form) for _ in range(10)))

    statuses = sorted(answer.status_code for answer in site.run(ten()))

    assert statuses == [200] + [400] * 9


def test_a_code_lives_for_a_minute(site: Site) -> None:
    client = register(site)
    in_time, too_late = client.code(), client.code()

    site.now += 59
    assert client.redeem(in_time).status_code == 200
    site.now += 1
    assert error_of(client.redeem(too_late)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
        ({"code_verifier": "short"}, (400, "invalid_grant")),
        ({"code_verifier": None}, (400, "invalid_request")),
        ({"redirect_uri": "http://127.0.0.1:6666/callback"}, (400, "invalid_grant")),
        ({"resource": "https://other.example/mcp"}, (400, "invalid_target")),
        ({"client_id": None}, (401, "invalid_client")),
        ({"client_id": "ggm_client_AAAA"}, (401, "invalid_client")),
        ({"grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
    ],
)
def test_a_failed_attempt_does_not_use_the_code_up(
    site: Site, changes: dict[str, str | None], error: tuple[int, str]
) -> None:
    client = register(site)
    code = client.code()

    refused = client.redeem(code, **changes)
    owner = client.redeem(code, resource=f"{PUBLIC_URL}/mcp")

    assert error_of(refused) == error
    assert owner.status_code == 200


def test_another_client_cannot_use_a_code_or_a_refresh_token(site: Site) -> None:
    owner, thief = register(site), register(site)
    thief.code_verifier = owner.code_verifier
    code = owner.code()

    stolen_code = thief.redeem(code)
    tokens = owner.redeem(code).json()
    stolen_token = thief.refresh(tokens["refresh_token"])

    assert error_of(stolen_code) == error_of(stolen_token) == (400, "invalid_grant")
    assert owner.refresh(tokens["refresh_token"]).status_code == 200


def test_a_code_of_another_server_or_key_is_refused(site: Site) -> None:
    client = register(site)
    code = client.code()
    site.configure(PUBLIC_URL="https://other.example.com")
    elsewhere = register(site)
    elsewhere.code_verifier = client.code_verifier

    assert error_of(elsewhere.redeem(code)) == (400, "invalid_grant")


OLD_KEY, NEW_KEY = "k" * 32, "n" * 32


@pytest.mark.parametrize("method", ["none", "client_secret_post"])
def test_keys_rotate_to_the_end_without_signing_anybody_out(site: Site, method: str) -> None:
    client = register(site, token_endpoint_auth_method=method)
    first = client.tokens()["refresh_token"]

    site.use_keys(NEW_KEY, OLD_KEY)
    second = client.refresh(first).json()["refresh_token"]
    site.now += REFRESH_TOKEN_LIFETIME_SECONDS - 1
    third = client.refresh(second).json()["refresh_token"]
    site.now += 1
    site.use_keys(NEW_KEY, retired=(OLD_KEY,))
    fourth = client.refresh(third)

    assert fourth.status_code == 200
    assert client.refresh(fourth.json()["refresh_token"]).status_code == 200
    assert client.redeem(client.code()).status_code == 200
    if method != "none":
        wrong = client.refresh(fourth.json()["refresh_token"], client_secret="ggm_secret_x")
        assert error_of(wrong) == (401, "invalid_client")


def test_a_retired_key_opens_registrations_and_nothing_else(site: Site) -> None:
    client = register(site)
    page, code, tokens = client.authorize(), client.code(), client.tokens()
    at_github = query_of(client.decide(client.authorize()).headers["location"])
    site.use_keys(NEW_KEY, retired=(OLD_KEY,))

    came_back = site.come_back(code=CODE, state=at_github["state"])

    assert error_of(client.redeem(code)) == (400, "invalid_grant")
    assert error_of(client.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert client.decide(page).status_code == 400
    assert (came_back.status_code, "location" in came_back.headers) == (400, False)
    with pytest.raises(SignInRequired):
        open_access_token(
            site.app.state.deps.sealer,
            tokens["access_token"],
            resource=f"{PUBLIC_URL}/mcp",
            now=site.now,
        )
    assert client.authorize().status_code == 200


def test_a_client_whose_key_is_gone_altogether_is_told_to_register_again(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.use_keys(NEW_KEY)

    assert error_of(client.refresh(refresh_token)) == (401, "invalid_client")


def test_keys_rotate_while_a_person_is_at_github(site: Site) -> None:
    client = register(site)
    at_github = query_of(client.decide(client.authorize()).headers["location"])
    site.use_keys(NEW_KEY, OLD_KEY)

    back = site.come_back(code=CODE, state=at_github["state"])

    (exchange,) = (each for each in site.github.requests if each.url.path.endswith("access_token"))
    sent = dict(parse_qsl(exchange.content.decode()))
    assert s256_challenge(sent["code_verifier"]) == at_github["code_challenge"]
    assert client.redeem(query_of(back.headers["location"])["code"]).status_code == 200


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_confidential_client_shows_its_secret_in_either_way(site: Site, method: str) -> None:
    client = register(site, token_endpoint_auth_method=method)
    other = register(site, token_endpoint_auth_method=method)
    code = client.code()

    def basic(secret: str | None) -> httpx.Response:
        credentials = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": client.code_verifier,
        }
        headers = {"authorization": f"Basic {credentials}"}
        return site.post("/oauth/token", data=form, headers=headers)

    refused = [client.redeem(code, client_secret=None), client.redeem(code, client_secret="x")]
    refused += [client.redeem(code, client_secret=other.client_secret), basic("x")]
    assert [error_of(answer) for answer in refused] == [(401, "invalid_client")] * 4
    assert refused[-1].headers["www-authenticate"].startswith("Basic ")
    assert basic(client.client_secret).status_code == 200
    tokens = client.tokens()
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_one_request_authenticates_in_one_way(site: Site) -> None:
    client = register(site, token_endpoint_auth_method="client_secret_basic")
    credentials = base64.b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()

    answer = site.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "y"},
        headers={"authorization": f"Basic {credentials}"},
    )

    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Basic bm9jb2xvbg=="])
def test_an_unreadable_authorization_header_is_401(site: Site, header: str) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}

    answer = site.post("/oauth/token", data=form, headers={"authorization": header})

    assert error_of(answer) == (401, "invalid_client")


def test_a_refresh_gives_both_tokens_anew(site: Site) -> None:
    client = register(site)
    first = client.tokens()

    second = client.refresh(first["refresh_token"], resource=f"{PUBLIC_URL}/mcp").json()
    third = client.refresh(second["refresh_token"])

    assert third.status_code == 200
    assert len({first["access_token"], second["access_token"]}) == 2
    assert second["scope"] == "gist read:user"


def test_a_client_that_lost_the_answer_may_repeat_it_for_a_minute(site: Site) -> None:
    client = register(site)
    first = client.tokens()["refresh_token"]
    client.refresh(first)
    site.now += 59

    repeated = client.refresh(first)

    assert repeated.status_code == 200
    assert client.refresh(repeated.json()["refresh_token"]).status_code == 200


def test_a_refresh_token_reused_later_ends_the_grant(site: Site) -> None:
    client = register(site)
    first = client.tokens()["refresh_token"]
    second = client.refresh(first).json()["refresh_token"]
    site.now += 60

    assert error_of(client.refresh(first)) == (400, "invalid_grant")
    assert error_of(client.refresh(second)) == (400, "invalid_grant")
    assert len(site.github.seen("DELETE")) == 1


def test_a_refresh_token_two_generations_old_ends_the_grant_at_once(site: Site) -> None:
    client = register(site)
    first = client.tokens()["refresh_token"]
    second = client.refresh(first).json()["refresh_token"]
    third = client.refresh(second).json()["refresh_token"]

    assert error_of(client.refresh(first)) == (400, "invalid_grant")
    assert error_of(client.refresh(third)) == (400, "invalid_grant")


def test_a_refresh_token_ends_after_thirty_days_without_use(site: Site) -> None:
    client = register(site)
    kept, used = client.tokens()["refresh_token"], client.tokens()["refresh_token"]
    site.now += 29 * 24 * 3600
    used = client.refresh(used).json()["refresh_token"]
    site.now += 2 * 24 * 3600

    assert error_of(client.refresh(kept)) == (400, "invalid_grant")
    assert client.refresh(used).status_code == 200


def test_access_taken_back_at_github_ends_the_grant_with_the_next_refresh(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.github.user_status = 401

    assert error_of(client.refresh(refresh_token)) == (400, "invalid_grant")


def test_an_outage_of_github_costs_nobody_their_grant(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.github.user_status = 503
    outage = client.refresh(refresh_token)
    site.now += 3600
    site.github.user_status = 200

    assert error_of(outage) == (503, "temporarily_unavailable")
    assert int(outage.headers["retry-after"]) > 0
    assert client.refresh(refresh_token).status_code == 200


def test_an_account_that_github_refuses_for_a_while_keeps_its_grant(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.github.user_status = 403
    refused = client.refresh(refresh_token)
    site.github.user_status = 200

    assert error_of(refused) == (503, "temporarily_unavailable")
    assert client.refresh(refresh_token).status_code == 200


def test_where_githubs_tokens_expire_a_refresh_goes_there_once(site: Site) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    first = client.tokens()["refresh_token"]
    site.github.requests.clear()
    site.github.answer_with(**EXPIRING | {"access_token": "gho_new", "refresh_token": "ghr_new"})

    answers = [client.refresh(first), client.refresh(first)]

    opened = [
        open_access_token(
            site.sealer,
            answer.json()["access_token"],
            resource=f"{PUBLIC_URL}/mcp",
            now=site.now,
        )
        for answer in answers
    ]
    assert [each.github_token.reveal() for each in opened] == ["gho_new", "gho_new"]
    (asked,) = site.github.requests
    assert b"refresh_token=ghr_111" in asked.content
    site.github.requests.clear()
    client.refresh(answers[1].json()["refresh_token"])
    assert b"refresh_token=ghr_new" in site.github.requests[0].content


def test_many_refreshes_at_once_are_one_at_github(site: Site) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": client.tokens()["refresh_token"],
        "client_id": client.client_id,
    }
    site.github.requests.clear()

    async def ten() -> list[httpx.Response]:
        browser = site.new_browser()
        return await asyncio.gather(*(browser.post("/oauth/token", data=form) for _ in range(10)))

    answers = site.run(ten())

    assert [answer.status_code for answer in answers] == [200] * 10
    assert len(site.github.requests) == 1


def test_a_refresh_that_github_refuses_ends_the_grant(site: Site) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    first = client.tokens()["refresh_token"]
    site.github.token_answer = httpx.Response(200, json={"error": "bad_refresh_token"})

    assert error_of(client.refresh(first)) == (400, "invalid_grant")


def test_repeating_the_previous_refresh_token_after_a_restart_costs_nobody_the_grant(
    site: Site,
) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    first = client.tokens()["refresh_token"]
    site.github.answer_with(**EXPIRING | {"access_token": "gho_new", "refresh_token": "ghr_new"})
    second = client.refresh(first).json()["refresh_token"]
    site.configure()
    site.github.token_answer = httpx.Response(200, json={"error": "bad_refresh_token"})

    repeated = client.refresh(first)

    assert error_of(repeated) == (400, "invalid_grant")
    site.github.answer_with(**EXPIRING | {"refresh_token": "ghr_newer"})
    assert client.refresh(second).status_code == 200


def test_a_refresh_during_githubs_outage_can_be_tried_again(site: Site) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    first = client.tokens()["refresh_token"]
    site.github.token_answer = httpx.Response(503)
    outage = client.refresh(first)
    site.github.answer_with(**EXPIRING)

    assert error_of(outage) == (503, "temporarily_unavailable")
    assert client.refresh(first).status_code == 200


def test_an_access_token_never_outlives_githubs(site: Site) -> None:
    site.github.answer_with(**EXPIRING | {"expires_in": 900})

    assert register(site).tokens()["expires_in"] == 900


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_client_gives_a_token_back_here_and_at_github(site: Site, kind: str) -> None:
    client = register(site)
    tokens = client.tokens()

    answer = client.revoke(tokens[kind])

    assert (answer.status_code, answer.content) == (200, b"")
    assert error_of(client.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert site.github.seen("DELETE")[0].url.path == "/applications/our-app/token"


def test_a_token_that_is_none_is_given_back_without_complaint(site: Site) -> None:
    client = register(site)
    other = register(site)
    tokens = other.tokens()

    assert client.revoke("nonsense").status_code == 200
    assert client.revoke(GITHUB_TOKEN).status_code == 200
    assert error_of(client.revoke(tokens["access_token"])) == (400, "invalid_grant")
    assert error_of(client.ask("/oauth/revoke", {})) == (400, "invalid_request")
    assert error_of(client.revoke("x", client_id=None)) == (401, "invalid_client")
    assert other.refresh(tokens["refresh_token"]).status_code == 200
    assert site.github.seen("DELETE") == []


def test_a_sealed_value_of_one_kind_is_none_of_another(site: Site) -> None:
    client = register(site)
    code = client.code()
    tokens = client.redeem(code).json()

    as_refresh = [client.refresh(text) for text in (code, tokens["access_token"], "x")]
    as_code = [client.redeem(text) for text in (tokens["refresh_token"], client.client_id)]
    respelled = client.refresh("ggm_rt_" + code.removeprefix("ggm_code_"))

    assert {error_of(each) for each in [*as_refresh, *as_code, respelled]} == {
        (400, "invalid_grant")
    }
    with pytest.raises(SignInRequired):
        open_access_token(
            site.sealer,
            "ggm_at_" + tokens["refresh_token"].removeprefix("ggm_rt_"),
            resource=f"{PUBLIC_URL}/mcp",
            now=site.now,
        )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b"grant_type=a&grant_type=b"),
        ("application/x-www-form-urlencoded", b"grant_type=refresh_token&refresh_token=%00"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
def test_hostile_forms_are_400(site: Site, content_type: str, body: bytes) -> None:
    for path in ("/oauth/token", "/oauth/callback", "/oauth/revoke"):
        answer = site.post(path, content=body, headers={"content-type": content_type})
        assert answer.status_code in (400, 401), path


def test_the_tutorials_token_url_is_the_token_endpoint(site: Site) -> None:
    client = OAuthClient(site=site, client_id="github-gist-mcp")
    form = {
        "grant_type": "authorization_code",
        "code": client.code(),
        "redirect_uri": REDIRECT_URI,
        "code_verifier": client.code_verifier,
        "client_id": client.client_id,
        "resource": f"{PUBLIC_URL}/mcp",
    }

    answer = site.post("/oauth/callback", data=form)

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
