"""A process remembers its live sessions while they are in use, and asks their state otherwise."""

from collections.abc import Iterator
from typing import cast

import pytest
from reboot.aio.external import ExternalContext

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.ownership import LiveSession, close_session, new_session_id
from gist_mcp.sessions.session_cache import SessionCache
from tests.support.runtime import Runtime
from tests.support.session_world import IDLE_SECONDS, OWNER, SessionWorld, running_sessions

pytestmark = pytest.mark.integration

NO_STATE = cast(ExternalContext, None)
"""Whoever asks a session's state with it fails."""


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


@pytest.fixture
def world(runtime: Runtime) -> SessionWorld:
    return SessionWorld(runtime)


def asked(world: SessionWorld, session_id: McpSessionId) -> LiveSession | None:
    session: LiveSession | None = world.run(world.sessions.get(world.runtime.context, session_id))
    return session


def remembered(world: SessionWorld, session_id: McpSessionId) -> LiveSession | None:
    """The session, without a question to its state."""
    session: LiveSession | None = world.run(world.sessions.get(NO_STATE, session_id))
    return session


def test_a_session_is_asked_for_once(world: SessionWorld) -> None:
    session_id = world.open()
    assert not world.sessions.has(session_id)

    session = asked(world, session_id)

    assert session is not None
    assert session.belongs_to(OWNER)
    assert world.sessions.has(session_id)
    assert remembered(world, session_id) == session


def test_a_session_in_use_stays_and_an_idle_one_does_not(world: SessionWorld) -> None:
    in_use, idle = world.open(), world.open()
    asked(world, in_use)
    asked(world, idle)

    world.now_seconds += IDLE_SECONDS - 1
    assert remembered(world, in_use) is not None
    world.now_seconds += IDLE_SECONDS - 1

    assert world.sessions.has(in_use)
    assert not world.sessions.has(idle)
    assert remembered(world, in_use) is not None
    assert asked(world, idle) is not None


def test_a_session_that_has_ended_is_unknown_once_it_is_forgotten(world: SessionWorld) -> None:
    session_id = world.open()
    asked(world, session_id)
    world.run(close_session(world.runtime.context, session_id, now_seconds=int(world.now_seconds)))

    world.sessions.forget(session_id)

    assert asked(world, session_id) is None
    assert not world.sessions.has(session_id)


def test_an_unknown_session_is_not_remembered(world: SessionWorld) -> None:
    session_id = new_session_id("account")

    assert asked(world, session_id) is None

    assert not world.sessions.has(session_id)


def test_a_session_may_be_forgotten_that_was_never_asked_for() -> None:
    sessions = SessionCache(IDLE_SECONDS, lambda: 0.0)

    sessions.forget(McpSessionId("s"))

    assert not sessions.has(McpSessionId("s"))
