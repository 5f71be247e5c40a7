"""Retention on the real Reboot runtime, with a clock that a test sets.

The calls are real ones that need no GitHub: their arguments do not fit the tool, which a durable
result says.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from rebootdev.aio.contexts import EffectValidation

from gist_mcp import process
from gist_mcp.config import Config, parse_config
from gist_mcp.framework.placement import ServerHere, place_quickly, server_of
from gist_mcp.framework.private_names import StateRef
from gist_mcp.framework.records import delete_state, empty_tasks, forget_states, stored_states
from gist_mcp.github.client import GitHubClient
from gist_mcp.http.limits import TokenGuessLimit
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.servicers.authorizers import FrontDoorVerifier
from gist_mcp.servicers.mcp_session import MAX_KEPT, MAX_UNANSWERED
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.calls import CallUnknown, NewCall, SessionCalls, cancel_calls, response_of
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.ownership import close_session, live_session, new_session_id, open_session
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_mcp.sessions.retention import SESSION_LIFETIME_SECONDS, UNTIMED_SECONDS, Retention
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier
from gist_mcp.tools.call_workflow import ToolCallingSessionServicer
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

SECRET = SecretStr("the front door's secret")
NOW = 1_800_000_000.0
RETENTION_SECONDS = 700_000.0
SWEEP_SECONDS = RETENTION_SECONDS / 7
IDLE_SECONDS = 1_800.0
OWNER = Principal(
    issuer="https://github.com", user_id=GitHubUserId(1), login="octocat", client_id="c"
)


@dataclass
class World:
    """One process of the application, without its HTTP side. `now_seconds` is its clock."""

    runtime: Runtime
    now_seconds: float = NOW
    pauses: list[float] = field(default_factory=list)
    sessions: SessionCache = field(init=False)
    retention: Retention = field(init=False)
    calls: SessionCalls = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = SessionCache(IDLE_SECONDS, self.clock)
        self.retention = Retention(
            self.sessions,
            SECRET,
            idle_seconds=IDLE_SECONDS,
            retention_seconds=RETENTION_SECONDS,
            clock=self.clock,
            pause=self.pause,
        )
        self.calls = SessionCalls(self.clock, lambda _: None)

    def clock(self) -> float:
        return self.now_seconds

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def run(self, work: Awaitable[Any]) -> Any:
        return self.runtime.run(work)

    def open(self) -> McpSessionId:
        session_id = new_session_id()
        self.run(
            open_session(
                self.runtime.context,
                session_id,
                OWNER,
                client_name="test",
                protocol_version="2025-06-18",
                now_seconds=int(self.now_seconds),
            )
        )
        return session_id

    def call(self, session_id: McpSessionId, canary: str = "x") -> str:
        """A call that has ended, and whose response was not sent. Its arguments and its result
        have the canary."""
        request_id: str = self.run(
            self.calls.begin(self.runtime.context, session_id, invalid_call(canary))
        )
        assert canary in self.response(session_id, request_id)
        return request_id

    def response(self, session_id: McpSessionId, request_id: str) -> str:
        return str(self.run(response_of(self.runtime.context, session_id, request_id)))

    def answered_call(self, session_id: McpSessionId, canary: str = "x") -> str:
        request_id = self.call(session_id, canary)
        state: Any = McpSession.ref(session_id)
        self.run(state.note_answered(self.runtime.context, request_ids=[request_id]))
        return request_id

    def tidy(self, session_id: McpSessionId) -> None:
        self.run(self.retention.tidy(session_id))

    def sweep(self) -> None:
        self.run(self.retention.sweep())

    def server(self, session_id: McpSessionId) -> ServerHere:
        server = server_of(SESSION_TYPE, session_id)
        assert server is not None
        return server

    def stored(self, session_id: McpSessionId) -> messages.McpSession | None:
        """The session's state on disk."""
        data = self.run(
            self.server(session_id).database_client.load_actor_state(
                SESSION_TYPE, StateRef.from_id(SESSION_TYPE, session_id)
            )
        )
        return None if data is None else messages.McpSession.FromString(data)

    def is_in_memory(self, session_id: McpSessionId) -> bool:
        states = self.server(session_id).state_manager._states[SESSION_TYPE]
        return StateRef.from_id(SESSION_TYPE, session_id) in states

    def exported(self, session_id: McpSessionId) -> bytes:
        """Everything that is stored of all sessions."""

        async def all_of_it() -> bytes:
            items = self.server(session_id).state_manager.export_items(SESSION_TYPE)
            return b"".join([item.SerializeToString() async for item in items])

        return bytes(self.run(all_of_it()))


