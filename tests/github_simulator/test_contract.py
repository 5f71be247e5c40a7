"""The simulator's answers, and requests like ours, held against GitHub's own description."""

from typing import Any

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator
from tests.support.openapi import (
    ContractError,
    assert_request_matches,
    assert_response_matches,
    is_described,
)

FILES = {"a.txt": {"content": "x"}, "b.unknown": {"content": "y"}}
VERSIONS = ["2022-11-28", "2026-03-10"]


def send(
    client: httpx.Client,
    method: str,
    path: str,
    body: Any = None,
    version: str = "2022-11-28",
    query: dict[str, str] | None = None,
) -> Any:
    """One request, held against the description together with its answer."""
    assert_request_matches(method, path, body, query)
    answer = client.request(
        method, path, json=body, params=query, headers={"x-github-api-version": version}
    )
    parsed = answer.json() if answer.content else None
    assert_response_matches(method, path, answer.status_code, parsed, version)
    assert answer.is_success, answer.text
    return parsed


@pytest.mark.parametrize("version", VERSIONS)
def test_the_life_of_a_gist(octocat: httpx.Client, hubot: httpx.Client, version: str) -> None:
    body = {"description": None, "public": True, "files": FILES}
    gist = send(octocat, "POST", "/gists", body, version)
    path = f"/gists/{gist['id']}"

    send(hubot, "POST", f"{path}/forks", None, version)
    send(octocat, "PATCH", path, {"files": {"a.txt": None}, "description": "d"}, version)
    send(octocat, "PUT", f"{path}/star", None, version)
    send(octocat, "GET", path, None, version)
    starred = send(octocat, "GET", "/gists/starred", None, version)
    send(octocat, "DELETE", f"{path}/star", None, version)
    send(octocat, "DELETE", path, None, version)

    assert [each["id"] for each in starred] == [gist["id"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fork_names_its_original(
    octocat: httpx.Client, hubot: httpx.Client, version: str
) -> None:
    gist = send(octocat, "POST", "/gists", {"files": FILES})
    fork = send(hubot, "POST", f"/gists/{gist['id']}/forks")

    assert send(hubot, "GET", f"/gists/{fork['id']}", None, version)["fork_of"]["id"] == gist["id"]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_around_a_gist(octocat: httpx.Client, hubot: httpx.Client, version: str) -> None:
    gist = send(octocat, "POST", "/gists", {"public": True, "files": FILES}, version)
    path = f"/gists/{gist['id']}"
    send(octocat, "PATCH", path, {"files": {"a.txt": {"content": "new"}}}, version)

    send(hubot, "POST", f"{path}/comments", {"body": "hello"}, version)
    send(hubot, "POST", f"{path}/forks", None, version)
    send(hubot, "PUT", f"{path}/star", None, version)

    (comment,) = send(octocat, "GET", f"{path}/comments", None, version)
    assert comment["body"] == "hello"
    its_path = f"{path}/comments/{comment['id']}"
    send(hubot, "PATCH", its_path, {"body": "changed"}, version)
    assert send(octocat, "GET", its_path, None, version)["body"] == "changed"
    assert octocat.delete(its_path).status_code == 403
    send(hubot, "DELETE", its_path, None, version)
    assert octocat.get(its_path).status_code == 404
    assert len(send(octocat, "GET", f"{path}/forks", None, version)) == 1
    newest, oldest = send(octocat, "GET", f"{path}/commits", None, version)
    older = send(octocat, "GET", f"{path}/{oldest['version']}", None, version)
    assert older["files"]["a.txt"]["content"] == "x"
    assert newest["version"] != oldest["version"]
    assert send(hubot, "GET", f"{path}/star", None, version) is None
    (listed,) = send(hubot, "GET", "/users/octocat/gists", None, version)
    assert listed["id"] == gist["id"]


@pytest.mark.parametrize("version", VERSIONS)
def test_lists(github: GitHubSimulator, octocat: httpx.Client, version: str) -> None:
    github.create_gists("octocat", {"a.txt": "x"}, count=3)
    query = {"since": "2020-01-01T00:00:00Z", "per_page": "2", "page": "1"}

    assert len(send(octocat, "GET", "/gists", None, version, query)) == 2


@pytest.mark.parametrize("scopes", [["user"], ["read:user"], []])
def test_the_user(github: GitHubSimulator, scopes: list[str]) -> None:
    with api_client(github, github.create_token("octocat", scopes)) as client:
        user = send(client, "GET", "/user")

    assert user["user_view_type"] == ("private" if scopes == ["user"] else "public")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_account_by_its_login(github: GitHubSimulator, version: str) -> None:
    app = httpx.Client(base_url=github.url, auth=(github.client_id, github.client_secret))
    with app:
        user = send(app, "GET", "/users/OctoCat", None, version)

        assert (user["id"], user["login"], user["type"]) == (583231, "octocat", "User")
        assert user["email"] is None
        unknown = app.get("/users/nobody")
        assert unknown.status_code == 404
        assert_response_matches("GET", "/users/nobody", 404, unknown.json(), version)


def test_a_managed_user_is_shown_to_colleagues_only(
    github: GitHubSimulator, octocat: httpx.Client, hubot: httpx.Client
) -> None:
    github.change_user("octocat", login="octocat_acme")
    app = httpx.Client(base_url=github.url, auth=(github.client_id, github.client_secret))
    with app:
        assert app.get("/users/octocat_acme").status_code == 404
    assert hubot.get("/users/octocat_acme").status_code == 404
    assert send(octocat, "GET", "/users/octocat_acme")["id"] == 583231


@pytest.mark.parametrize("expires", [False, True])
def test_the_apps_tokens(github: GitHubSimulator, expires: bool) -> None:
    app = httpx.Client(base_url=github.url, auth=(github.client_id, github.client_secret))
    path = f"/applications/{github.client_id}"
    body = {"access_token": github.create_token("octocat", expires=expires)}

    with app:
        send(app, "POST", f"{path}/token", body)
        send(app, "DELETE", f"{path}/token", body)
        body = {"access_token": github.create_token("octocat")}
        send(app, "DELETE", f"{path}/grant", body)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/gists/unknown", None, 404),
        ("PATCH", "/gists/unknown", {}, 404),
        ("DELETE", "/gists/unknown", None, 404),
        ("PUT", "/gists/unknown/star", None, 404),
        ("POST", "/gists", {"files": {}}, 422),
        ("POST", "/gists", {"files": []}, 422),
    ],
)
def test_refusals(octocat: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    answer = octocat.request(method, path, json=body)

    assert answer.status_code == status
    assert_response_matches(method, path, status, answer.json())


def test_refusals_that_can_occur_anywhere(
    github: GitHubSimulator, octocat: httpx.Client, anonymous: httpx.Client
) -> None:
    github.set_remaining("octocat", 0)

    for client, status in ((octocat, 403), (anonymous, 401)):
        answer = client.get("/user")
        assert answer.status_code == status
        assert_response_matches("GET", "/user", status, answer.json())
    answer = anonymous.post("/gists", json={"files": FILES})
    assert_response_matches("POST", "/gists", answer.status_code, answer.json())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/gists", {}),
        ("POST", "/gists", {"files": {"a": None}}),
        ("POST", "/gists", {"files": {"a": {}}}),
        ("POST", "/gists", {"files": FILES, "public": "yes"}),
        ("POST", "/gists", None),
        ("PATCH", "/gists/1", {"files": {"a": "text"}}),
        ("GET", "/gists", {}),
        ("GET", "/repos", None),
    ],
)
def test_requests_that_the_description_refuses(method: str, path: str, body: Any) -> None:
    with pytest.raises(ContractError):
        assert_request_matches(method, path, body)


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"per_page": "x"}, {"size": "1"}])
def test_queries_that_the_description_refuses(query: dict[str, str]) -> None:
    with pytest.raises(ContractError):
        assert_request_matches("GET", "/gists", query=query)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/gists/1", 200, {}),
        ("GET", "/gists", 200, {}),
        ("GET", "/gists", 200, [{}]),
        ("GET", "/user", 200, {"login": "octocat"}),
        ("GET", "/gists/1", 418, {}),
        ("DELETE", "/gists/1", 204, {}),
    ],
)
def test_answers_that_the_description_refuses(
    method: str, path: str, status: int, body: Any
) -> None:
    with pytest.raises(ContractError):
        assert_response_matches(method, path, status, body)


def test_what_is_described_is_known() -> None:
    assert is_described("GET", "/api/v3/gists/starred")
    assert not is_described("POST", "/gists/1/commits")
