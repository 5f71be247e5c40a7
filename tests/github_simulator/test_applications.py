"""Check, reset and revoke tokens with the app's credentials."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator


@pytest.fixture
def app(github: GitHubSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{github.url}/applications/{github.client_id}",
        auth=(github.client_id, github.client_secret),
    ) as client:
        yield client


def send(app: httpx.Client, method: str, path: str, token: str | None = None) -> httpx.Response:
    return app.request(method, path, json={"access_token": token} if token else {})


def test_check_describes_the_token(github: GitHubSimulator, app: httpx.Client) -> None:
    token = github.create_token("hubot", ["gist"])

    answer = send(app, "POST", "/token", token)

    body = answer.json()
    assert answer.status_code == 200
    assert body["user"]["id"] == 480938
    assert body["scopes"] == ["gist"]
    assert body["app"]["client_id"] == github.client_id
    assert body["hashed_token"] == hashlib.sha256(token.encode()).hexdigest()
    assert body["token_last_eight"] == token[-8:]
    assert body["expires_at"] is None


@pytest.mark.parametrize("kind", ["classic", "fine_grained", "app_user"])
def test_a_token_of_others_is_not_the_apps(
    github: GitHubSimulator, app: httpx.Client, kind: str
) -> None:
    token = github.create_token("octocat", kind=kind)  # type: ignore[arg-type]

    assert send(app, "POST", "/token", token).status_code == 404


def test_unknown_and_revoked_tokens_are_not_found(
    github: GitHubSimulator, app: httpx.Client
) -> None:
    token = github.create_token()
    github.revoke_tokens("octocat")

    assert send(app, "POST", "/token", token).status_code == 404
    assert send(app, "POST", "/token", "gho_unknown").status_code == 404


def test_without_a_token_the_request_is_invalid(app: httpx.Client) -> None:
    answer = send(app, "POST", "/token")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "access_token"


def test_without_basic_credentials_nothing_is_there(github: GitHubSimulator) -> None:
    token = github.create_token()

    with api_client(github, token) as client:
        answer = client.post(
            f"/applications/{github.client_id}/token", json={"access_token": token}
        )

    assert answer.status_code == 404


def test_a_wrong_secret_is_401(github: GitHubSimulator) -> None:
    answer = httpx.post(
        f"{github.url}/applications/{github.client_id}/token",
        json={"access_token": github.create_token()},
        auth=(github.client_id, "wrong"),
    )

    assert answer.status_code == 401


def test_reset_gives_a_new_token_for_the_old(github: GitHubSimulator, app: httpx.Client) -> None:
    old = github.create_token()

    new = send(app, "PATCH", "/token", old).json()["token"]

    assert send(app, "POST", "/token", old).status_code == 404
    assert send(app, "POST", "/token", new).status_code == 200


def test_delete_token_spares_the_others(github: GitHubSimulator, app: httpx.Client) -> None:
    first, second = github.create_token(), github.create_token()

    assert send(app, "DELETE", "/token", first).status_code == 204

    assert send(app, "POST", "/token", first).status_code == 404
    assert send(app, "POST", "/token", second).status_code == 200


def test_delete_grant_kills_all_tokens_of_the_user_only(
    github: GitHubSimulator, app: httpx.Client
) -> None:
    first, second = github.create_token(), github.create_token()
    others = github.create_token("hubot")

    assert send(app, "DELETE", "/grant", first).status_code == 204

    assert send(app, "POST", "/token", second).status_code == 404
    assert send(app, "POST", "/token", others).status_code == 200


def test_anybody_may_revoke_a_token_they_hold(
    github: GitHubSimulator, app: httpx.Client, anonymous: httpx.Client
) -> None:
    token = github.create_token()

    answer = anonymous.post("/credentials/revoke", json={"credentials": [token]})

    assert answer.status_code == 202
    assert send(app, "POST", "/token", token).status_code == 404