def invalid_call(canary: str) -> NewCall:
    """A call with arguments that the tool does not have."""
    return NewCall(
        json_rpc_id=1,
        name="create_gist",
        arguments={canary: canary},
        progress_token=None,
        may_repeat=False,
        login="octocat",
    )


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    place_quickly()
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient()
        process.install(services(parse_config({}, production=False), http))
        try:
            with running(
                Runtime,
                ToolCallingSessionServicer,
                runner,
                EffectValidation.DISABLED,
                FrontDoorVerifier(SECRET),
            ) as started:
                yield started
        finally:
            runner.run(http.aclose())


def services(config: Config, http: httpx.AsyncClient) -> process.ProcessServices:
    github = GitHubClient(http, config.github_api_url)
    return process.ProcessServices(
        config=config,
        github=github,
        verifier=BearerVerifier(
            config=config,
            sealer=Sealer([secrets.token_urlsafe(32)]),
            github=github,
            clock=lambda: NOW,
            guesses=TokenGuessLimit(lambda: NOW),
        ),
        vault=CredentialVault(),
        events=SessionEvents(),
        reboot_secret=SECRET,
        clock=lambda: NOW,
    )


@pytest.fixture
def world(runtime: Runtime) -> World:
    return World(runtime)


def canary() -> str:
    return f"canary{secrets.token_hex(8)}"


@pytest.mark.parametrize("begin", [World.call, World.answered_call])
def test_after_the_retention_time_nothing_of_a_call_is_left(
    world: World, begin: Callable[[World, McpSessionId, str], str]
) -> None:
    old, young = canary(), canary()
    session_id = world.open()
    old_call = begin(world, session_id, old)
    world.now_seconds += RETENTION_SECONDS - SWEEP_SECONDS + 1
    young_call = begin(world, session_id, young)
    assert old.encode() in world.exported(session_id)

    world.sweep()

    assert old.encode() not in world.exported(session_id)
    with pytest.raises(CallUnknown):
        world.response(session_id, old_call)
    assert young in world.response(session_id, young_call)
    assert young.encode() in world.exported(session_id)


def test_a_session_keeps_the_results_of_its_last_answered_calls(world: World) -> None:
    session_id = world.open()
    canaries = [canary() for _ in range(MAX_KEPT + 3)]
    calls = [world.answered_call(session_id, each) for each in canaries]

    world.tidy(session_id)

    exported = world.exported(session_id)
    assert [each.encode() in exported for each in canaries] == [False] * 3 + [True] * MAX_KEPT
    assert canaries[3] in world.response(session_id, calls[3])


def test_a_call_that_runs_is_never_forgotten(world: World) -> None:
    session_id = world.open()
    ended = world.call(session_id)
    running_call = run_without_end(world, session_id)
    world.now_seconds += 2 * RETENTION_SECONDS

    world.sweep()

    stored = world.stored(session_id)
    assert stored is not None
    assert [each.request_id for each in stored.requests.elements] == [running_call]
    assert ended != running_call


def run_without_end(world: World, session_id: McpSessionId) -> str:
    """A call that waits for a credential of its owner, which nobody brings."""
    call = NewCall(
        json_rpc_id=2,
        name="get_my_profile",
        arguments={},
        progress_token=None,
        may_repeat=False,
        login="octocat",
    )
    return str(world.run(world.calls.begin(world.runtime.context, session_id, call)))


def test_a_crash_before_a_call_is_forgotten_is_made_good(world: World) -> None:
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


def test_an_emptied_call_is_small_and_is_recovered_as_ended(world: World) -> None:
    session_id = world.open()
    request_id = world.call(session_id, "x" * 10_000)
    before = len(world.exported(session_id))

    gone = world.run(empty_tasks(world.server(session_id), SESSION_TYPE, session_id, [request_id]))

    assert gone == [request_id]
    assert before - len(world.exported(session_id)) > 20_000
    world.run(world.runtime.rbt.down())
    world.run(world.runtime.rbt.up())
    with pytest.raises(CallUnknown):
        world.response(session_id, request_id)


def test_ids_that_no_task_has_are_gone(world: World) -> None:
    session_id = world.open()
    unknown = [secrets.token_hex(16), "7", "no hex"]

    gone = world.run(empty_tasks(world.server(session_id), SESSION_TYPE, session_id, unknown))

    assert sorted(gone) == sorted(unknown)


def test_calls_without_a_time_wait_for_their_takeover(world: World) -> None:
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
    world: World, session_id: McpSessionId, records: list[dict[str, Any]]
) -> None:
    """Writes the state of a session as an older release has left it."""
    stored = world.stored(session_id)
    assert stored is not None
    for record in records:
        stored.requests.elements.add(**record)
    manager = world.server(session_id).state_manager
    ref = StateRef.from_id(SESSION_TYPE, session_id)
    world.run(manager.import_actor(SESSION_TYPE, ref, stored))


