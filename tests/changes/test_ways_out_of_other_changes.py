"""As `test_every_way_out`, for changes without a key: the records end, and the texts are true."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gist_mcp import process
from gist_mcp.changes.add_comment import AddComment
from gist_mcp.changes.delete_gist import DeleteGist
from gist_mcp.changes.fork_gist import ForkGist
from gist_mcp.changes.star_gist import StarGist, UnstarGist
from gist_mcp.changes.work import Words, Work
from gist_mcp.constants import DONE_CALL_RETENTION_SECONDS
from tests.changes.create_world import (
    OCTOCAT,
    CreateWorld,
    Points,
    create_world,
    text_of,
    watch_points,
)
from tests.support.confirm import confirm_token
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld

pytestmark = pytest.mark.integration

STRANGER = "hubot"
BODY = "A comment."
NOTHING_CHANGED = "nothing was changed"


@dataclass(frozen=True, kw_only=True)
class Way:
    """One kind of change. `is_made` looks at the gist, or at none where it is deleted, and at the
    user's gists. `asked` are the calls to GitHub between which something may be raised.
    """

    tool: str
    work: type[Work]
    owner: str
    method: str
    path: str
    is_made: Callable[[StoredGist | None, list[StoredGist]], int]
    asked: tuple[str, ...]

    @property
    def words(self) -> Words:
        return self.work.words


WAYS = [
    Way(
        tool="delete_gist",
        work=DeleteGist,
        owner=OCTOCAT.login,
        method="DELETE",
        path="",
        is_made=lambda gist, _: int(gist is None),
        asked=("get_gist", "delete_gist"),
    ),
    Way(
        tool="fork_gist",
        work=ForkGist,
        owner=STRANGER,
        method="POST",
        path="/forks",
        is_made=lambda gist, own: sum(each.fork_of == gist.gist_id for each in own if gist),
        asked=("get_gist", "fork_gist", "list_forks"),
    ),
    Way(
        tool="star_gist",
        work=StarGist,
        owner=STRANGER,
        method="PUT",
        path="/star",
        is_made=lambda gist, _: len(gist.starred_by) if gist else 0,
        asked=("get_gist", "star", "is_starred"),
    ),
    Way(
        tool="add_gist_comment",
        work=AddComment,
        owner=STRANGER,
        method="POST",
        path="/comments",
        is_made=lambda gist, _: gist.comments.count(BODY) if gist else 0,
        asked=("get_gist", "create_comment", "list_comments"),
    ),
]


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[Runtime, GitHubSimulator]]:
    with create_world() as built:
        yield built


@pytest.fixture
def world(
    built: tuple[Runtime, GitHubSimulator], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CreateWorld]:
    runtime, github = built
    # What happens, and in which order, does not depend on the pauses.
    for work in (AddComment, DeleteGist, ForkGist, StarGist, UnstarGist):
        monkeypatch.setattr(work, "look_delays_seconds", (0.0, 0.0))
    world = CreateWorld(SessionWorld(runtime, owner=OCTOCAT), github)
    world.sessions.now_seconds = time.time()
    yield world
    github.remove_faults()


@dataclass(frozen=True)
class Try:
    """One call of a kind, on a gist of its own. `confirm` is its token, if it has to be allowed."""

    world: CreateWorld
    way: Way
    gist_id: str
    answer_is_lost: bool
    confirm: str = ""

    def call(self) -> dict[str, Any]:
        """The response."""
        if self.answer_is_lost:
            path = f"/gists/{self.gist_id}{self.way.path}"
            self.world.github.add_fault("reset_after", method=self.way.method, path=path)
        arguments = {"gist_id": self.gist_id}
        if self.way.tool == "add_gist_comment":
            arguments["body"] = BODY
        if self.confirm:
            arguments["confirm"] = self.confirm
        return self.world.call(self.way.tool, arguments)

    def times_made(self) -> int:
        """What GitHub has of it."""
        gists = self.world.github.gists(self.way.owner)
        gist = next((each for each in gists if each.gist_id == self.gist_id), None)
        return self.way.is_made(gist, self.world.github.gists(OCTOCAT.login))

    def judged(self, told: dict[str, Any]) -> str:
        """What is wrong with how the call has ended; empty if nothing is."""
        text = text_of(told)
        times_made = self.times_made()
        words = self.way.words
        said_not = words.not_made in text or NOTHING_CHANGED in text
        said_made = words.made.partition("{")[0] in text
        if "secret" in text:
            return f"the text tells what nobody may read: {text}"
        if text and not (said_not or said_made or words.unknown in text):
            return f"the text does not say what is known: {text}"
        if times_made > 1 or (times_made == 1 and said_not):
            return f"it was made {times_made} times: {text}"
        if times_made == 0 and (said_made or not text):
            return f"it was not made: {text}"
        if self.world.is_carried_out(self.world.points.write_id):
            return "the record is open"
        return ""

    def forget(self) -> None:
        """Begins anew, without faults."""
        vars(self.world.points).update(vars(Points()))
        self.world.github.remove_faults()


def new_try(world: CreateWorld, way: Way, *, answer_is_lost: bool) -> Try:
    (gist,) = world.github.create_gists(way.owner, {"a.txt": "a"}, public=True)
    if way.tool != "delete_gist":
        return Try(world, way, gist.gist_id, answer_is_lost)
    asked = Try(world, way, gist.gist_id, answer_is_lost=False)
    token = confirm_token(text_of(asked.call()))
    asked.forget()
    return replace(asked, answer_is_lost=answer_is_lost, confirm=token)


@pytest.mark.parametrize("answer_is_lost", [False, True], ids=["goes well", "answer lost"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.tool)
def test_every_way_out_says_what_is_known(
    world: CreateWorld, monkeypatch: pytest.MonkeyPatch, way: Way, *, answer_is_lost: bool
) -> None:
    watch_points(world.points, monkeypatch, way.asked)
    goes_well = new_try(world, way, answer_is_lost=answer_is_lost)
    told = goes_well.call()
    # A bucket that nobody has written yet has no answer.
    points = [each for each in world.points.reached if "after ledger's Claimant" not in each]
    assert goes_well.judged(told) == ""
    goes_well.forget()
    wrong: list[str] = []

    for point in points:
        tried = new_try(world, way, answer_is_lost=answer_is_lost)
        world.points.raises_at = point
        world.points.failure = lambda: RuntimeError("a secret text")
        told = tried.call()
        assert point in world.points.reached
        world.points.failure = None
        problem = tried.judged(told)
        if problem:
            wrong.append(f"{point}: {problem}")
        tried.forget()

    assert wrong == []


@pytest.fixture
def small_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of one bucket, with room for two changes."""
    bucket = f"bucket-{secrets.token_hex(8)}"
    monkeypatch.setattr("gist_mcp.sessions.ledger.bucket_id", lambda *_: bucket)
    monkeypatch.setattr("gist_mcp.servicers.gist_ledger.LEDGER_BUCKET_RECORDS", 2)


