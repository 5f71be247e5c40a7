"""The walk of a search through gists: what it reads at once, and what ends it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gist_mcp.constants import SHORT_LIMIT_SECONDS
from gist_mcp.errors import (
    Cancelled,
    Conflict,
    GistMcpError,
    GitHubUnavailable,
    NotFound,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist
from gist_mcp.tools.search_walk import MAX_FAILED_IN_A_ROW, GistWalk, SearchBudget, Steps
from tests.support.listed_gists import contents, listed

pytestmark = pytest.mark.anyio

DEADLINE_SECONDS = 20.0
QUICKLY = SearchBudget(note_seconds=0.01)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Reading:
    """A GitHub of a test's own. `answers` gives what the reads of a gist raise, one after the
    other; without them a gist is read."""

    def __init__(self, **answers: list[GistMcpError]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.read: list[str] = []
        self.gone: list[str] = []
        self.notes: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.wait: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)
        self.on_note: Callable[[], None] = lambda: None

    async def walk(
        self, *gists: Gist, budget: SearchBudget = QUICKLY, seconds: float = DEADLINE_SECONDS
    ) -> GistWalk:
        """Walks through the gists, to the end."""
        steps = Steps(
            read=self._read,
            look=self._look,
            gone=lambda gist: self.gone.append(gist.id),
            note=self._note,
        )
        ends_at = asyncio.get_running_loop().time() + seconds
        walk = GistWalk(steps, budget, ends_at=ends_at)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await walk.run(gists)
        return walk

    async def _read(self, gist: Gist) -> GistContents:
        self.asked.append(gist.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.wait()
        finally:
            self.at_once -= 1
        failures = self.answers.get(gist.id)
        if failures:
            raise failures.pop(0)
        return contents(a_txt="x")

    async def _look(self, gist: Gist, _: GistContents) -> None:
        self.read.append(gist.id)

    async def _note(self, message: str) -> None:
        self.notes.append(message)
        self.on_note()


def gists(count: int) -> list[Gist]:
    return [listed(f"g{number}", size_bytes=100) for number in range(count)]


async def test_all_are_read_in_order_and_only_a_few_at_once() -> None:
    github = Reading()

    walk = await github.walk(*gists(50))

    assert github.asked == [f"g{number}" for number in range(50)]
    assert sorted(github.read) == sorted(github.asked)
    assert github.most_at_once == QUICKLY.reads_at_once
    assert (walk.stopped, walk.failed) == ("", 0)


async def test_a_slow_answer_keeps_only_its_own_place() -> None:
    github = Reading()
    others = asyncio.Event()

    async def first_waits_for_all() -> None:
        if len(github.asked) == 1:
            await others.wait()
        elif len(github.asked) == 40:
            others.set()

    github.wait = first_waits_for_all

    await github.walk(*gists(40))

    assert sorted(github.read) == sorted(gist.id for gist in gists(40))


async def test_no_more_requests_than_the_budget_has() -> None:
    github = Reading()

    walk = await github.walk(*gists(50), budget=SearchBudget(max_requests=10))

    assert len(github.asked) == 10
    assert walk.stopped == "A search makes 10 requests at most."


async def test_no_more_bytes_than_the_budget_has_but_one_gist_always() -> None:
    github = Reading()
    large = listed("large", size_bytes=5_000_000)

    walk = await github.walk(large, *gists(5), budget=SearchBudget(max_bytes=3_000_000))

    assert github.read == ["large"]
    assert walk.stopped == "A search reads 3 MB at most."


async def test_the_time_is_kept_also_while_github_does_not_answer() -> None:
    github = Reading()
    github.wait = asyncio.Event().wait

    walk = await github.walk(*gists(8), seconds=0.1)

    assert github.read == []
    assert github.at_once == 0
    assert walk.stopped == "A search takes 40 seconds at most."


async def test_it_notes_how_far_it_is_also_while_github_does_not_answer() -> None:
    github = Reading()
    answer = asyncio.Event()
    github.wait = answer.wait

    def answer_after_three() -> None:
        if len(github.notes) == 3:
            answer.set()

    github.on_note = answer_after_three

    await github.walk(*gists(4))

    assert len(github.notes) >= 3
    assert len(github.read) == 4


async def test_a_cancelled_call_ends_it_also_while_github_does_not_answer() -> None:
    github = Reading()
    github.wait = asyncio.Event().wait

    def cancel() -> None:
        raise Cancelled("The call was cancelled.")

    github.on_note = cancel

    with pytest.raises(Cancelled):
        await github.walk(*gists(8))
    assert github.at_once == 0


@pytest.mark.parametrize(
    "refusal",
    [SignInRequired("Sign in."), ScopeRequired({"gist"}), PermissionRequired("Gists: read")],
)
async def test_a_refused_token_is_not_shown_to_github_again(refusal: GistMcpError) -> None:
    github = Reading(g0=[refusal])

    with pytest.raises(type(refusal)):
        await github.walk(*gists(50))
    assert len(github.asked) <= 2 * QUICKLY.reads_at_once


async def test_one_that_github_does_not_show_is_counted_and_the_others_are_read() -> None:
    github = Reading(g1=[Conflict("Blocked.")], g2=[GitHubUnavailable("Away.")])

    walk = await github.walk(*gists(4))

    assert sorted(github.read) == ["g0", "g3"]
    assert (walk.refused, walk.failed, walk.stopped) == (1, 1, "")


async def test_one_that_is_gone_is_no_failure() -> None:
    github = Reading(g1=[NotFound("Gone.")])

    walk = await github.walk(*gists(2))

    assert (github.gone, walk.failed) == (["g1"], 0)


async def test_a_github_that_is_away_is_not_asked_for_every_gist() -> None:
    away: dict[str, list[GistMcpError]] = {
        f"g{number}": [GitHubUnavailable("Away.")] for number in range(100)
    }
    github = Reading(**away)

    walk = await github.walk(*gists(100))

    assert walk.failed == len(github.asked) < MAX_FAILED_IN_A_ROW + QUICKLY.reads_at_once
    assert walk.stopped == "Away."


async def test_a_short_limit_is_waited_for_and_nothing_is_left_out() -> None:
    github = Reading(g1=[RateLimited(1), RateLimited(0)])

    walk = await github.walk(*gists(10))

    assert sorted(set(github.read)) == sorted(gist.id for gist in gists(10))
    assert any("goes on in 1 s" in note for note in github.notes)
    assert (walk.stopped, walk.failed) == ("", 0)


@pytest.mark.parametrize(
    ("limit_seconds", "seconds_left"), [(SHORT_LIMIT_SECONDS + 1, 1_000.0), (15, 10.0)]
)
async def test_a_long_limit_ends_it_with_what_was_found(
    limit_seconds: int, seconds_left: float
) -> None:
    github = Reading(g8=[RateLimited(limit_seconds)])

    walk = await github.walk(*gists(50), seconds=seconds_left)

    assert {"g0", "g1", "g2", "g3"} <= set(github.read)
    assert f"{limit_seconds} seconds" in walk.stopped


async def test_a_bug_is_not_taken_for_an_answer() -> None:
    github = Reading()

    async def fails() -> None:
        raise ValueError("a bug")

    github.wait = fails

    with pytest.raises(ValueError, match="a bug"):
        await github.walk(*gists(8))
