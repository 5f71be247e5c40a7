"""Who listens to a session is told what happens in it, from then on and about nothing else."""

import asyncio

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.call_events import CallEvent, Listener, SessionEnded, SessionEvents

SESSION, OTHER_SESSION = McpSessionId("s"), McpSessionId("other")
CALL = CallEvent(request_id="a", tool_name="get_my_profile")


def progress(text: str, request_id: str = "a") -> CallEvent:
    return CallEvent(request_id=request_id, progress=text)


def told(listener: Listener) -> list[object]:
    """What has been told so far."""
    return [listener.get_nowait() for _ in range(listener.qsize())]


def test_every_listener_of_a_session_is_told_everything_in_order() -> None:
    events = SessionEvents()

    with events.listening(SESSION) as first, events.listening(SESSION) as second:
        for event in (CALL, progress("1"), SessionEnded()):
            events.publish(SESSION, event)

        assert told(first) == told(second) == [CALL, progress("1"), SessionEnded()]


def test_a_listener_is_told_nothing_of_another_session() -> None:
    events = SessionEvents()

    with events.listening(SESSION) as listener:
        events.publish(OTHER_SESSION, CALL)

        assert told(listener) == []


def test_what_happened_before_is_not_told() -> None:
    events = SessionEvents()
    events.publish(SESSION, CALL)

    with events.listening(SESSION) as listener:
        assert told(listener) == []


def test_a_listener_that_has_left_is_told_nothing_more_and_the_others_are() -> None:
    events = SessionEvents()

    with events.listening(SESSION) as stays:
        with events.listening(SESSION) as leaves:
            assert events.listeners(SESSION) == 2
        events.publish(SESSION, CALL)

        assert told(leaves) == []
        assert told(stays) == [CALL]


def test_nothing_is_left_of_a_session_that_nobody_listens_to() -> None:
    events = SessionEvents()

    with events.listening(SESSION):
        pass
    events.publish(OTHER_SESSION, CALL)

    assert events.listeners(SESSION) == events.listeners(OTHER_SESSION) == 0
    # Otherwise every session that there ever was would stay in memory.
    assert not events._listeners


def test_a_listener_leaves_when_its_stream_is_cancelled() -> None:
    async def listen_and_be_cancelled() -> int:
        events = SessionEvents()
        is_listening = asyncio.Event()

        async def stream() -> None:
            with events.listening(SESSION) as listener:
                is_listening.set()
                await listener.get()

        streaming = asyncio.create_task(stream())
        await is_listening.wait()
        assert events.listeners(SESSION) == 1
        streaming.cancel()
        await asyncio.wait([streaming])
        return events.listeners(SESSION)

    assert asyncio.run(listen_and_be_cancelled()) == 0


def test_the_last_progress_is_that_of_the_call_and_goes_with_it() -> None:
    events = SessionEvents()
    events.publish(SESSION, CALL)
    assert events.last_progress("a") is None

    for event in (progress("1"), progress("2"), progress("9", "b")):
        events.publish(SESSION, event)

    assert events.last_progress("a") == "2"
    events.call_ended("a")
    assert events.last_progress("a") is None
    assert events.last_progress("b") == "9"


def test_a_call_without_progress_may_end() -> None:
    events = SessionEvents()

    events.call_ended("a")

    assert events.last_progress("a") is None