@pytest.mark.usefixtures("small_bucket")
def test_a_call_for_which_there_is_no_room_changes_nothing(world: CreateWorld) -> None:
    star = next(way for way in WAYS if way.tool == "star_gist")
    taken = [new_try(world, star, answer_is_lost=False) for _ in range(2)]
    refused = new_try(world, star, answer_is_lost=False)

    assert [text_of(each.call()) for each in taken] == ["", ""]
    text = text_of(refused.call())

    assert text.startswith("Too many changes were made with this account")
    assert NOTHING_CHANGED in text
    assert refused.times_made() == 0


@pytest.mark.usefixtures("small_bucket")
def test_a_call_that_comes_back_when_its_record_may_have_left_sends_nothing(
    world: CreateWorld,
) -> None:
    star = next(way for way in WAYS if way.tool == "star_gist")
    tries = [new_try(world, star, answer_is_lost=False) for _ in range(4)]
    services, now_seconds = process.services(), time.time()
    long_ago_seconds = now_seconds - DONE_CALL_RETENTION_SECONDS - 60
    process.install(replace(services, clock=lambda: long_ago_seconds))
    try:
        earlier = [text_of(each.call()) for each in tries[:2]]
    finally:
        process.install(services)
    made_room = text_of(tries[2].call())
    world.sessions.now_seconds = long_ago_seconds

    text = text_of(tries[3].call())

    assert [*earlier, made_room] == ["", "", ""]
    assert text.startswith(f"{StarGist.words.unknown}: It was asked for too long ago")
    assert [each.times_made() for each in tries] == [1, 1, 1, 0]
