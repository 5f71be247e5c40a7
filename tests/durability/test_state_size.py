"""How large durable state becomes: over thousands of calls of a session, and over a year.

In this process, with a clock that the test sets. The calls need no GitHub.
"""

import os
from collections.abc import Iterator

import pytest

from gist_mcp.servicers.mcp_session_rules import MAX_KEPT
from gist_mcp.sessions.ownership import close_session
from gist_mcp.sessions.retention import SESSION_LIFETIME_SECONDS
from tests.support.runtime import Runtime
from tests.support.session_world import SWEEP_SECONDS, SessionWorld, running_sessions

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

FEW_CALLS = 10
MANY_CALLS = 5_000 if NIGHTLY else 600
"""By then the last calls, and those that wait to be emptied, have been replaced many times."""
BYTES_OF_A_KEPT_CALL = 100
BYTES_OF_AN_EMPTIED_CALL = 250

USERS, DAY_SECONDS, YEAR_DAYS = 10, 86_400, 364
DAYS_OF_A_STEP = 7
CALLS_IN_A_SESSION = 3


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


def test_a_session_stays_small_over_thousands_of_calls(runtime: Runtime) -> None:
    world = SessionWorld(runtime)
    session_id = world.open()
    world.make_calls(session_id, FEW_CALLS)
    few_bytes = world.state_bytes(session_id)

    world.make_calls(session_id, MANY_CALLS - FEW_CALLS)

    many_bytes = world.state_bytes(session_id)
    exported_bytes = len(world.exported_bytes())
    print(  # noqa: T201 - the numbers for docs/storage.md
        f"state of the session: {few_bytes} bytes after {FEW_CALLS} calls, {many_bytes} after "
        f"{MANY_CALLS}; everything: {exported_bytes // MANY_CALLS} bytes a call"
    )
    # It keeps the last calls, and those that have come since they were last emptied.
    assert many_bytes < few_bytes + 3 * MAX_KEPT * BYTES_OF_A_KEPT_CALL
    assert exported_bytes < MANY_CALLS * BYTES_OF_AN_EMPTIED_CALL + 3 * MAX_KEPT * 2_000


def test_a_year_of_ten_users(runtime: Runtime) -> None:
    """Each opens a session in each week; every second one is never closed."""
    world = SessionWorld(runtime)
    sizes: list[tuple[int, int, int]] = []
    for day in range(0, YEAR_DAYS, DAYS_OF_A_STEP):
        for user in range(USERS):
            session_id = world.open()
            world.make_calls(session_id, CALLS_IN_A_SESSION)
            if user % 2:
                now_seconds = int(world.now_seconds)
                context = world.runtime.context
                world.run(close_session(context, session_id, now_seconds=now_seconds))
        world.now_seconds += DAYS_OF_A_STEP * DAY_SECONDS
        # What is over and what is old are two sweeps of the same session.
        world.sweep()
        world.now_seconds += SWEEP_SECONDS
        world.sweep()
        sizes.append((day, *world.count_sessions_and_texts()))

    calls = len(sizes) * USERS * CALLS_IN_A_SESSION
    left_bytes = len(world.exported_bytes())
    print(  # noqa: T201 - the numbers for docs/storage.md
        f"a year, {calls} calls in {len(sizes) * USERS} sessions: {left_bytes} bytes left, "
        f"{sizes[-1][1]} sessions; {left_bytes // calls} bytes a call"
    )
    weeks_of_a_session = SESSION_LIFETIME_SECONDS // (DAYS_OF_A_STEP * DAY_SECONDS)
    assert sizes[-1][1] <= USERS * weeks_of_a_session
    assert sizes[-1][1] <= max(sessions for _, sessions, _ in sizes[: len(sizes) // 2])
    assert [texts for _, _, texts in sizes] == [0] * len(sizes)
