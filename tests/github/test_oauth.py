"""GitHub's OAuth endpoints over real HTTP: grants, refusals with status 200, outages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from gist_mcp.errors import GitHubRefusesServer, GitHubUnavailable, RateLimited, SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.oauth import CodeRefused, GitHubOAuth, expected_issuer, is_expected_issuer
from tests.github.raw_server import (
    RawServer,
    Step,
    answer,
    endless_answer,
    never_answer,
    raw,
    raw_server,
    reset_after_reading,
)

pytestmark = pytest.mark.anyio

SECRET = "the-secret-of-the-app"
CODE = "c0de" * 5
VERIFIER = "v" * 43
CALLBACK_URL = "https://gists.example.com/oauth/callback"
ACCESS = "gho_" + "a" * 36
REFRESH = "ghr_" + "b" * 76
GRANT = {"access_token": ACCESS, "token_type": "bearer", "scope": "read:user,gist"}
EXPIRING = {
    **GRANT,
    "expires_in": 28_800,
    "refresh_token": REFRESH,
    "refresh_token_expires_in": 15_897_600,
}


def app(http: httpx.AsyncClient, web_url: str, timeout_seconds: float = 5) -> GitHubOAuth:
    return GitHubOAuth(
        http,
        web_url=web_url,
        client_id="Iv1.app",
        client_secret=SecretStr(SECRET),
        callback_url=CALLBACK_URL,
        timeout_seconds=timeout_seconds,
    )


@asynccontextmanager
async def github(
    http: httpx.AsyncClient, step: Step, timeout_seconds: float = 5
) -> AsyncIterator[tuple[GitHubOAuth, RawServer]]:
    async with raw_server(step) as server:
        yield app(http, server.url, timeout_seconds), server


def refused(error: str, description: str = "") -> Step:
    return answer(200, {"error": error, "error_description": description, "error_uri": "https://x"})


def form(body: bytes) -> dict[str, str]:
    return {
        name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()
    }


async def test_the_authorize_url_asks_for_everything_that_github_needs(
    http: httpx.AsyncClient,
) -> None:
    url = app(http, "https://github.example/").authorize_url(
        state="s&=?", code_challenge="x" * 43, scopes=("gist", "read:user"), prompt="select_account"
    )

    parts = urlsplit(url)
    assert url.startswith("https://github.example/login/oauth/authorize?")
    assert form(parts.query.encode()) == {
        "client_id": "Iv1.app",
        "redirect_uri": CALLBACK_URL,
        "scope": "gist read:user",
        "state": "s&=?",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }


async def test_a_code_becomes_a_token_that_does_not_expire(http: httpx.AsyncClient) -> None:
    async with github(http, answer(200, GRANT)) as (oauth, server):
        grant = await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

    assert grant.access_token.reveal() == ACCESS
    assert grant.scopes == frozenset({"gist", "read:user"})
    assert (grant.expires_in_seconds, grant.refresh_token) == (None, None)
    assert ACCESS not in repr(grant)
    sent = server.received[0]
    assert (sent.method, sent.target) == ("POST", "/login/oauth/access_token")
    assert sent.headers["accept"] == "application/json"
    assert form(sent.body) == {
        "grant_type": "authorization_code",
        "client_id": "Iv1.app",
        "client_secret": SECRET,
        "code": CODE,
        "redirect_uri": CALLBACK_URL,
        "code_verifier": VERIFIER,
    }


async def test_a_code_becomes_a_token_that_expires(http: httpx.AsyncClient) -> None:
    async with github(http, answer(200, EXPIRING)) as (oauth, _):
        grant = await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

    assert grant.refresh_token is not None
    assert grant.refresh_token.reveal() == REFRESH
    assert grant.expires_in_seconds == 28_800
    assert grant.refresh_token_expires_in_seconds == 15_897_600
    assert REFRESH not in repr(grant)


async def test_no_scope_is_an_empty_set(http: httpx.AsyncClient) -> None:
    async with github(http, answer(200, {**GRANT, "scope": ""})) as (oauth, _):
        grant = await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

    assert grant.scopes == frozenset()


@pytest.mark.parametrize(
    ("step", "code", "operator_must_act"),
    [
        (refused("bad_verification_code"), "bad_verification_code", False),
        (refused("incorrect_code_verifier"), "incorrect_code_verifier", False),
        (refused("unverified_user_email"), "unverified_user_email", False),
        (refused("incorrect_client_credentials"), "incorrect_client_credentials", True),
        (refused("redirect_uri_mismatch"), "redirect_uri_mismatch", True),
        (answer(404, {"error": "Not Found"}), "incorrect_client_credentials", True),
        (
            answer(401, {"error": "incorrect_client_credentials"}),
            "incorrect_client_credentials",
            True,
        ),
        (answer(400, {"error": "bad_verification_code"}), "bad_verification_code", False),
        (answer(200, {"error": "<b>odd</b>", **GRANT}), "unknown", False),
    ],
)
async def test_a_refusal_names_its_reason_whatever_the_status(
    http: httpx.AsyncClient, step: Step, code: str, operator_must_act: bool
) -> None:
    async with github(http, step) as (oauth, server):
        with pytest.raises(CodeRefused) as raised:
            await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

        assert raised.value.code == code
        assert raised.value.operator_must_act is operator_must_act
        assert len(server.received) == 1


OUTAGES: dict[str, Step] = {
    "status 500": answer(500, b"<html>"),
    "status 503": answer(503),
    "reset": reset_after_reading,
    "not JSON": answer(200, b"access_token=gho_x"),
    "no answer": never_answer,
    "endless": endless_answer,
    "nothing in it": answer(200, {}),
    "not HTTP": raw(b"garbage\r\n\r\n"),
    "no bearer token": answer(200, {**GRANT, "token_type": "mac"}),
    "not a token": answer(200, {**GRANT, "access_token": "a\r\nb"}),
    "wrong types": answer(200, {**GRANT, "access_token": 7}),
    "no lifetime": answer(200, {**GRANT, "expires_in": -1}),
    "moved": answer(302, b"", location="https://elsewhere.example"),
    "validation": answer(422, {"message": "Validation Failed"}),
}
each_outage = pytest.mark.parametrize("step", OUTAGES.values(), ids=OUTAGES.keys())


@each_outage
async def test_an_outage_is_not_a_refusal_and_nothing_is_sent_twice(
    http: httpx.AsyncClient, step: Step
) -> None:
    async with github(http, step, timeout_seconds=0.2) as (oauth, server):
        with pytest.raises(GitHubUnavailable):
            await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

        assert len(server.received) == 1


@each_outage
async def test_an_outage_while_refreshing_does_not_end_the_sign_in(
    http: httpx.AsyncClient, step: Step
) -> None:
    async with github(http, step, timeout_seconds=0.2) as (oauth, _):
        with pytest.raises(GitHubUnavailable):
            await oauth.refresh(GitHubToken(REFRESH))


async def test_too_many_sign_ins_are_a_limit(http: httpx.AsyncClient) -> None:
    async with github(http, answer(429, b"", retry_after="9")) as (oauth, _):
        with pytest.raises(RateLimited) as raised:
            await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)

    assert raised.value.retry_after_seconds == 9


@pytest.mark.parametrize("code", ["x" * 1000, "cödé", "\ud800"])
async def test_what_cannot_be_a_code_is_not_sent(http: httpx.AsyncClient, code: str) -> None:
    async with github(http, answer(200, GRANT)) as (oauth, server):
        with pytest.raises(CodeRefused):
            await oauth.exchange_code(code=code, code_verifier=VERIFIER)

        assert server.received == []


async def test_a_refresh_gives_a_new_pair(http: httpx.AsyncClient) -> None:
    async with github(http, answer(200, EXPIRING)) as (oauth, server):
        grant = await oauth.refresh(GitHubToken("ghr_old"))

    assert grant.access_token.reveal() == ACCESS
    assert form(server.received[0].body) == {
        "grant_type": "refresh_token",
        "refresh_token": "ghr_old",
        "client_id": "Iv1.app",
        "client_secret": SECRET,
    }


async def test_a_spent_refresh_token_means_sign_in(http: httpx.AsyncClient) -> None:
    async with github(http, refused("bad_refresh_token")) as (oauth, _):
        with pytest.raises(SignInRequired):
            await oauth.refresh(GitHubToken(REFRESH))


async def test_a_wrong_client_secret_does_not_end_the_users_sign_in(
    http: httpx.AsyncClient,
) -> None:
    async with github(http, refused("incorrect_client_credentials")) as (oauth, _):
        with pytest.raises(GitHubRefusesServer):
            await oauth.refresh(GitHubToken(REFRESH))


async def test_what_github_echoes_is_not_shown(http: httpx.AsyncClient) -> None:
    echo = f"{CODE} {VERIFIER} {SECRET} {REFRESH}"
    async with github(http, refused("bad_refresh_token", echo)) as (oauth, _):
        with pytest.raises(CodeRefused) as code_refused:
            await oauth.exchange_code(code=CODE, code_verifier=VERIFIER)
        with pytest.raises(SignInRequired) as sign_in_required:
            await oauth.refresh(GitHubToken(REFRESH))

    for error in (code_refused.value, sign_in_required.value):
        shown = f"{error!r} {error.log_reason}"
        assert not any(secret in shown for secret in (SECRET, REFRESH))
    assert CODE not in code_refused.value.log_reason
    assert VERIFIER not in code_refused.value.log_reason


@pytest.mark.parametrize(
    ("iss", "expected"),
    [
        ("https://github.com/login/oauth", True),
        (None, True),
        ("https://github.com/login/oauth/", False),
        ("https://evil.example/login/oauth", False),
        ("", False),
    ],
)
def test_the_issuer_must_be_github_or_absent(iss: str | None, expected: bool) -> None:
    assert is_expected_issuer(iss, "https://github.com") is expected


def test_the_issuer_lies_below_the_web_address() -> None:
    assert expected_issuer("https://ghe.example/") == "https://ghe.example/login/oauth"
