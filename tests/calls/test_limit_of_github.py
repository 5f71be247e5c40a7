"""A limit of GitHub's that is over soon: the call waits for it, and makes its change once."""

import time
from collections.abc import Iterator

import pytest

from gist_mcp.constants import MAX_LIMIT_WAITS
from gist_mcp.errors import Cancelled
from tests.changes.create_world import (
    OCTOCAT,
    CreateWorld,
    create_world,
    new_key,
    text_of,
    watch_points,
)
from tests.support.github_simulator import GitHubSimulator
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[Runtime, GitHubSimulator]]:
    with create_world() as built:
        yield built


@pytest.fixture
def world(
    built: tuple[Runtime, GitHubSimulator], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CreateWorld]:
    runtime, github = built
    world = CreateWorld(SessionWorld(runtime, owner=OCTOCAT), github)
    world.sessions.now_seconds = time.time()
    watch_points(world.points, monkeypatch)
    yield world
    github.remove_faults()


def limited(world: CreateWorld, method: str, *, times: int = 1) -> None:
    """GitHub has a limit that is over in a second."""
    world.github.add_fault(
        "rate_limit_secondary", method=method, path="/gists", times=times, retry_after_seconds=1
    )


def cancelled_from_now_on(world: CreateWorld) -> None:
    """Whoever asks next is told so."""

    def refuse() -> None:
        raise Cancelled("The call was cancelled.")

    asked = world.points.counts["before stop_if_cancelled"]
    world.points.on[f"before stop_if_cancelled {asked + 1}"] = refuse


def test_a_change_that_waits_for_a_limit_is_recorded_as_not_sent(world: CreateWorld) -> None:
    key = new_key()
    limited(world, "POST")

    told = world.create(key)

    assert world.gists(key) == [told["result"]["structuredContent"]["id"]]
    reached = world.points.reached
    first, second = (reached.index(f"before create_gist {number}") for number in (1, 2))
    # Or after a crash in the wait the next process would look for what was never made.
    assert first < reached.index("after ledger's Finish 1") < second
    # Held again, right before it is sent again.
    assert "after ledger's Hold 2" in reached[first:second]


def test_a_limit_that_does_not_end_ends_the_call_and_nothing_is_changed(
    world: CreateWorld,
) -> None:
    key = new_key()
    limited(world, "POST", times=MAX_LIMIT_WAITS + 1)

    text = text_of(world.create(key))

    assert "nothing was changed" in text
    assert "Try again in 1 seconds" in text
    assert world.gists(key) == []
    world.github.remove_faults()
    assert text_of(world.create(key)) == ""


def test_a_call_that_is_cancelled_while_it_waits_changes_nothing(world: CreateWorld) -> None:
    key = new_key()
    limited(world, "POST")
    world.points.on["after ledger's Finish 1"] = lambda: cancelled_from_now_on(world)

    text = text_of(world.create(key))

    assert text.startswith("The gist was not made. The call was cancelled.")
    assert world.points.counts["before create_gist"] == 1
    assert world.gists(key) == []


def test_a_cancelled_call_finds_what_it_has_made_though_the_look_meets_a_limit(
    world: CreateWorld,
) -> None:
    key = new_key()
    world.github.add_fault("reset_after", method="POST", path="/gists")
    limited(world, "GET")
    world.points.on["before list_gists 1"] = lambda: cancelled_from_now_on(world)

    told = world.create(key)

    assert world.gists(key) == [told["result"]["structuredContent"]["id"]]
