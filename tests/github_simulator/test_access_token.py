"""The token endpoint: exchange, refresh, formats, and errors with HTTP 200."""

import re
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import httpx
import pytest

from tests.github_simulator.signing_in import (
    VERIFIER,
    api_client,
    approved_code,
    exchange,
    signed_in,
)
from tests.support.github_simulator import GitHubSimulator


def refresh(github: GitHubSimulator, refresh_token: str) -> dict[str, Any]:
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    changes: dict[str, str | None] = {"redirect_uri": None, "code_verifier": None, **fields}
    answer: dict[str, Any] = exchange(github, "", "application/json", **changes).json()
    return answer


def test_a_code_becomes_a_token(github: GitHubSimulator) -> None:
    answer = exchange(github, approved_code(github))

    body = answer.json()
    assert set(body) == {"access_token", "token_type", "scope"}
    assert re.fullmatch("gho_[A-Za-z0-9]{36}", body["access_token"])
    assert (body["token_type"], body["scope"]) == ("bearer", "gist,read:user")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("accept", ["*/*", "text/html", ""])
def test_the_default_format_is_a_form(github: GitHubSimulator, accept: str) -> None:
    answer = exchange(github, approved_code(github), accept=accept)

    assert answer.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(answer.text)["token_type"] == ["bearer"]


def test_xml_has_the_root_oauth(github: GitHubSimulator) -> None:
    answer = exchange(github, approved_code(github), accept="application/xml")

    root = ElementTree.fromstring(answer.text)
    assert root.tag == "OAuth"
    assert root.findtext("token_type") == "bearer"


def test_json_and_query_parameters_are_taken(github: GitHubSimulator) -> None:
    url = f"{github.url}/login/oauth/access_token"
    fields = {
        "client_id": github.client_id,
        "client_secret": github.client_secret,
        "code_verifier": VERIFIER,
    }
    headers = {"accept": "application/json"}

    first = httpx.post(url, json={**fields, "code": approved_code(github)}, headers=headers)
    second = httpx.post(url, params={**fields, "code": approved_code(github)}, headers=headers)

    assert "access_token" in first.json()
    assert "access_token" in second.json()


def test_a_code_works_once(github: GitHubSimulator) -> None:
    code = approved_code(github)
    exchange(github, code)

    again = exchange(github, code)

    assert again.status_code == 200
    assert again.json()["error"] == "bad_verification_code"
    assert again.json()["error_uri"].endswith("#bad-verification-code")
    assert "access_token" not in again.json()


def test_a_code_lives_ten_minutes(github: GitHubSimulator) -> None:
    early, late = approved_code(github), approved_code(github)

    github.set_clock_offset(590)
    assert "access_token" in exchange(github, early).json()
    github.set_clock_offset(601)
    assert exchange(github, late).json()["error"] == "bad_verification_code"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_id": "wrong"}, "incorrect_client_credentials"),
        ({"client_secret": None}, "incorrect_client_credentials"),
        ({"redirect_uri": "http://localhost:9991/other"}, "redirect_uri_mismatch"),
        ({"code_verifier": "w" * 43}, "incorrect_code_verifier"),
        ({"code_verifier": None}, "incorrect_code_verifier"),
        ({"code": "wrong"}, "bad_verification_code"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_errors_are_http_200(
    github: GitHubSimulator, changes: dict[str, str | None], error: str
) -> None:
    answer = exchange(github, **{"code": approved_code(github), **changes})  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert answer.json()["error"] == error
    assert "access_token" not in answer.json()


def test_an_unverified_email_gets_no_token(github: GitHubSimulator) -> None:
    github.change_user("octocat", email_verified=False)

    assert signed_in(github)["error"] == "unverified_user_email"


def test_an_expiring_token_comes_with_a_refresh_token(github: GitHubSimulator) -> None:
    github.configure(expiring_tokens=True)

    answer = signed_in(github)

    assert answer["expires_in"] == 28800
    assert answer["refresh_token_expires_in"] == 15897600
    assert re.fullmatch("ghr_[A-Za-z0-9]{76}", answer["refresh_token"])


def test_offline_access_asks_for_expiry_but_is_no_scope(github: GitHubSimulator) -> None:
    answer = signed_in(github, scope="gist offline_access")

    assert answer["scope"] == "gist"
    assert "refresh_token" in answer


def test_an_expired_token_is_a_bad_one(github: GitHubSimulator) -> None:
    github.configure(expiring_tokens=True)
    token = signed_in(github)["access_token"]

    with api_client(github, token) as client:
        assert client.get("/user").status_code == 200
        github.set_clock_offset(28801)
        assert client.get("/user").status_code == 401


def test_refreshing_replaces_both_tokens(github: GitHubSimulator) -> None:
    github.configure(expiring_tokens=True)
    old = signed_in(github)

    new = refresh(github, old["refresh_token"])

    assert new["scope"] == old["scope"]
    assert new["refresh_token"] != old["refresh_token"]
    with api_client(github, old["access_token"]) as client:
        assert client.get("/user").status_code == 401
    with api_client(github, new["access_token"]) as client:
        assert client.get("/user").status_code == 200


def test_a_refresh_token_works_once(github: GitHubSimulator) -> None:
    github.configure(expiring_tokens=True)
    old = signed_in(github)
    new = refresh(github, old["refresh_token"])

    assert refresh(github, old["refresh_token"])["error"] == "bad_refresh_token"
    with api_client(github, new["access_token"]) as client:
        assert client.get("/user").status_code == 200


def test_a_refresh_token_outlives_its_access_token_but_not_half_a_year(
    github: GitHubSimulator,
) -> None:
    github.configure(expiring_tokens=True)
    first = signed_in(github)

    github.set_clock_offset(100_000)
    second = refresh(github, first["refresh_token"])
    github.set_clock_offset(100_000 + 15897601)

    assert refresh(github, second["refresh_token"])["error"] == "bad_refresh_token"


def test_the_eleventh_token_revokes_the_oldest_unused_one(github: GitHubSimulator) -> None:
    tokens = [signed_in(github)["access_token"] for _ in range(10)]
    with api_client(github, tokens[0]) as client:
        client.get("/user")
    github.set_clock_offset(120)

    signed_in(github)

    alive = [i for i, token in enumerate(tokens) if is_alive(github, token)]
    assert alive == [0, *range(2, 10)]


def test_a_token_unused_for_a_year_is_dead(github: GitHubSimulator) -> None:
    token = signed_in(github)["access_token"]

    github.set_clock_offset(366 * 86400)

    assert not is_alive(github, token)


def is_alive(github: GitHubSimulator, token: str) -> bool:
    with api_client(github, token) as client:
        return client.get("/user").status_code == 200


def test_get_and_options_do_not_exist(github: GitHubSimulator) -> None:
    url = f"{github.url}/login/oauth/access_token"

    assert httpx.get(url).status_code == 404
    assert httpx.options(url).status_code == 404
