"""Creating, reading and changing gists."""

import base64
import re
from typing import Any

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator

NO_FILES = {"resource": "Gist", "code": "missing_field", "field": "files"}


def created(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/gists", json={"files": {"a.txt": {"content": "one\n"}}, **body})
    assert answer.status_code == 201, answer.text
    gist: dict[str, Any] = answer.json()
    return gist


def patched(client: httpx.Client, gist: dict[str, Any], files: Any) -> httpx.Response:
    return client.patch(f"/gists/{gist['id']}", json={"files": files})


def test_a_created_gist_belongs_to_its_user(github: GitHubSimulator, octocat: httpx.Client) -> None:
    answer = octocat.post(
        "/gists",
        json={"description": "d", "public": True, "files": {"a.py": {"content": "print()"}}},
    )

    gist = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{github.url}/gists/{gist['id']}"
    assert gist["owner"]["login"] == "octocat"
    assert gist["files"]["a.py"]["content"] == "print()"
    assert gist["files"]["a.py"]["language"] == "Python"
    stored = github.gists("octocat")
    assert [(each.gist_id, each.public, each.files) for each in stored] == [
        (gist["id"], True, {"a.py": "print()"})
    ]


def test_a_gist_is_secret_unless_public(octocat: httpx.Client) -> None:
    assert created(octocat)["public"] is False
    assert created(octocat, public="true")["public"] is True


def test_two_equal_requests_make_two_gists(github: GitHubSimulator, octocat: httpx.Client) -> None:
    assert created(octocat)["id"] != created(octocat)["id"]
    assert len(github.gists("octocat")) == 2


def test_a_write_without_the_gist_scope_is_404(github: GitHubSimulator) -> None:
    with api_client(github, github.create_token("octocat", ["read:user"])) as client:
        answer = client.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"
    assert answer.headers["x-oauth-scopes"] == "read:user"
    assert answer.headers["x-accepted-oauth-scopes"] == "gist"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {}},
        {"files": {"a": {"content": ""}}},
        {"files": {"a": {}}},
        {"files": {"a": {"content": "x"}, "b": {"content": ""}}},
        {"files": {"a": {"content": " \n\t"}}},
        {"files": {"a": {"content": "x"}, "b": {"content": "\u202f\u3000"}}},
    ],
)
def test_missing_content_is_refused_as_a_missing_field(
    github: GitHubSimulator, octocat: httpx.Client, body: dict[str, object]
) -> None:
    answer = octocat.post("/gists", json=body)

    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation Failed"
    assert answer.json()["errors"] == [NO_FILES]
    assert answer.json()["status"] == "422"
    assert github.gists("octocat") == []


