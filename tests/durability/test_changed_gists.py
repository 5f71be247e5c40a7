"""`update_gist` and `edit_gist_file` over the wire: over a kill, and with other people.

All of them play on one deployment of two server processes, in which Reboot runs each tool twice to
validate its effects, and with one SIGKILL.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.durability.stage import Player, Stage, stage
from tests.support.github_simulator import FaultKind, FaultPoint, StoredGist
from tests.support.mcp_client import RunningCall, ToolResult

pytestmark = pytest.mark.integration

FILES = {"notes.md": "one\ntwo\n", "other.txt": "something else\n"}
APPEND: Mapping[str, Any] = {"filename": "notes.md", "append": "mine\n"}
APPENDED = {**FILES, "notes.md": "one\ntwo\nmine\n"}
RENAME: Mapping[str, Any] = {
    "files": [
        {"filename": "notes.md", "new_filename": "renamed.md", "content": "mine\n"},
        {"filename": "other.txt", "delete": True},
        {"filename": "added.txt", "content": "new\n"},
    ],
    "description": "mine",
}
RENAMED = {"renamed.md": "mine\n", "added.txt": "new\n"}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A call of `tool` whose write meets a fault of GitHub's. `theirs` is what somebody else writes
    into the gist while everything is down, and `files` what the gist has in the end.

    `revisions` counts the one that it begins with. `says`: the text of an error; none for a result.
    """

    tool: str
    arguments: Mapping[str, Any]
    fault: FaultKind
    rule: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    description: str = "as it was"
    revisions: int = 2
    says: Sequence[str] = ()


EDIT: Any = {"tool": "edit_gist_file", "arguments": APPEND}
UPDATE: Any = {"tool": "update_gist", "arguments": RENAME}
DESCRIBE: Any = {"tool": "update_gist", "arguments": {"description": "mine"}}
THEIRS = {"notes.md": "theirs\n"}

KILLED = {
    "an edit that somebody has built upon": Scene(
        **EDIT, fault="hang_after", theirs=THEIRS, files={**FILES, **THEIRS}, revisions=3
    ),
    "an edit that came too late": Scene(
        **EDIT,
        fault="hang_before",
        theirs=THEIRS,
        files={**FILES, **THEIRS},
        says=["Since then:", "Changed: notes.md", "+theirs", "call again with its revision"],
    ),
    "an update that GitHub never got": Scene(
        **UPDATE, fault="hang_before", files=RENAMED, description="mine"
    ),
    "an update that GitHub has made": Scene(
        **UPDATE, fault="hang_after", files=RENAMED, description="mine"
    ),
    "a description that GitHub never got": Scene(
        **DESCRIBE, fault="hang_before", files=FILES, description="mine", revisions=1
    ),
    "a description that GitHub has made": Scene(
        **DESCRIBE, fault="hang_after", files=FILES, description="mine", revisions=1
    ),
}
"""Who is killed alone is in the fault matrix."""

LIMITED = {
    "an edit that GitHub limits for a moment": Scene(
        **EDIT, fault="rate_limit_secondary", rule={"retry_after_seconds": 1}, files=APPENDED
    ),
}


