"""The kinds of change that the fault matrix plays beside `create_gist`.

A kind says what is called, by which request GitHub is told of it, and how one sees at GitHub how
often it was made. A change of one gist is a subject; players of the matrix share sessions, not
gists.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from tests.durability.stage import Player
from tests.support.confirm import confirm_token
from tests.support.github_simulator import FaultKind, FaultPoint, SeenRequest, StoredGist
from tests.support.mcp_client import RunningCall, ToolResult

STRANGER = "hubot"
FILES = {"notes.md": "# Notes\none\n"}
BODY = "A comment."
UPDATED = {"notes.md": "# Notes\ntwo\n", "more.txt": "more\n"}
APPENDED = "appended"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One writing tool.

    `method` and `path`, what follows the gist's address, are the request that makes the change.
    `times_made` counts from what GitHub has. `is_own`: the gist must be the player's.
    `asks`: the person has to agree, and has. `looks_long`: a lost send is looked for so long that
    it is never sent again without need.
    """

    tool: str
    method: str
    path: str
    times_made: Callable[["Subject"], int]
    arguments: dict[str, Any] = field(default_factory=dict)
    is_own: bool = True
    is_starred: bool = False
    asks: bool = False
    looks_long: bool = False

    def subject(self, player: Player) -> "Subject":
        """A new gist, and a change of it that is to be made."""
        github = player.stage.github
        owner = player.account if self.is_own else STRANGER
        (gist,) = github.create_gists(owner, FILES, description=self.tool, public=True)
        if self.is_starred:
            starred = httpx.put(
                f"{github.url}/gists/{gist.gist_id}/star",
                headers={"Authorization": f"Bearer {player.token}"},
            )
            assert starred.status_code == 204
        subject = Subject(self, player, owner, gist.gist_id)
        if not self.asks:
            return subject
        return replace(subject, confirm=confirm_token(subject.call().wait().text))


@dataclass(frozen=True)
class Subject:
    """A change of one gist, asked for by one player."""

    kind: Kind
    player: Player
    owner: str
    gist_id: str
    confirm: str = ""

    def call(self) -> RunningCall:
        """Calls the tool."""
        arguments = {"gist_id": self.gist_id, **self.kind.arguments}
        if self.confirm:
            arguments["confirm"] = self.confirm
        return self.player.client.call(self.kind.tool, **arguments)

    def fault(self, kind: FaultKind, **rule: Any) -> FaultPoint:
        """A fault that meets the request which makes the change."""
        return self._fault(kind, self.kind.method, self.kind.path, **rule)

    def fault_before_sending(self, kind: FaultKind) -> FaultPoint:
        """A fault that meets what the call reads before it sends."""
        return self._fault(kind, "GET", "")

    def _fault(self, kind: FaultKind, method: str, path: str, **rule: Any) -> FaultPoint:
        return self.player.fault(kind, method=method, path=f"/gists/{self.gist_id}{path}", **rule)

    def gist(self) -> StoredGist | None:
        """The gist as GitHub has it."""
        return next(
            (each for each in self.gists_of(self.owner) if each.gist_id == self.gist_id), None
        )

    def gists_of(self, account: str) -> list[StoredGist]:
        """All gists of an account."""
        return self.player.stage.github.gists(account)

    def requests(self, method: str | None = None) -> list[SeenRequest]:
        """What GitHub was asked about this gist with the player's token."""
        return [each for each in self.player.requests(method) if self.gist_id in each.path]

    def sends(self) -> list[SeenRequest]:
        """The requests that could make the change."""
        path = f"/gists/{self.gist_id}{self.kind.path}"
        return [each for each in self.requests(self.kind.method) if each.path.endswith(path)]

    def looks(self) -> int:
        """How often GitHub was asked how things are."""
        return len(self.requests("GET"))

    def made_once(self, call: RunningCall) -> str:
        """Waits for the result; the change must have been made once. For the table."""
        result = call.wait()
        self._assert_told(result)
        times_made = self.kind.times_made(self)
        assert times_made == 1, f"made {times_made} times: {result}"
        return f"1 made, {len(self.sends())} sent, {self.looks()} read"

    def _assert_told(self, result: ToolResult) -> None:
        assert not result.is_error, result.text
        told = result.structured
        assert self.gist_id in (told["id"], told.get("gist_id"), told.get("fork_of"))
        assert self.gist_id in told["url"] or told["id"] in told["url"]


def _deleted(subject: Subject) -> int:
    return int(subject.gist() is None)


def _forks(subject: Subject) -> int:
    own = subject.gists_of(subject.player.account)
    return sum(each.fork_of == subject.gist_id for each in own)


def _stars(subject: Subject) -> int:
    gist = subject.gist()
    return 0 if gist is None else len(gist.starred_by)


def _unstarred(subject: Subject) -> int:
    return int(_stars(subject) == 0)


def _comments(subject: Subject) -> int:
    gist = subject.gist()
    return 0 if gist is None else gist.comments.count(BODY)


def _updates(subject: Subject) -> int:
    """Revisions since the first; 0 if the gist is not as it should be."""
    gist = subject.gist()
    return 0 if gist is None or gist.files != UPDATED else gist.revisions - 1


def _appends(subject: Subject) -> int:
    gist = subject.gist()
    return 0 if gist is None else gist.files["notes.md"].count(APPENDED)


KINDS = (
    Kind(
        tool="update_gist",
        method="PATCH",
        path="",
        times_made=_updates,
        arguments={
            "files": [{"filename": name, "content": text} for name, text in UPDATED.items()]
        },
    ),
    Kind(
        tool="edit_gist_file",
        method="PATCH",
        path="",
        times_made=_appends,
        arguments={"filename": "notes.md", "append": APPENDED},
    ),
    Kind(tool="delete_gist", method="DELETE", path="", times_made=_deleted, asks=True),
    Kind(
        tool="fork_gist",
        method="POST",
        path="/forks",
        times_made=_forks,
        is_own=False,
        looks_long=True,
    ),
    Kind(tool="star_gist", method="PUT", path="/star", times_made=_stars, is_own=False),
    Kind(tool="unstar_gist", method="DELETE", path="/star", times_made=_unstarred, is_starred=True),
    Kind(
        tool="add_gist_comment",
        method="POST",
        path="/comments",
        times_made=_comments,
        arguments={"body": BODY},
        is_own=False,
        looks_long=True,
    ),
)
"""`create_gist` is not among them: it has a key, and cells of its own."""
