"""Whatever is raised in `create_gist`: its record ends, its text is true, its key works."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gist_mcp import process
from gist_mcp.calls.call import RunningCall
from gist_mcp.changes.create_gist import CreateGist
from gist_mcp.constants import LEDGER_RETENTION_SECONDS, SHORT_LIMIT_SECONDS
from gist_mcp.errors import GitHubUnavailable
from gist_mcp.servicers.audit_log import DONE, REFUSED
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.audit import Entry
from gist_mcp.tools.call_workflow import ToolCallingSessionServicer
from tests.changes.create_world import (
    OCTOCAT,
    CreateWorld,
    Points,
    create_world,
    new_key,
    text_of,
    watch_points,
)
from tests.support.github_simulator import GitHubSimulator
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld

pytestmark = pytest.mark.integration

NOT_MADE = ("The gist was not made", "nothing was changed")
MADE = "The gist was made"
UNKNOWN = "It is not known whether the gist was made"


class NeverSeen(BaseException):
    """Of a library that nobody knows."""


def unavailable() -> StateUnavailable:
    return StateUnavailable("Try again.", log_reason="the test's")


FAILURES: dict[str, Callable[[], BaseException]] = {
    "a bug": lambda: RuntimeError("a secret text"),
    "no memory": MemoryError,
    "recursion": RecursionError,
    "a group": lambda: BaseExceptionGroup("a secret text", [asyncio.CancelledError()]),
    "a cancellation of nobody": asyncio.CancelledError,
    "something else": NeverSeen,
    "the state is away for a moment": unavailable,
    "the state stays away": unavailable,
}

Scenario = Callable[[CreateWorld], None]


def goes_well(_: CreateWorld) -> None:
    """Nothing else fails."""


def answer_is_lost(world: CreateWorld) -> None:
    """GitHub makes the gist, and the connection ends."""
    world.github.add_fault("reset_after", method="POST", path="/gists")


def is_refused(world: CreateWorld) -> None:
    """By a limit that is too long to wait for."""
    world.github.add_fault(
        "rate_limit_secondary",
        method="POST",
        path="/gists",
        retry_after_seconds=SHORT_LIMIT_SECONDS + 1,
    )


def is_not_reached(world: CreateWorld) -> None:
    """The connection is not taken, once."""

    def refuse() -> None:
        raise GitHubUnavailable("GitHub cannot be reached; nothing was changed.")

    world.points.on["before create_gist 1"] = refuse


SCENARIOS: dict[Scenario, tuple[str, ...]] = {
    goes_well: tuple(FAILURES),
    answer_is_lost: ("a bug", "the state is away for a moment", "the state stays away"),
    is_refused: ("a bug", "the state stays away"),
    is_not_reached: ("a bug", "the state stays away"),
}


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
    monkeypatch.setattr(CreateGist, "look_delays_seconds", (0.0, 0.0))
    monkeypatch.setattr("gist_mcp.changes.change_once.UNREACHABLE_DELAYS_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("gist_mcp.calls.tool_errors.REBOOT_RETRY_SECONDS", (0.0, 0.0))
    world = CreateWorld(SessionWorld(runtime, owner=OCTOCAT), github)
    world.sessions.now_seconds = time.time()
    watch_points(world.points, monkeypatch)
    yield world
    github.remove_faults()


def points_of(world: CreateWorld, scenario: Scenario) -> list[str]:
    """Where a call of this scenario comes along."""
    scenario(world)
    world.create(new_key())
    # A bucket that nobody has written yet has no answer.
    reached = [each for each in world.points.reached if "after ledger's Claimant" not in each]
    forget(world)
    return reached


def forget(world: CreateWorld) -> None:
    fresh = Points()
    vars(world.points).update(vars(fresh))
    world.github.remove_faults()


def judged(world: CreateWorld, key: str, told: dict[str, Any]) -> str:
    """What is wrong with how the call with this key has ended; empty if nothing is."""
    gists, text = world.gists(key), text_of(told)
    if "secret" in text:
        return f"the text tells what nobody may read: {text}"
    if text and not any(said in text for said in (*NOT_MADE, MADE, UNKNOWN)):
        return f"the text does not say whether there is a gist: {text}"
    if any(said in text for said in NOT_MADE) and gists:
        return f"there is a gist, and the text says no: {text}"
    if MADE in text and len(gists) != 1:
        return f"there are {len(gists)} gists, and the text says one: {text}"
    if not text and gists != [told["result"]["structuredContent"]["id"]]:
        return f"the result is not the gist: {gists}"
    return ""


def misreported(world: CreateWorld, key: str, told: dict[str, Any], earlier: list[Entry]) -> str:
    """What is wrong with the audit log after a call; empty if nothing is. It was `earlier`."""
    text, log = text_of(told), world.audit_log()
    outcomes = [each.outcome for each in (Counter(log) - Counter(earlier)).elements()]
    made = [each.gist_id for each in log if each.outcome == DONE and each.gist_id]
    if len(outcomes) > 1:
        return f"one call has more than one entry: {outcomes}"
    if any(made.count(each) > 1 for each in world.gists(key)):
        return "one gist has more than one entry"
    if not text and made.count(told["result"]["structuredContent"]["id"]) != 1:
        return "a gist that was made has no entry"
    if any(said in text for said in NOT_MADE) and set(outcomes) - {REFUSED}:
        return f"nothing was made, and the log says {outcomes}"
    if UNKNOWN in text and REFUSED in outcomes:
        return "it is not known, and the log says that nothing was made"
    return ""


@pytest.mark.parametrize(
    ("scenario", "failure"),
    [(scenario, failure) for scenario, failures in SCENARIOS.items() for failure in failures],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_every_way_out_ends_the_record_and_says_what_is_known(
    world: CreateWorld, scenario: Scenario, failure: str
) -> None:
    wrong: list[str] = []
    stays_away = failure == "the state stays away"
    for point in points_of(world, scenario):
        if stays_away and "ledger" not in point:
            continue
        key = new_key()
        entries = world.audit_log()
        scenario(world)
        world.points.raises_at = point
        world.points.failure = FAILURES[failure]
        world.points.also_later = stays_away

        told = world.create(key)

        assert point in world.points.reached
        forget(world)
        problem = judged(world, key, told) or misreported(world, key, told, entries)
        if world.is_taken(key, after_seconds=world.lease_seconds + 2 if stays_away else 0):
            problem = problem or "the record is open"
        if not problem and not stays_away:
            entries = world.audit_log()
            again = world.create(key)
            problem = judged(world, key, again) or text_of(again)
            problem = problem or misreported(world, key, again, entries)
            problem = problem and f"the next call with the key: {problem}"
            forget(world)
        if problem:
            wrong.append(f"{point}: {problem}")

    assert wrong == []


def test_who_waits_for_another_call_writes_nothing_meanwhile(
    world: CreateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.changes.intent.KEY_POLL_SECONDS", 0.05)
    key, ledger = new_key(), world.ledger(lease_seconds=1)
    dead_for_ever = ledger.intend(
        ledger.write_id(key, "dead"),
        {},
        runner="dead",
        now_seconds=int(time.time()),
        begun_at_seconds=int(time.time()),
    )
    world.sessions.run(dead_for_ever)
    monkeypatch.setattr("gist_mcp.changes.new_gist.NewGist.digests", lambda _: {})
    forget(world)

    told = world.create(key)

    assert judged(world, key, told) == "" and text_of(told) == ""
    assert world.points.counts["before ledger's RunsElsewhere"] > 2
    assert world.points.counts["before ledger's Intend"] == 2


def test_a_call_that_outlives_its_lease_ends_in_doubt(
    world: CreateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.changes.change_once.lease_seconds", lambda _: 1)
    held = world.github.add_fault("hang_after", method="POST", path="/gists")
    key = new_key()

    told = world.create(key)

    held.remove()
    assert text_of(told).startswith(f"{UNKNOWN}: It took too long.")
    assert not world.is_taken(key)
    again = world.create(key)
    assert judged(world, key, again) == "" and text_of(again) == ""


def test_a_gist_is_not_claimed_when_the_claims_of_its_time_may_be_forgotten(
    world: CreateWorld,
) -> None:
    services = process.services()
    key, late_seconds = new_key(), 0
    late = replace(services, clock=lambda: services.clock() + late_seconds)
    process.install(late)

    def wait_for_the_owner() -> None:
        nonlocal late_seconds
        late_seconds = LEDGER_RETENTION_SECONDS + 1

    answer_is_lost(world)
    world.points.on["after credential 2"] = wait_for_the_owner
    try:
        told = world.create(key)
    finally:
        process.install(services)

    assert text_of(told).startswith(f"{UNKNOWN}: It was asked for more than a day ago.")
    assert len(world.gists(key)) == 1
    assert world.points.counts["before ledger's Claim"] == 0


def test_a_call_that_waits_and_looks_leaves_no_idempotency_record(
    world: CreateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reboot keeps each for ever. A call asks whether it is cancelled, and how the ledger stands,
    as often as it waits."""
    monkeypatch.setattr("gist_mcp.changes.intent.KEY_POLL_SECONDS", 0.05)
    monkeypatch.setattr("gist_mcp.changes.new_gist.NewGist.digests", lambda _: {})
    key, ledger = new_key(), world.ledger(lease_seconds=1)
    dead_for_ever = ledger.intend(
        ledger.write_id(key, "dead"),
        {},
        runner="dead",
        now_seconds=int(time.time()),
        begun_at_seconds=int(time.time()),
    )
    world.sessions.run(dead_for_ever)
    forget(world)
    answer_is_lost(world)
    before = world.stored_kinds()

    world.create(key)

    left = world.stored_kinds() - before
    print(f"a create that waited and looked leaves: {dict(left)}")  # noqa: T201 - for the docs
    assert left["task"] == 1
    assert left["idempotent_mutation"] == 0


def test_a_call_of_an_older_release_that_the_ledger_may_have_forgotten_sends_nothing(
    world: CreateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = ToolCallingSessionServicer._running

    def adopted(*arguments: Any) -> RunningCall:
        """As of a session that was opened more than a day ago."""
        begun_at_seconds = int(time.time()) - LEDGER_RETENTION_SECONDS - 1
        running = stock(*arguments)
        return replace(running, is_adopted=True, begun_at_seconds=begun_at_seconds)

    monkeypatch.setattr(ToolCallingSessionServicer, "_running", adopted)
    key = new_key()

    told = world.create(key)

    assert text_of(told).startswith(f"{UNKNOWN}: It was asked for more than a day ago.")
    assert world.gists(key) == []
    assert not world.is_taken(key)
