"""Answers of GitHub that say less than usual, or something else: what a person hears of them."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gist_mcp.tools.registry import TOOLS
from tests.support.confirm import confirm_token
from tests.support.github_simulator import TokenKind
from tests.support.mcp_client import McpClient, ToolResult
from tests.support.world import World, world

pytestmark = pytest.mark.integration

ACCOUNT = "octocat"
NAME, CONTENT = "notes.md", "# Notes\n"
GIST = {"description": "d", "filename": NAME, "content": CONTENT, "public": False}
WITH_PERMISSIONS: list[TokenKind] = ["fine_grained", "app_user"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment that takes every valid token of GitHub."""
    folder: Path = tmp_path_factory.mktemp("answers")
    with world(folder, {"GITHUB_TOKENS": "any"}) as built:
        yield built


@pytest.fixture
def here(running: World) -> World:
    running.github.reset()
    return running


def client_with(here: World, kind: TokenKind, *scopes: str, account: str = ACCOUNT) -> McpClient:
    """A client that presents a token of GitHub as it is."""
    token = here.github.create_token(account, scopes, kind=kind)
    return McpClient(here.server.mcp_url, token).open()


@pytest.mark.parametrize("kind", WITH_PERMISSIONS)
def test_a_token_with_the_permission_works_though_github_names_no_scopes(
    here: World, kind: TokenKind
) -> None:
    client = client_with(here, kind, "gist")

    made = client.call("create_gist", **GIST).wait()
    listed = client.call("list_my_gists").wait()
    profile = client.call("get_my_profile").wait()

    assert [gist.gist_id for gist in here.github.gists(ACCOUNT)] == [made.structured["id"]]
    assert [gist["id"] for gist in listed.structured["gists"]] == [made.structured["id"]]
    assert listed.structured["note"] is None
    assert profile.structured["login"] == ACCOUNT


@pytest.mark.parametrize("kind", WITH_PERMISSIONS)
def test_a_token_without_the_permission_is_told_which_one_is_missing(
    here: World, kind: TokenKind
) -> None:
    here.github.create_gists(ACCOUNT, {"s.txt": "secret"})
    (public,) = here.github.create_gists(ACCOUNT, {"p.txt": "public"}, public=True)
    client = client_with(here, kind)

    refused = client.call("create_gist", **GIST).wait()
    listed = client.call("list_my_gists").wait()
    profile = client.call("get_my_profile").wait()

    assert refused.is_error
    assert 'the permission "Gists: write"' in refused.text
    assert f"{here.server.url}/oauth/authorize" in refused.text
    assert len(here.github.gists(ACCOUNT)) == 2
    assert [gist["id"] for gist in listed.structured["gists"]] == [public.gist_id]
    assert "whether this token may see secret gists" in listed.structured["note"]
    assert profile.structured["login"] == ACCOUNT


def test_a_token_whose_scopes_github_names_is_stopped_at_the_door(here: World) -> None:
    client = client_with(here, "classic", "read:user")

    call = client.call("create_gist", **GIST)
    call.wait_until_broken()

    assert call.refused is not None
    assert call.refused.status_code == 403
    assert 'error="insufficient_scope"' in call.refused.headers["WWW-Authenticate"]
    assert here.github.requests("POST", "/gists") == []


def test_a_create_that_github_hides_is_a_missing_scope_and_nothing_to_check_an_id_of(
    here: World,
) -> None:
    client = client_with(here, "oauth", "gist", "read:user")
    here.github.add_fault("status_before", method="POST", path="/gists", status=404)

    refused = client.call("create_gist", **GIST).wait()

    assert refused.is_error
    assert "needs the GitHub scope gist" in refused.text
    assert f"{here.server.url}/oauth/authorize" in refused.text
    assert here.github.gists(ACCOUNT) == []