class Played:
    """A scene on its way."""

    def __init__(self, here: Stage, name: str, scene: Scene) -> None:
        self.scene = scene
        self.player: Player = here.player(name)
        (gist,) = here.github.create_gists(self.player.account, FILES, description="as it was")
        self.gist_id = gist.gist_id
        self.fault: FaultPoint = here.github.add_fault(
            scene.fault, method="PATCH", path=f"/gists/{self.gist_id}", **scene.rule
        )
        self.call: RunningCall = self.player.client.call(
            scene.tool, gist_id=self.gist_id, **scene.arguments
        )
        self.result: ToolResult

    def wait_until_held(self) -> None:
        self.fault.wait_until_held()
        self.call.wait_for_event()

    def somebody_writes(self) -> None:
        if not self.scene.theirs:
            return
        github = self.player.stage.github
        changes = {name: {"content": text} for name, text in self.scene.theirs.items()}
        token = github.create_token(self.player.account, ("gist",))
        written = httpx.patch(
            f"{github.url}/gists/{self.gist_id}",
            json={"files": changes},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert written.status_code == 200

    def end(self) -> None:
        self.result = self.call.wait()

    @property
    def gist(self) -> StoredGist:
        gists = self.player.stage.github.gists(self.player.account)
        return next(each for each in gists if each.gist_id == self.gist_id)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("changed")
    with stage(folder, servers=2, effect_validation="quiet") as running:
        yield running


@pytest.fixture(scope="module")
def played(here: Stage) -> dict[str, Played]:
    with ThreadPoolExecutor(max_workers=len(KILLED)) as threads:

        def begin(item: tuple[str, Scene]) -> Played:
            return Played(here, *item)

        killed = dict(zip(KILLED, threads.map(begin, KILLED.items()), strict=True))
        list(threads.map(Played.wait_until_held, killed.values()))
        here.server.kill()
        list(threads.map(Played.somebody_writes, killed.values()))
        here.server.start()
        for each in killed.values():
            each.call.resume()
        limited = dict(zip(LIMITED, threads.map(begin, LIMITED.items()), strict=True))
        every = killed | limited
        list(threads.map(Played.end, every.values()))
    return every


@pytest.mark.parametrize("name", [*KILLED, *LIMITED])
def test_each_change_is_made_once_and_nobody_else_s_is_lost(
    played: dict[str, Played], name: str
) -> None:
    each = played[name]
    scene, result = each.scene, each.result

    assert each.gist.files == scene.files
    assert each.gist.description == scene.description
    assert each.gist.revisions == scene.revisions
    assert result.is_error == bool(scene.says), result.text
    for text in scene.says:
        assert text in result.text
    if not scene.says:
        assert result.structured["id"] == each.gist_id
        assert result.structured["files"] == list(each.gist.files)
        assert result.structured["revision"]


def test_what_cannot_be_changed_is_refused_by_name_with_the_reason(here: Stage) -> None:
    client = here.player("refused").client

    refused = client.call(
        "update_gist",
        gist_id="https://example.com/x",
        revision="main",
        files=[{"filename": "a", "content": "x", "delete": True}],
    ).wait()
    visibility = client.call("update_gist", gist_id="1", public=True).wait()
    edit = client.call("edit_gist_file", gist_id="1", filename="", edits=[]).wait()

    assert refused.is_error
    assert refused.text.startswith("gist_id: is no URL of a gist")
    assert "files[0].delete: is true, but content" in refused.text
    assert "public: there is no such argument: a gist stays public or secret" in visibility.text
    assert "filename: is empty" in edit.text
    assert "edits: is empty" in edit.text


def test_a_conversation_of_changes_goes_from_revision_to_revision(here: Stage) -> None:
    player = here.player("conversation")
    (gist,) = here.github.create_gists(player.account, FILES)
    url = f"{here.github.url}/gist.github.com/{player.account}/{gist.gist_id}"

    updated = player.client.call("update_gist", gist_id=url, **RENAME).wait().structured
    edited = (
        player.client.call(
            "edit_gist_file",
            gist_id=url,
            filename="renamed.md",
            edits=[{"old_text": "mine", "new_text": "yours"}],
            revision=updated["revision"],
        )
        .wait()
        .structured
    )
    late = player.client.call(
        "edit_gist_file", gist_id=url, revision=updated["revision"], **APPEND
    ).wait()

    assert updated["author"] == "mine"
    assert updated["note"].startswith("Without `revision`, files were replaced")
    assert edited["previous_revision"] == updated["revision"]
    assert edited["note"] is None
    assert late.is_error
    assert late.text.startswith("The gist was not changed. revision: the gist is at")
    assert "-mine\n+yours" not in late.text
    assert "Changed: renamed.md" in late.text


def test_edits_that_are_asked_for_at_once_take_none_of_each_other_back(here: Stage) -> None:
    player = here.player("at once")
    (gist,) = here.github.create_gists(player.account, FILES)
    lines = [f"line {number}\n" for number in range(6)]

    calls = [
        player.client.call("edit_gist_file", gist_id=gist.gist_id, filename="notes.md", append=line)
        for line in lines
    ]
    results = [call.wait() for call in calls]

    assert [each.text for each in results if each.is_error] == []
    (changed,) = [g for g in here.github.gists(player.account) if g.gist_id == gist.gist_id]
    assert sorted(changed.files["notes.md"].splitlines(keepends=True)) == sorted(
        [*FILES["notes.md"].splitlines(keepends=True), *lines]
    )
    assert {each.structured["note"] for each in results} == {None}