@pytest.mark.parametrize(
    "body",
    [
        {"files": []},
        {"files": {"a": {"content": 1}}},
        {"files": {"a": {"content": "x"}}, "public": "yes"},
        {"files": {"a": {"content": "x"}}, "description": 1},
    ],
)
def test_wrong_types_are_an_invalid_request(octocat: httpx.Client, body: dict[str, object]) -> None:
    answer = octocat.post("/gists", json=body)

    assert answer.status_code == 422
    assert answer.json()["message"].startswith("Invalid request.")
    assert "errors" not in answer.json()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Problems parsing JSON"),
        (b"\xff", "Problems parsing JSON"),
        (b'{"files": {"a": {"content": "\\ud800"}}}', "Problems parsing JSON"),
        (b"[" * 100_000, "Problems parsing JSON"),
        (b"[]", "Body should be a JSON object"),
    ],
)
def test_a_body_that_is_no_object_is_400(
    octocat: httpx.Client, content: bytes, message: str
) -> None:
    answer = octocat.post("/gists", content=content)

    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_an_unverified_email_may_not_create(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.change_user("octocat", email_verified=False)

    answer = octocat.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "user"


def test_an_update_replaces_renames_deletes_and_adds(octocat: httpx.Client) -> None:
    gist = created(octocat, files={n: {"content": n} for n in ("keep", "edit", "move", "drop")})

    answer = patched(
        octocat,
        gist,
        {
            "edit": {"content": "edited"},
            "move": {"filename": "moved"},
            "drop": None,
            "new": {"content": "new"},
        },
    )

    files = {name: entry["content"] for name, entry in answer.json()["files"].items()}
    assert files == {"keep": "keep", "edit": "edited", "moved": "move", "new": "new"}


@pytest.mark.parametrize(
    "files",
    [
        {"unknown": None},
        {"a.txt": None},
        {"a.txt": {"content": ""}},
        {"a.txt": {"content": " "}},
        {"new": {}},
    ],
)
def test_an_update_that_leaves_nothing_or_changes_nothing_is_refused(
    octocat: httpx.Client, files: dict[str, object]
) -> None:
    answer = patched(octocat, created(octocat), files)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [NO_FILES]


def test_an_empty_update_changes_nothing(octocat: httpx.Client) -> None:
    gist = created(octocat)

    answer = octocat.patch(f"/gists/{gist['id']}", json={})

    assert answer.status_code == 200
    assert answer.json() == gist


def test_visibility_cannot_be_changed(octocat: httpx.Client) -> None:
    gist = created(octocat)

    octocat.patch(f"/gists/{gist['id']}", json={"public": True, "description": "new"})

    after = octocat.get(f"/gists/{gist['id']}").json()
    assert (after["public"], after["description"]) == (False, "new")


def test_each_change_of_files_is_a_revision_that_can_be_read(octocat: httpx.Client) -> None:
    gist = created(octocat)
    patched(octocat, gist, {"a.txt": {"content": "two\n"}})

    commits = octocat.get(f"/gists/{gist['id']}/commits").json()
    first = octocat.get(f"/gists/{gist['id']}/{commits[-1]['version']}").json()

    assert len(commits) == 2
    assert re.fullmatch("[0-9a-f]{40}", commits[0]["version"])
    assert first["files"]["a.txt"]["content"] == "one\n"
    assert octocat.get(f"/gists/{gist['id']}/{'0' * 40}").status_code == 404


def test_a_secret_gist_is_readable_by_whoever_knows_its_id(
    octocat: httpx.Client, anonymous: httpx.Client
) -> None:
    gist = created(octocat)

    assert anonymous.get(f"/gists/{gist['id']}").status_code == 200


def test_anothers_gist_cannot_be_changed(octocat: httpx.Client, hubot: httpx.Client) -> None:
    path = f"/gists/{created(octocat)['id']}"

    assert hubot.patch(path, json={"description": "mine"}).status_code == 404
    assert hubot.delete(path).status_code == 404


def test_a_deleted_gist_is_gone(octocat: httpx.Client) -> None:
    path = f"/gists/{created(octocat)['id']}"

    assert octocat.delete(path).status_code == 204

    assert octocat.get(path).status_code == 404
    assert octocat.delete(path).status_code == 404


def test_a_gist_can_be_shown_as_nobody_describes_it(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    gist = created(octocat, description="d")
    github.show_gist_as(gist["id"], files=None, owner=None)

    (listed,) = octocat.get("/gists").json()
    assert (listed["id"], listed["files"], listed["owner"]) == (gist["id"], None, None)
    assert octocat.get(f"/gists/{gist['id']}").json()["files"] is None
    assert github.gists("octocat")[0].files == {"a.txt": "one\n"}


def test_a_blocked_gist_says_why(github: GitHubSimulator, octocat: httpx.Client) -> None:
    gist = created(octocat)
    github.block_gist(gist["id"])

    answer = octocat.get(f"/gists/{gist['id']}")

    assert answer.status_code == 403
    assert answer.json()["block"]["reason"]


def test_stars(octocat: httpx.Client, hubot: httpx.Client) -> None:
    path = f"/gists/{created(octocat)['id']}/star"

    assert hubot.get(path).status_code == 404
    assert hubot.put(path).status_code == 204
    assert hubot.get(path).status_code == 204
    assert len(hubot.get("/gists/starred").json()) == 1
    assert octocat.get("/gists/starred").json() == []
    assert hubot.delete(path).status_code == 204
    assert hubot.get("/gists/starred").json() == []


def test_a_fork_belongs_to_whoever_forked(octocat: httpx.Client, hubot: httpx.Client) -> None:
    gist = created(octocat)

    fork = hubot.post(f"/gists/{gist['id']}/forks")

    assert fork.status_code == 201
    assert fork.json()["owner"]["login"] == "hubot"
    assert hubot.get(f"/gists/{fork.json()['id']}").json()["fork_of"]["id"] == gist["id"]
    assert octocat.post(f"/gists/{gist['id']}/forks").status_code == 422


def test_comments(octocat: httpx.Client, hubot: httpx.Client) -> None:
    gist = created(octocat)
    path = f"/gists/{gist['id']}/comments"

    comment = hubot.post(path, json={"body": "Nice"})

    assert comment.status_code == 201
    assert [each["body"] for each in octocat.get(path).json()] == ["Nice"]
    assert octocat.get(f"/gists/{gist['id']}").json()["comments"] == 1
    assert hubot.post(path, json={"body": ""}).status_code == 422
    assert hubot.post(path, json={"body": "x" * 65536}).status_code == 422


def test_a_large_file_is_cut_and_whole_at_its_raw_url(
    octocat: httpx.Client, anonymous: httpx.Client
) -> None:
    content = "ä" * 600_000
    gist = created(octocat, files={"big.txt": {"content": content}})

    entry = octocat.get(f"/gists/{gist['id']}").json()["files"]["big.txt"]

    assert entry["truncated"] is True
    assert entry["size"] == 1_200_000
    assert content.startswith(entry["content"])
    assert len(entry["content"].encode()) == 1_000_000
    assert anonymous.get(entry["raw_url"]).text == content


def test_raw_reading_ends_at_ten_megabytes(octocat: httpx.Client, anonymous: httpx.Client) -> None:
    gist = created(octocat, files={"huge.txt": {"content": "x" * 10_000_001}})

    assert anonymous.get(gist["files"]["huge.txt"]["raw_url"]).status_code == 403


def test_file_names_survive_the_raw_url(octocat: httpx.Client, anonymous: httpx.Client) -> None:
    gist = created(octocat, files={"a b%2F?#ü.txt": {"content": "x"}})

    [entry] = gist["files"].values()
    assert anonymous.get(entry["raw_url"]).text == "x"


def test_contents_can_be_asked_for_in_base64(octocat: httpx.Client) -> None:
    gist = created(octocat)
    accept = {"accept": "application/vnd.github.base64+json"}

    entry = octocat.get(f"/gists/{gist['id']}", headers=accept).json()["files"]["a.txt"]

    assert entry["encoding"] == "base64"
    assert base64.b64decode(entry["content"]) == b"one\n"


def test_at_most_300_files_are_shown(octocat: httpx.Client) -> None:
    gist = created(octocat, files={f"{n}.txt": {"content": "x"} for n in range(301)})

    assert gist["truncated"] is True
    assert len(gist["files"]) == 300


def test_a_token_in_a_public_gist_is_revoked(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    token = github.create_token("hubot")
    created(octocat, public=True, files={"oops": {"content": f"token={token}\n"}})

    with api_client(github, token) as client:
        assert client.get("/user").status_code == 401


def test_a_gist_has_a_page(octocat: httpx.Client) -> None:
    gist = created(octocat, files={"a.txt": {"content": "<b>text</b>"}})

    page = httpx.get(gist["html_url"])

    assert page.status_code == 200
    assert "&lt;b&gt;text&lt;/b&gt;" in page.text
