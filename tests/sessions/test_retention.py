"""Retention on the real Reboot runtime, with a clock that a test sets."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest

from gist_mcp.framework.placement import servers_here
from gist_mcp.framework.private_names import StateRef, database_pb2
from gist_mcp.framework.records import delete_state, empty_tasks, forget_states, stored_ids
from gist_mcp.principal import McpSessionId
from gist_mcp.servicers.mcp_session import MAX_UNANSWERED
from gist_mcp.servicers.mcp_session_rules import MAX_KEPT
from gist_mcp.servicers.unlogged_call import StateTooLarge
from gist_mcp.sessions.calls import CallUnknown, cancel_calls
from gist_mcp.sessions.new_call import NewCall, new_request_id
from gist_mcp.sessions.ownership import close_session, live_session, new_session_id
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_mcp.sessions.retention import SESSION_LIFETIME_SECONDS, UNTIMED_SECONDS
from gist_mcp.tokens.grants import account_id
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.runtime import Runtime
from tests.support.session_world import (
    IDLE_SECONDS,
    OWNER,
    RETENTION_SECONDS,
    SWEEP_SECONDS,
    SessionWorld,
    invalid_call,
    running_sessions,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


@pytest.fixture
def world(runtime: Runtime) -> SessionWorld:
    return SessionWorld(runtime)


def canary() -> str:
    return f"canary{secrets.token_hex(8)}"


@pytest.mark.parametrize("begin", [SessionWorld.call, SessionWorld.answered_call])
def test_after_the_retention_time_nothing_of_a_call_is_left(
    world: SessionWorld, begin: Callable[[SessionWorld, McpSessionId, str], str]
) -> None:
    old, young = canary(), canary()
    session_id = world.open()
    old_call = begin(world, session_id, old)
    world.now_seconds += RETENTION_SECONDS - SWEEP_SECONDS + 1
    young_call = begin(world, session_id, young)
    assert old.encode() in world.exported_bytes()

    world.sweep()

    assert old.encode() not in world.exported_bytes()
    with pytest.raises(CallUnknown):
        world.response(session_id, old_call)
    assert young in world.response(session_id, young_call)
    assert young.encode() in world.exported_bytes()


def test_a_session_keeps_the_results_of_its_last_answered_calls(world: SessionWorld) -> None:
    session_id = world.open()
    canaries = [canary() for _ in range(MAX_KEPT + 3)]
    calls = [world.answered_call(session_id, each) for each in canaries]

    world.tidy(session_id)

    exported = world.exported_bytes()
    assert [each.encode() in exported for each in canaries] == [False] * 3 + [True] * MAX_KEPT
    assert canaries[3] in world.response(session_id, calls[3])


def test_a_call_that_runs_is_never_forgotten(world: SessionWorld) -> None:
    session_id = world.open()
    ended = world.call(session_id)
    running_call = run_without_end(world, session_id)
    world.now_seconds += 2 * RETENTION_SECONDS

    world.sweep()

    stored = world.stored(session_id)
    assert stored is not None
    assert [each.request_id for each in stored.requests.elements] == [running_call]
    assert ended != running_call


def run_without_end(world: SessionWorld, session_id: McpSessionId) -> str:
    """A call that waits for a credential of its owner, which nobody brings."""
    call = NewCall(
        request_id=new_request_id(),
        json_rpc_id=2,
        name="get_my_profile",
        arguments={},
        progress_token=None,
        may_repeat=False,
        login="octocat",
    )
    return str(world.run(world.calls.begin(world.runtime.context, session_id, call)))


def test_a_crash_before_a_call_is_forgotten_is_made_good(world: SessionWorld) -> None:
    text = canary()
    session_id = world.open()
    request_id = world.answered_call(session_id, text)
    world.run(empty_tasks(world.server(session_id), SESSION_TYPE, session_id, [request_id]))
    stored = world.stored(session_id)
    assert stored is not None
    assert [each.request_id for each in stored.kept_calls.elements] == [request_id]
    world.now_seconds += RETENTION_SECONDS

    world.tidy(session_id)

    stored = world.stored(session_id)
    assert stored is not None
    assert not stored.kept_calls.elements


def test_an_emptied_call_is_small_and_unknown(world: SessionWorld) -> None:
    session_id = world.open()
    request_id = world.call(session_id)
    response = world.response(session_id, request_id)
    before = len(world.exported_bytes())

    emptied = world.run(
        empty_tasks(world.server(session_id), SESSION_TYPE, session_id, [request_id])
    )

    assert emptied.task_ids == [request_id]
    assert len(response) < emptied.freed_bytes <= before - len(world.exported_bytes())
    with pytest.raises(CallUnknown):
        world.response(session_id, request_id)


def test_ids_that_no_task_has_are_gone(world: SessionWorld) -> None:
    session_id = world.open()
    unknown = [secrets.token_hex(16), "7", "no hex"]

    emptied = world.run(empty_tasks(world.server(session_id), SESSION_TYPE, session_id, unknown))

    assert sorted(emptied.task_ids) == sorted(unknown)
    assert emptied.freed_bytes == 0


def test_the_account_hears_what_is_not_stored_any_more(world: SessionWorld) -> None:
    session_id = world.open()
    requests = [world.answered_call(session_id) for _ in range(MAX_KEPT + 2)]
    response = world.response(session_id, requests[0])
    account = account_id(OWNER.issuer, OWNER.user_id)

    world.tidy(session_id)
    world.tidy(session_id)

    ((noted_account, freed_bytes),) = world.freed
    assert noted_account == account
    stored = messages.McpSessionRunCallResponse(message=response, session_id=session_id)
    assert freed_bytes == 2 * stored.ByteSize()


def test_calls_without_a_time_wait_for_their_takeover(world: SessionWorld) -> None:
    session_id = world.open()
    state: Any = McpSession.ref(session_id)
    untimed = {"wire_id": "1", "digest": "d", "is_answered": False}
    store_records(world, session_id, [{"request_id": secrets.token_hex(16), **untimed}])

    world.sweep()
    stored = world.stored(session_id)
    assert stored is not None
    assert len(stored.requests.elements) == 1
    world.now_seconds += UNTIMED_SECONDS + 1
    world.sweep()

    stored = world.stored(session_id)
    assert stored is not None
    assert not stored.requests.elements
    assert world.run(state.owner(world.runtime.context)).alive


def store_records(
    world: SessionWorld, session_id: McpSessionId, records: list[dict[str, Any]]
) -> None:
    """Writes the state of a session as an older release has left it."""
    stored = world.stored(session_id)
    assert stored is not None
    for record in records:
        stored.requests.elements.add(**record)
    manager = world.server(session_id).state_manager
    ref = StateRef.from_id(SESSION_TYPE, session_id)
    world.run(manager.import_actor(SESSION_TYPE, ref, stored))


def test_an_idle_session_leaves_memory_and_comes_back(world: SessionWorld) -> None:
    session_id = world.open()
    world.run(world.sessions.get(world.runtime.context, session_id))
    world.run(world.retention.forget_idle())
    assert world.is_in_memory(session_id)

    world.now_seconds += IDLE_SECONDS + 1
    world.run(world.retention.forget_idle())

    assert not world.is_in_memory(session_id)
    assert world.answered_call(session_id)
    assert world.is_in_memory(session_id)


def test_a_state_that_is_used_stays_in_memory(world: SessionWorld) -> None:
    session_id = world.open()
    server = world.server(session_id)
    ref = StateRef.from_id(SESSION_TYPE, session_id)

    async def while_locked() -> None:
        async with server.state_manager._mutator_locks[SESSION_TYPE][ref]:
            await forget_states(server, SESSION_TYPE, keep=lambda _: False)

    world.run(while_locked())

    assert world.is_in_memory(session_id)


def test_a_session_that_was_closed_long_ago_is_unknown(world: SessionWorld) -> None:
    session_id, other = world.open(), world.open()
    world.answered_call(session_id)
    context = world.runtime.context
    world.run(close_session(context, session_id, now_seconds=int(world.now_seconds)))
    world.now_seconds += RETENTION_SECONDS + 1

    # Its call is emptied and forgotten first, and then there is nothing left of it.
    world.sweep()
    world.sweep()

    assert world.stored(session_id) is None
    assert world.run(live_session(context, session_id)) is None
    assert world.run(live_session(context, other)) is not None


def test_a_session_that_nobody_closed_is_deleted_at_last(world: SessionWorld) -> None:
    used, unused = world.open(), world.open()
    world.now_seconds += SESSION_LIFETIME_SECONDS - 1
    world.sweep()
    assert world.stored(unused) is not None
    world.now_seconds += 2
    world.run(world.sessions.get(world.runtime.context, used))

    world.sweep()

    assert world.stored(used) is not None
    assert world.stored(unused) is None
    assert world.run(live_session(world.runtime.context, unused)) is None


def test_a_call_in_a_deleted_session_is_not_begun(world: SessionWorld) -> None:
    session_id = world.open()
    world.run(delete_state(world.server(session_id), SESSION_TYPE, session_id, lambda _: True))

    begun = world.run(world.calls.begin(world.runtime.context, session_id, invalid_call("x")))

    assert begun is None
    world.sweep()
    assert world.stored(session_id) is None


def test_a_call_that_comes_first_keeps_its_session(world: SessionWorld) -> None:
    session_id = world.open()
    world.now_seconds += SESSION_LIFETIME_SECONDS + 1
    world.answered_call(session_id)

    world.sweep()

    assert world.stored(session_id) is not None


def test_calls_whose_responses_nobody_fetches_are_emptied_too(world: SessionWorld) -> None:
    first = canary()
    session_id = world.open()
    world.call(session_id, first)
    for _ in range(MAX_UNANSWERED + MAX_KEPT):
        world.call(session_id)

    world.tidy(session_id)

    assert first.encode() not in world.exported_bytes()
    stored = world.stored(session_id)
    assert stored is not None
    assert len(stored.requests.elements) == MAX_UNANSWERED
    assert len(stored.kept_calls.elements) == MAX_KEPT


def test_sessions_are_found_page_by_page(world: SessionWorld) -> None:
    opened = {world.open() for _ in range(12)}

    async def pages() -> list[list[str]]:
        servers = servers_here()
        return [page for each in servers async for page in stored_ids(each, SESSION_TYPE, 3)]

    found = world.run(pages())

    assert max(map(len, found)) == 3
    ids = [each for page in found for each in page]
    assert len(ids) == len(set(ids))
    assert opened <= set(ids)


@contextmanager
def database(world: SessionWorld, stub: Callable[[Any], Any]) -> Iterator[None]:
    """Each server reads and writes its database by what `stub` makes of Reboot's own stub."""
    clients = [each.database_client for each in servers_here()]
    own = [world.run(each._get_database_stub()) for each in clients]
    for client, stock in zip(clients, own, strict=True):
        client._stub = stub(stock)
    try:
        yield
    finally:
        for client, stock in zip(clients, own, strict=True):
            client._stub = stock


