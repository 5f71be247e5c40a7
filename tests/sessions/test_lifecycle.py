"""Which session ends when an account opens one too many.

The processes here do not hear of calls as they run: `admission` and `sessions` of each are empty at
first, as after a restart in which no workflow has begun again yet.
"""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest
from reboot.aio.external import ExternalContext
from reboot.mcp.server import DurableContext

from gist_mcp.errors import LimitReached
from gist_mcp.framework.private_names import StateRef
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import Admission, CallName
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.calls import response_of
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.lifecycle import NewSession, SessionLifecycle
from gist_mcp.sessions.ownership import live_session, new_session_id
from gist_mcp.sessions.placement import ACCOUNT_TYPE, SESSION_TYPE
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.grants import account_id
from tests.support.extra_tool import extra_call, extra_tool
from tests.support.runtime import Runtime
from tests.support.session_world import IDLE_SECONDS, LIMITS, OWNER, SessionWorld, running_sessions

pytestmark = pytest.mark.integration

MAX_SESSIONS = 3


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running_sessions() as started:
        yield started


class Process:
    """What one process knows of the sessions of one account."""

    def __init__(self, runtime: Runtime, owner: Principal | None = None) -> None:
        self.world = SessionWorld(runtime)
        self.context: ExternalContext = runtime.context
        self.owner = owner or replace(OWNER, user_id=GitHubUserId(secrets.randbits(40)))
        self.account = account_id(self.owner.issuer, self.owner.user_id)
        self.sessions = SessionCache(IDLE_SECONDS, self.world.clock)
        self.admission = Admission(LIMITS, self.world.clock)
        self.lifecycle = SessionLifecycle(
            sessions=self.sessions,
            accounts=Accounts(
                max_sessions=MAX_SESSIONS,
                max_stored_bytes=10**9,
                retention_seconds=1_000,
                clock=self.world.clock,
            ),
            admission=self.admission,
            vault=CredentialVault(),
            events=SessionEvents(),
            clock=self.world.clock,
        )

    def restarted(self) -> "Process":
        return Process(self.world.runtime, self.owner)

    async def open(self, session_id: McpSessionId | None = None) -> McpSessionId:
        session_id = session_id or new_session_id(self.account)
        await self.lifecycle.open(
            self.context,
            NewSession(
                session_id=session_id,
                principal=self.owner,
                credential=GitHubCredential(
                    token=GitHubToken("gho_" + "a" * 36),
                    user_id=self.owner.user_id,
                    login=self.owner.login,
                    scopes=None,
                ),
                client_name="test",
                protocol_version="2025-06-18",
            ),
        )
        return session_id

    async def use(self, session_id: McpSessionId) -> None:
        assert await self.sessions.get(self.context, session_id) is not None

    async def counted(self, session_id: McpSessionId) -> bool:
        """Whether the account's state has the session."""
        stored = await self.world.server(session_id).database_client.load_actor_state(
            ACCOUNT_TYPE, StateRef.from_id(ACCOUNT_TYPE, self.account)
        )
        return stored is not None and session_id.encode() in stored

    async def alive(self, *session_ids: McpSessionId) -> list[bool]:
        return [await live_session(self.context, each) is not None for each in session_ids]


@pytest.fixture
def process(runtime: Runtime) -> Process:
    return Process(runtime)


class HeldTool:
    """A tool that ends when the test says so."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def __call__(self, context: DurableContext) -> str:
        await self.may_end.wait()
        return "the result"


def test_a_new_session_is_not_the_longest_unused(process: Process) -> None:
    async def play() -> list[bool]:
        used = [await process.open() for _ in range(MAX_SESSIONS)]
        for each in used:
            await process.use(each)
        # Two clients start: neither has sent a second request yet.
        new = [await process.open() for _ in range(2)]
        return await process.alive(*used, *new)

    assert process.world.run(play()) == [False, False, True, True, True]


def test_after_a_restart_the_first_opened_ends_and_what_was_used_since_stays(
    process: Process,
) -> None:
    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        later = process.restarted()
        await later.use(before[0])
        new = [await later.open() for _ in range(2)]
        return await later.alive(*before, *new)

    assert process.world.run(play()) == [True, False, False, True, True]


def test_use_of_long_ago_counts_more_than_none(process: Process) -> None:
    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        await process.use(before[0])
        # All are idle for so long that nothing of them is in memory.
        process.world.now_seconds += 2 * IDLE_SECONDS
        new = await process.open()
        return await process.alive(*before, new)

    assert process.world.run(play()) == [True, False, True, True]


def test_a_session_that_is_still_opening_does_not_give_way(process: Process) -> None:
    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        slow = new_session_id(process.account)
        locks = process.world.server(slow).state_manager._mutator_locks[SESSION_TYPE]
        # As another writer of the session would have it: it is counted, and has no owner yet.
        async with locks[StateRef.from_id(SESSION_TYPE, slow)]:
            opening = asyncio.create_task(process.open(slow))
            while not await process.counted(slow):
                pass
            new = [await process.open() for _ in range(MAX_SESSIONS)]
        await opening
        return await process.alive(*before, *new, slow)

    # The last of the new ones has ended the first of them, and not the one that was opening.
    ended_before = [False] * MAX_SESSIONS
    assert process.world.run(play()) == [*ended_before, False, True, True, True]


def test_after_a_restart_a_session_in_which_a_call_runs_does_not_give_way(
    process: Process,
) -> None:
    tool = HeldTool()

    async def play() -> tuple[list[bool], str]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        request_id = await process.world.calls.begin(process.context, before[0], extra_call())
        assert request_id is not None
        later = process.restarted()
        await later.open()
        alive = await later.alive(*before)
        tool.may_end.set()
        return alive, await response_of(process.context, before[0], request_id)

    with extra_tool(tool):
        alive, response = process.world.run(play())

    assert alive == [True, False, True]
    assert "the result" in response


def test_a_session_whose_call_has_ended_gives_way_though_nobody_has_fetched_the_response(
    process: Process,
) -> None:
    tool = HeldTool()
    tool.may_end.set()

    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        request_id = await process.world.calls.begin(process.context, before[0], extra_call())
        assert request_id is not None
        assert await response_of(process.context, before[0], request_id)
        later = process.restarted()
        new = await later.open()
        return await later.alive(*before, new)

    with extra_tool(tool):
        assert process.world.run(play()) == [False, True, True, True]


def test_where_a_call_runs_in_each_session_none_is_opened(process: Process) -> None:
    tool = HeldTool()

    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        for each in before:
            await process.world.calls.begin(process.context, each, extra_call())
        with pytest.raises(LimitReached, match="each is in use"):
            await process.restarted().open()
        tool.may_end.set()
        return await process.alive(*before)

    with extra_tool(tool):
        assert process.world.run(play()) == [True] * MAX_SESSIONS


def test_a_session_whose_call_waits_for_its_owner_does_not_give_way(process: Process) -> None:
    async def play() -> list[bool]:
        before = [await process.open() for _ in range(MAX_SESSIONS)]
        call = CallName(account=process.account, session_id=before[0], call_id="c")
        process.admission.run(call)
        with process.admission.away("c"):
            new = await process.open()
        return await process.alive(*before, new)

    assert process.world.run(play()) == [True, False, True, True]
