"""A search over the wire: what it asks GitHub for, and how it ends, is cancelled and goes on.

Two server processes, and Reboot runs every tool twice to validate its effects.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.durability.stage import Stage, stage
from tests.support.github_simulator import SeenRequest, StoredGist
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

LISTS = "/gists"
CONTENTS = "/gists/[^/]+"
LATER_SECONDS = 60
"""A gist that changed in the second of the list could change again in it, and is not kept."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("search"), servers=2, effect_validation="quiet") as running:
        yield running


def client(here: Stage, account: str) -> McpClient:
    return McpClient(here.server.mcp_url, here.github.create_token(account)).open()


def search(person: McpClient, query: str) -> RunningCall:
    """A search under way, whose progress is told."""
    return person.call_with_progress("search_my_gists", query=query)


def result(call: RunningCall) -> dict[str, Any]:
    ended = call.wait()
    assert not ended.is_error, ended.text
    return ended.structured


def asked(here: Stage, path: str) -> list[SeenRequest]:
    return here.github.requests(method="GET", path=path)


def haystack(here: Stage, account: str, count: int, **needle: str) -> list[StoredGist]:
    """Gists, the last of which alone has the `needle` file; the others are older and newer."""
    github = here.github
    older = github.create_gists(account, {"hay.md": "grass\n"}, count=count // 2)
    found = github.create_gists(
        account, {"hay.md": "grass\n", **{name + ".md": text for name, text in needle.items()}}
    )
    newer = github.create_gists(account, {"hay.md": "grass\n"}, count=count - count // 2)
    github.set_clock_offset(LATER_SECONDS)
    return [*older, *newer, *found]


def test_what_has_not_changed_is_read_once(here: Stage) -> None:
    *_, needle = haystack(here, "octocat", 110, needle="one\nthe NEEDLE itself\n")
    person = client(here, "octocat")

    first = result(search(person, "needle"))

    (found,) = first["found"]
    assert (found["id"], found["author"]) == (needle.gist_id, "mine")
    assert found["in_filenames"] == ["needle.md"]
    assert found["in_contents"][0]["lines"] == [{"line": 2, "text": "the NEEDLE itself"}]
    assert (first["searched"], first["not_searched"], first.get("more")) == (111, 0, None)
    assert len(asked(here, LISTS)) == 2
    assert len(asked(here, CONTENTS)) == 111

    here.github.forget_requests()
    second = result(search(person, '"the needle" grass'))

    assert [gist["id"] for gist in second["found"]] == [needle.gist_id]
    assert [seen.status for seen in asked(here, LISTS)] == [304, 304]
    assert asked(here, CONTENTS) == []

    _change(here, needle)
    here.github.forget_requests()
    third = result(search(person, "needle itself"))

    assert third["found"] == []
    assert [seen.path for seen in asked(here, CONTENTS)] == [f"/gists/{needle.gist_id}"]


def test_the_first_finds_are_told_before_any_content_and_a_cancelled_search_ends(
    here: Stage,
) -> None:
    account = here.github.create_user("seeker").login
    haystack(here, account, 20)
    named = here.github.create_gists(account, {"a.md": "x"}, description="the needle")[0]
    person = client(here, account)
    here.github.forget_requests()
    held = here.github.add_fault("hang_before", method="GET", path=CONTENTS, times=1_000)

    call = search(person, "needle")
    wait_until(
        "the first find", lambda: any(named.gist_id in each for each in call.progress), seconds=20
    )
    held.wait_until_held(4)
    person.cancel(call)
    # GitHub still answers nothing.
    call.wait_until_broken()

    assert len(asked(here, CONTENTS)) == 4
    held.remove()
    # The session serves, and the cancelled search asks for nothing more.
    assert result(search(person, "needle"))["searched"] == 22
    assert len(asked(here, CONTENTS)) == 4 + 22


def test_a_killed_search_goes_on_where_it_was_and_nothing_of_a_content_was_on_disk(
    here: Stage,
) -> None:
    account = here.github.create_user("patient").login
    canary = f"canary-{secrets.token_hex(8)}"
    *others, needle = haystack(here, account, 30, needle=f"a needle and {canary}")
    last = others[0]
    person = client(here, account)
    held = here.github.add_fault("hang_before", method="GET", path=f"/gists/{last.gist_id}")

    call = search(person, "needle")
    wait_until(
        "all others to be read",
        lambda: any("Looked into 30 of 31 gists, found 1" in each for each in call.progress),
        seconds=30,
    )
    here.server.kill()
    held.remove()
    stored = b"".join(
        path.read_bytes() for path in here.server.state_folder.rglob("*") if path.is_file()
    )
    here.github.forget_requests()
    here.server.start()
    person.touch()
    told = result(call.resume())

    assert b"search_my_gists" in stored
    assert canary.encode() not in stored
    assert [gist["id"] for gist in told["found"]] == [needle.gist_id]
    assert canary in told["found"][0]["in_contents"][0]["lines"][0]["text"]
    assert (told["searched"], told["not_searched"]) == (31, 0)
    # The one that was not looked into, and the one that was found, to show its line.
    read = {seen.path for seen in asked(here, CONTENTS)}
    assert read == {f"/gists/{last.gist_id}", f"/gists/{needle.gist_id}"}


def _change(here: Stage, gist: StoredGist) -> None:
    """The owner changes the gist at GitHub, a while later."""
    here.github.set_clock_offset(2 * LATER_SECONDS)
    token = here.github.create_token("octocat", kind="classic")
    answer = httpx.patch(
        f"{here.github.url}/gists/{gist.gist_id}",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "test"},
        json={"files": {"needle.md": {"content": "gone\n"}}},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