def test_one_odd_gist_hides_no_other(here: World) -> None:
    odd = here.github.create_gists(ACCOUNT, {"a.txt": "x"}, count=3)
    here.github.create_gists(ACCOUNT, {"b.txt": "y"}, count=120)
    client = client_with(here, "oauth", "gist")

    here.github.show_gist_as(odd[0].gist_id, files=None)
    here.github.show_gist_as(odd[1].gist_id, html_url=None, owner="nobody")
    here.github.show_gist_as(odd[2].gist_id, owner=None, created_at=None, files={"a.txt": None})
    listed = client.call("list_my_gists").wait()

    assert not listed.is_error, listed.text
    assert listed.structured["count"] == 123
    assert listed.structured["left_out"] == 2
    assert listed.structured["note"].startswith("2 of the gists")
    assert len(listed.structured["gists"]) == 10


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A call that did not know whether its gist was made: how it ended, what the next call with
    its key got, and how many gists there were then."""

    made_id: str
    ended: ToolResult
    again: ToolResult
    gists: int


def token_sha256(client: McpClient) -> str:
    """By what a fault knows the requests with this client's token."""
    return hashlib.sha256(client.headers["Authorization"].split()[1].encode()).hexdigest()


def play_doubt(here: World, account: str, **shown: object) -> Doubt:
    """GitHub makes the gist, its answer is lost, and it shows the gist as `shown` for a while."""
    client = client_with(here, "oauth", "gist", account=account)
    lost = here.github.add_fault(
        "hang_after", method="POST", path="/gists", token_sha256=token_sha256(client)
    )
    call = client.call("create_gist", idempotency_key=account, **GIST)
    lost.wait_until_held()
    (gist,) = here.github.gists(account)
    here.github.show_gist_as(gist.gist_id, **shown)
    lost.drop()
    ended = call.wait()
    here.github.show_gist_as(gist.gist_id)
    again = client.call("create_gist", idempotency_key=account, **GIST).wait()
    gists = len(here.github.gists(account))
    return Doubt(made_id=gist.gist_id, ended=ended, again=again, gists=gists)


SHOWN: dict[str, dict[str, object]] = {
    # A size and a content are what comparisons need; neither is ours if it is another's.
    "octocat": {
        "owner": None,
        "created_at": "yesterday",
        "comments": None,
        "files": {NAME: {"content": CONTENT, "size": None, "truncated": None}},
    },
    "hubot": {"public": None},
    "monalisa": {"files": {NAME: None}},
}
"""For each account how GitHub shows its gist; three, so that they wait at the same time."""


def play_resend(here: World, account: str) -> tuple[ToolResult, int]:
    """A request that GitHub never got, while it lists an odd gist from long ago: the result, and
    how many gists it made."""
    before = len(here.github.gists(account))
    (old,) = here.github.create_gists(account, {"a.txt": "x"})
    here.github.show_gist_as(old.gist_id, files=None, created_at="2020-01-01T00:00:00Z")
    client = client_with(here, "oauth", "gist", account=account)
    here.github.add_fault(
        "reset_before", method="POST", path="/gists", token_sha256=token_sha256(client)
    )
    result = client.call("create_gist", **GIST).wait()
    return result, len(here.github.gists(account)) - before - 1


@dataclass(frozen=True, kw_only=True)
class Played:
    """All that takes as long as the looks for a gist do, at the same time."""

    doubts: dict[str, Doubt]
    resend: tuple[ToolResult, int]


@pytest.fixture(scope="module")
def played(running: World) -> Played:
    running.github.reset()
    with ThreadPoolExecutor() as threads:
        plays = {
            account: threads.submit(play_doubt, running, account, **shown)
            for account, shown in SHOWN.items()
        }
        # That one ends with the first look.
        plays[ACCOUNT].result()
        resend = threads.submit(play_resend, running, ACCOUNT)
        doubts = {account: each.result() for account, each in plays.items()}
        return Played(doubts=doubts, resend=resend.result())


def test_a_gist_made_in_doubt_is_found_whatever_else_github_says_of_it(
    played: Played,
) -> None:
    doubt = played.doubts[ACCOUNT]

    assert not doubt.ended.is_error, doubt.ended.text
    assert doubt.ended.structured["id"] == doubt.again.structured["id"] == doubt.made_id
    assert doubt.gists == 1


