"""Once a response is sent its id is free, also where that could not be recorded at once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions import calls
from gist_mcp.sessions.new_call import new_request_id
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, invalid_call, running_sessions

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


def test_a_call_like_one_whose_sent_response_could_not_be_recorded_is_a_new_one(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = SessionWorld(runtime)
    session_id = world.open()
    call = replace(invalid_call("x"), may_repeat=True)
    equal_call = replace(call, request_id=new_request_id())
    stock = calls._call

    async def away_for_a_moment(context: Any, session: Any, method: str, request: Any) -> Any:
        if method == "NoteAnswered":
            raise StateUnavailable("Try again.", log_reason="the test's")
        return await stock(context, session, method, request)

    monkeypatch.setattr(calls, "_call", away_for_a_moment)
    monkeypatch.setattr(calls, "ANSWERED_DELAY_SECONDS", 0)

    async def play() -> tuple[str | None, str | None]:
        context = world.runtime.context
        first = await world.calls.begin(context, session_id, call)
        assert first is not None
        world.calls.answered(context, session_id, first)
        for recording in tuple(world.calls._recording):
            await recording
        return first, await world.calls.begin(context, session_id, equal_call)

    first, second = world.run(play())

    assert second is not None
    assert second != first