def test_an_idle_session_leaves_memory_and_comes_back(world: World) -> None:
    session_id = world.open()
    world.run(world.sessions.get(world.runtime.context, session_id))
    world.run(world.retention.forget_idle())
    assert world.is_in_memory(session_id)

    world.now_seconds += IDLE_SECONDS + 1
    world.run(world.retention.forget_idle())

    assert not world.is_in_memory(session_id)
    assert world.answered_call(session_id)
    assert world.is_in_memory(session_id)


def test_a_state_that_is_used_stays_in_memory(world: World) -> None:
    session_id = world.open()
    server = world.server(session_id)
    ref = StateRef.from_id(SESSION_TYPE, session_id)

    async def while_locked() -> None:
        async with server.state_manager._mutator_locks[SESSION_TYPE][ref]:
            await forget_states(server, SESSION_TYPE, keep=lambda _: False)

    world.run(while_locked())

    assert world.is_in_memory(session_id)


def test_a_session_that_was_closed_long_ago_is_unknown(world: World) -> None:
    session_id, other = world.open(), world.open()
    world.answered_call(session_id)
    context = world.runtime.context
    world.run(close_session(context, session_id, now_seconds=int(world.now_seconds)))
    world.now_seconds += RETENTION_SECONDS + 1

    world.sweep()
    assert world.stored(session_id) is None or world.sweep() is None

    assert world.stored(session_id) is None
    assert world.run(live_session(context, session_id)) is None
    assert world.run(live_session(context, other)) is not None


def test_a_session_that_nobody_closed_is_deleted_at_last(world: World) -> None:
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


def test_a_call_in_a_deleted_session_is_not_begun(world: World) -> None:
    session_id = world.open()
    world.run(delete_state(world.server(session_id), SESSION_TYPE, session_id, lambda _: True))

    begun = world.run(world.calls.begin(world.runtime.context, session_id, invalid_call("x")))

    assert begun is None
    world.sweep()
    assert world.stored(session_id) is None


def test_a_call_that_comes_first_keeps_its_session(world: World) -> None:
    session_id = world.open()
    world.now_seconds += SESSION_LIFETIME_SECONDS + 1
    world.answered_call(session_id)

    world.sweep()

    assert world.stored(session_id) is not None


def test_calls_whose_responses_nobody_fetches_are_emptied_too(world: World) -> None:
    first = canary()
    session_id = world.open()
    world.call(session_id, first)
    for _ in range(MAX_UNANSWERED + MAX_KEPT):
        world.call(session_id)

    world.tidy(session_id)

    assert first.encode() not in world.exported(session_id)
    stored = world.stored(session_id)
    assert stored is not None
    assert len(stored.requests.elements) == MAX_UNANSWERED
    assert len(stored.kept_calls.elements) == MAX_KEPT


def test_sessions_are_found_page_by_page(world: World) -> None:
    opened = {world.open() for _ in range(7)}
    server = world.server(next(iter(opened)))

    async def pages() -> list[dict[str, bytes]]:
        return [page async for page in stored_states(server, SESSION_TYPE, 3)]

    found = world.run(pages())

    assert max(map(len, found)) == 3
    ids = [each for page in found for each in page]
    assert len(ids) == len(set(ids))
    assert opened <= set(ids)


def test_a_failing_session_does_not_keep_the_sweep_from_others(world: World) -> None:
    text = canary()
    session_id = world.open()
    world.call(session_id, text)
    broken = McpSessionId("broken")
    manager = world.server(session_id).state_manager
    store_broken(world, broken)
    world.now_seconds += RETENTION_SECONDS

    with pytest.raises(Exception, match="parsing"):
        world.sweep()

    assert text.encode() not in world.exported(session_id)
    world.run(delete_state(world.server(session_id), SESSION_TYPE, broken, lambda _: True))
    assert manager is world.server(session_id).state_manager


def store_broken(world: World, session_id: McpSessionId) -> None:
    """Something that is no session's state."""
    from gist_mcp.framework.private_names import database_pb2

    server = world.server(session_id)
    actor = database_pb2.Actor(
        state_type=SESSION_TYPE,
        state_ref=StateRef.from_id(SESSION_TYPE, session_id).to_str(),
        state=b"\xff\xff",
    )
    world.run(server.database_client.store([actor], [], [], []))


def test_cancelling_goes_on_in_a_tidied_session(world: World) -> None:
    session_id = world.open()
    running_call = run_without_end(world, session_id)
    world.now_seconds += 2 * RETENTION_SECONDS
    world.sweep()

    cancelled = world.run(
        cancel_calls(world.runtime.context, session_id, 2, now_seconds=int(world.now_seconds))
    )

    assert cancelled == [running_call]
    assert json.loads(world.response(session_id, running_call))["result"]["isError"]