@pytest.mark.parametrize("account", ["hubot", "monalisa"])
def test_a_gist_that_cannot_be_read_may_be_the_one_and_is_not_made_twice(
    played: Played, account: str
) -> None:
    doubt = played.doubts[account]

    assert doubt.ended.is_error
    assert "not known whether the gist was made" in doubt.ended.text
    assert "this server cannot read" in doubt.ended.text
    assert doubt.again.structured["id"] == doubt.made_id
    assert doubt.gists == 1


def test_an_odd_gist_from_before_does_not_put_a_new_one_in_doubt(played: Played) -> None:
    result, made = played.resend

    assert not result.is_error, result.text
    assert made == 1


def test_a_personal_token_that_is_dead_is_told_so(here: World) -> None:
    token = here.github.create_token(ACCOUNT, kind="classic")
    here.github.revoke_tokens(ACCOUNT)

    answer = httpx.post(
        here.server.mcp_url, json={}, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )

    assert answer.status_code == 401
    assert "expired or was revoked" in answer.json()["error_description"]


@pytest.mark.parametrize(("tool", "method"), [("list_my_gists", "GET"), ("create_gist", "POST")])
def test_a_short_limit_is_waited_for_and_the_client_is_told(
    here: World, tool: str, method: str
) -> None:
    client = client_with(here, "classic", "gist")
    limited = here.github.add_fault(
        "rate_limit_secondary", method=method, path="/gists", times=1, retry_after_seconds=1
    )

    call = client.call_with_progress(tool, **(GIST if tool == "create_gist" else {}))
    result = call.wait()

    assert limited.fired == 1
    assert not result.is_error
    assert call.progress == ["GitHub's limit is reached. The call goes on in 1 seconds."]


def arguments_of(made: str, other: str) -> dict[str, dict[str, object]]:
    """For each tool a call with a gist of one's own, or another's where it needs one."""
    return {
        "create_gist": GIST,
        "update_gist": {"gist_id": made, "description": "new"},
        "edit_gist_file": {"gist_id": made, "filename": "s.txt", "append": "more"},
        "delete_gist": {"gist_id": made},
        "fork_gist": {"gist_id": other},
        "star_gist": {"gist_id": other},
        "unstar_gist": {"gist_id": other},
        "get_gist": {"gist_id": made},
        "get_gist_history": {"gist_id": made},
        "list_gist_comments": {"gist_id": made},
        "add_gist_comment": {"gist_id": other, "body": "nice"},
        "list_my_gists": {},
        "list_starred_gists": {},
        "list_user_gists": {"login": "hubot"},
        "search_my_gists": {"query": "secret"},
        "get_my_profile": {},
    }


def play_every_tool(here: World, *scopes: str) -> dict[str, ToolResult]:
    """Each tool's result with a fine-grained token, the writing ones confirmed where they ask."""
    (made,) = here.github.create_gists(ACCOUNT, {"s.txt": "secret"})
    (other,) = here.github.create_gists("hubot", {"p.txt": "public"}, public=True)
    client = client_with(here, "fine_grained", *scopes)
    arguments = arguments_of(made.gist_id, other.gist_id)
    assert set(arguments) == {entry.name for entry in TOOLS}
    # A delete comes last, as the others need the gist.
    order = sorted(arguments, key=lambda name: name == "delete_gist")
    results = {name: client.call(name, **arguments[name]).wait() for name in order}
    confirm = confirm_token(results["delete_gist"].text)
    results["delete_gist"] = client.call(
        "delete_gist", **arguments["delete_gist"], confirm=confirm
    ).wait()
    return results


def test_every_tool_works_with_a_fine_grained_token_that_has_the_permission(here: World) -> None:
    results = play_every_tool(here, "gist")

    assert {name: result.text for name, result in results.items() if result.is_error} == {}


def test_every_tool_is_judged_by_what_github_answers_to_a_fine_grained_token(here: World) -> None:
    results = play_every_tool(here)

    refused = {name for name, result in results.items() if result.is_error}
    assert refused == {entry.name for entry in TOOLS if not entry.annotations.readOnlyHint}
    for name in refused:
        assert 'the permission "Gists: write"' in results[name].text, name
        assert "scope" not in results[name].text, name
    assert "whether this token may see secret gists" in results["list_my_gists"].structured["note"]
    assert [len(here.github.gists(login)) for login in (ACCOUNT, "hubot")] == [1, 1]
