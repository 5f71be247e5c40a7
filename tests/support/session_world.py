"""MCP sessions and their calls on the real Reboot runtime, with a clock that a test sets.

The calls are real ones that need no GitHub: their arguments do not fit the tool, which a durable
result says.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr
from rebootdev.aio.contexts import EffectValidation

from gist_mcp import process
from gist_mcp.config import Config
from gist_mcp.config_source import parse_config
from gist_mcp.framework.ended_tasks import keep_only_responses
from gist_mcp.framework.placement import ServerHere, place_quickly, server_of, servers_here
from gist_mcp.framework.private_names import StateRef
from gist_mcp.framework.records import PAGE_STATES
from gist_mcp.framework.task_waits import keep_what_is_waited_for
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.gist_contents import GistContentCache
from gist_mcp.github.own_gists import OwnGists
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.servicers.account import AccountServicer
from gist_mcp.servicers.audit_log import AuditLogServicer
from gist_mcp.servicers.authorizers import FrontDoorVerifier
from gist_mcp.servicers.unlogged_call import Caller
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import AccountLimits, Admission
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.calls import NewCall, SessionCalls, new_request_id, response_of
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.ownership import new_session_id, open_session
from gist_mcp.sessions.placement import SESSION_TYPE
from gist_mcp.sessions.retention import Retention
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.grants import account_id
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier
from gist_mcp.tools.call_workflow import ToolCallingSessionServicer
from gist_state.v1 import mcp_session_pb2 as messages
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.allowed_accounts import allowed_without_state
from tests.support.runtime import Runtime, running

SECRET = SecretStr("the front door's secret")
SERVICERS = (ToolCallingSessionServicer, AccountServicer, AuditLogServicer)
LIMITS = AccountLimits(calls_in_flight=8, calls_per_minute=1000, bytes_per_minute=10**9)
NOW = 1_800_000_000.0
RETENTION_SECONDS = 700_000.0
SWEEP_SECONDS = RETENTION_SECONDS / 7
IDLE_SECONDS = 1_800.0
OWNER = Principal(
    issuer="https://github.com", user_id=GitHubUserId(1), login="octocat", client_id="c"
)


@dataclass
class SessionWorld:
    """One process of the application, without its HTTP side. `now_seconds` is its clock."""

    runtime: Runtime
    now_seconds: float = NOW
    owner: Principal = OWNER
    page_states: int = PAGE_STATES
    pauses: list[float] = field(default_factory=list)
    freed: list[tuple[str, int]] = field(default_factory=list)
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
            on_freed=self.note_freed,
            page_states=self.page_states,
        )
        self.calls = SessionCalls(self.clock, lambda _: None)

    def clock(self) -> float:
        return self.now_seconds

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def note_freed(self, caller: Caller, account: str, *, freed_bytes: int) -> None:
        self.freed.append((account, freed_bytes))

    def run(self, work: Awaitable[Any]) -> Any:
        return self.runtime.run(work)

    def open(self) -> McpSessionId:
        session_id = new_session_id(account_id(OWNER.issuer, OWNER.user_id))
        self.run(
            open_session(
                self.runtime.context,
                session_id,
                self.owner,
                client_name="test",
                protocol_version="2025-06-18",
                now_seconds=int(self.now_seconds),
            )
        )
        return session_id

    def call(self, session_id: McpSessionId, canary: str = "x", size: int = 1) -> str:
        """A call that has ended, and whose response was not sent. Its arguments and its result
        have the canary."""
        request_id: str = self.run(
            self.calls.begin(self.runtime.context, session_id, invalid_call(canary, size))
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

    def make_calls(self, session_id: McpSessionId, number: int) -> None:
        """Calls one after the other, each answered before the next, tidied as in production."""

        async def make_them() -> None:
            for _ in range(number):
                context = self.runtime.context
                request_id = await self.calls.begin(context, session_id, invalid_call("x", 1000))
                assert request_id is not None
                assert await response_of(context, session_id, request_id)
                self.calls.answered(context, session_id, request_id)
                self.retention.call_begun(session_id)

        self.runtime.runner.run(make_them())

    def state_bytes(self, session_id: McpSessionId) -> int:
        """Size of the session's state."""
        stored = self.stored(session_id)
        assert stored is not None
        return int(stored.ByteSize())

    def count_sessions_and_texts(self) -> tuple[int, int]:
        """How many sessions are stored, and tasks with a request or a response in them."""
        items = self.exported()
        return (
            sum(item.HasField("actor") for item in items),
            sum(bool(item.task.request or item.task.response.value) for item in items),
        )

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

    def exported(self) -> list[Any]:
        """Everything that is stored of all sessions: their states and tasks."""

        async def all_of_it() -> list[Any]:
            return [
                item
                for server in servers_here()
                async for item in server.state_manager.export_items(SESSION_TYPE)
            ]

        items: list[Any] = self.run(all_of_it())
        return items

    def exported_bytes(self) -> bytes:
        """The same, as it is stored."""
        return b"".join(item.SerializeToString() for item in self.exported())


def invalid_call(canary: str, size: int = 1) -> NewCall:
    """A call with an argument that the tool does not have."""
    return NewCall(
        request_id=new_request_id(),
        json_rpc_id=1,
        name="create_gist",
        arguments={canary: canary * size},
        progress_token=None,
        may_repeat=False,
        login="octocat",
    )


@contextmanager
def running_sessions(
    *more_servicers: type,
    settings: Mapping[str, str] | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> Iterator[Runtime]:
    """A server of `McpSession` and `Account`, and of other states, on a loop of its own."""
    place_quickly()
    keep_only_responses()
    keep_what_is_waited_for()
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient()
        config = parse_config(dict(settings or {}), production=False)
        process.install(process_services(config, http, clock))
        try:
            with running(
                Runtime,
                (*SERVICERS, *more_servicers),
                runner,
                EffectValidation.DISABLED,
                FrontDoorVerifier(SECRET),
            ) as started:
                yield started
        finally:
            runner.run(http.aclose())


def process_services(
    config: Config, http: httpx.AsyncClient, clock: Callable[[], float]
) -> process.ProcessServices:
    """What the calls of a process share, without Reboot."""
    github = GitHubClient(http, config.github_api_url)
    sealer = Sealer([secrets.token_urlsafe(32)])
    return process.ProcessServices(
        config=config,
        sealer=sealer,
        github=github,
        own_gists=OwnGists(github),
        gist_contents=GistContentCache(github),
        verifier=BearerVerifier(
            config=config,
            sealer=sealer,
            github=github,
            allowed=allowed_without_state(config, github),
            clock=clock,
        ),
        vault=CredentialVault(),
        events=SessionEvents(),
        admission=Admission(LIMITS, lambda: NOW),
        accounts=Accounts(
            max_sessions=100,
            max_stored_bytes=10**9,
            retention_seconds=int(RETENTION_SECONDS),
            clock=lambda: NOW,
        ),
        audit=AuditLogs(kept_seconds=config.audit_seconds, clock=clock, sealer=sealer),
        reboot_secret=SECRET,
        clock=clock,
        started_at_seconds=0.0,
    )