class SmallResponses:
    """The responses of a database end at so many bytes, as those of a deployment do at 100 MiB."""

    def __init__(self, stub: Any, max_bytes: int) -> None:
        self._stub = stub
        self._max_bytes = max_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)

    async def Load(self, request: Any) -> Any:  # noqa: N802 - gRPC's own name
        response = await self._stub.Load(request)
        if response.ByteSize() > self._max_bytes:
            raise database_error(grpc.StatusCode.RESOURCE_EXHAUSTED)
        return response


class FailingOnce:
    """A database that fails to load what it is asked for first."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._has_failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)

    async def Load(self, request: Any) -> Any:  # noqa: N802 - gRPC's own name
        if not self._has_failed:
            self._has_failed = True
            raise database_error(grpc.StatusCode.INTERNAL)
        return await self._stub.Load(request)


def database_error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())


def test_large_sessions_do_not_keep_the_sweep_from_others(
    world: SessionWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """Older releases kept cancellations of any length."""
    large = [store_ended(world, 30_000) for _ in range(8)]
    too_large = store_ended(world, 150_000)
    small = [store_ended(world, 0) for _ in range(8)]
    world.now_seconds += RETENTION_SECONDS + 1

    with database(world, lambda stub: SmallResponses(stub, 100_000)):
        world.sweep()

    left = [each for each in (*large, too_large, *small) if world.stored(each) is not None]
    assert left == [too_large]
    assert "too large to be loaded" in caplog.text


def store_ended(world: SessionWorld, size_bytes: int) -> McpSessionId:
    """A session that has ended, as an older release left it."""
    session_id = new_session_id(account_id(OWNER.issuer, OWNER.user_id))
    now_seconds = int(world.now_seconds)
    state = messages.McpSession(opened_at_seconds=now_seconds, closed_at_seconds=now_seconds)
    if size_bytes:
        early = state.early_cancels.elements.add()
        early.wire_id = "x" * size_bytes
        early.at_seconds = now_seconds
    store(world, session_id, state.SerializeToString())
    return session_id


def test_a_page_that_fails_does_not_keep_the_sweep_from_others(runtime: Runtime) -> None:
    world = SessionWorld(runtime, page_states=3)
    ended = [store_ended(world, 0) for _ in range(9)]
    world.now_seconds += RETENTION_SECONDS + 1

    with database(world, FailingOnce), pytest.raises(grpc.aio.AioRpcError):
        world.sweep()

    left = [each for each in ended if world.stored(each) is not None]
    assert len(left) <= 3
    world.sweep()
    assert [each for each in ended if world.stored(each) is not None] == []


def test_what_is_too_large_to_be_recorded_is_not_tried_again(world: SessionWorld) -> None:
    session_id = world.open()
    call = replace(invalid_call("x"), progress_token="x" * 5 * 1024 * 1024)

    with pytest.raises(StateTooLarge, match="too large"):
        world.run(world.calls.begin(world.runtime.context, session_id, call))

    stored = world.stored(session_id)
    assert stored is not None
    assert list(stored.requests.elements) == []


def test_a_failing_session_does_not_keep_the_sweep_from_others(world: SessionWorld) -> None:
    text = canary()
    session_id = world.open()
    world.call(session_id, text)
    broken = McpSessionId("broken")
    manager = world.server(session_id).state_manager
    # No session's state.
    store(world, broken, b"\xff\xff")
    world.now_seconds += RETENTION_SECONDS

    with pytest.raises(Exception, match="parsing"):
        world.sweep()

    assert text.encode() not in world.exported_bytes()
    world.run(delete_state(world.server(session_id), SESSION_TYPE, broken, lambda _: True))
    assert manager is world.server(session_id).state_manager


def store(world: SessionWorld, session_id: McpSessionId, state: bytes) -> None:
    """Writes a session's state past its methods."""
    server = world.server(session_id)
    actor = database_pb2.Actor(
        state_type=SESSION_TYPE,
        state_ref=StateRef.from_id(SESSION_TYPE, session_id).to_str(),
        state=state,
    )
    world.run(server.database_client.store([actor], [], [], []))


def test_cancelling_goes_on_in_a_tidied_session(world: SessionWorld) -> None:
    session_id = world.open()
    running_call = run_without_end(world, session_id)
    world.now_seconds += 2 * RETENTION_SECONDS
    world.sweep()

    cancelled = world.run(
        cancel_calls(world.runtime.context, session_id, 2, now_seconds=int(world.now_seconds))
    )

    assert cancelled == [running_call]
