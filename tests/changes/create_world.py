"""Writing tools in this process: real sessions, a real ledger, a simulated GitHub over HTTP.

What may fail between them is a point, before and after each call of the ledger, of GitHub, and of
what the call asks about its owner. A test can raise there. Nothing else is replaced.
"""

import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.framework.placement import servers_here
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_mcp.sessions.audit import AuditLogs, Entry
from gist_mcp.sessions.calls import NewCall, new_request_id
from gist_mcp.sessions.ledger import Ledger, lease_seconds
from gist_mcp.tokens.grants import account_id
from gist_mcp.tools import call_workflow
from gist_state.v1.gist_ledger_rbt import GistLedger
from gist_state.v1.mcp_session_rbt import McpSession
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, running_sessions

OCTOCAT = Principal(
    issuer="https://github.com", user_id=GitHubUserId(583231), login="octocat", client_id="c"
)
STATE_IS_AWAY = "the state is away for ever"


@dataclass
class Points:
    """Where the call was, in order; and where it raises. A point is named with its number.

    `on` has what happens at a point, once. `write_id` is that of the last intent.
    """

    reached: list[str] = field(default_factory=list)
    raises_at: str = ""
    failure: Callable[[], BaseException] | None = None
    also_later: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    on: dict[str, Callable[[], None]] = field(default_factory=dict)
    write_id: str = ""

    def reach(self, name: str) -> None:
        self.counts[name] += 1
        point = f"{name} {self.counts[name]}"
        self.reached.append(point)
        if point in self.on:
            self.on.pop(point)()
        if self.failure is None:
            return
        if point == self.raises_at:
            if self.also_later:
                self.raises_at = STATE_IS_AWAY
            raise self.failure()
        if self.raises_at == STATE_IS_AWAY and "ledger" in name:
            raise self.failure()


@dataclass
class CreateWorld:
    """A session for each call, all of them octocat's."""

    sessions: SessionWorld
    github: GitHubSimulator
    points: Points = field(default_factory=Points)
    session_id: McpSessionId = field(init=False)
    """Of the last call."""

    def create(self, key: str) -> dict[str, Any]:
        """The response to a call with a key, which is the gist's description too."""
        return self.call("create_gist", _create_arguments(key))

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The response to a call."""
        world, session_id = self.sessions, self.sessions.open()
        self.session_id = session_id
        process.services().vault.put(session_id, self.credential("gist", "read:user"))
        request_id = world.run(
            world.calls.begin(world.runtime.context, session_id, _call(tool, arguments))
        )
        told: dict[str, Any] = json.loads(world.response(session_id, request_id))
        return told

    def credential(self, *scopes: str) -> GitHubCredential:
        """A token of octocat's, as the endpoint would have verified it."""
        return GitHubCredential(
            token=GitHubToken(self.github.create_token(OCTOCAT.login, scopes)),
            user_id=OCTOCAT.user_id,
            login=OCTOCAT.login,
            scopes=frozenset(scopes),
        )

    def gists(self, key: str) -> list[str]:
        """Ids of the gists that GitHub has of calls with this key."""
        gists = self.github.gists(OCTOCAT.login)
        return [each.gist_id for each in gists if each.description == key]

    def is_taken(self, key: str, *, after_seconds: int = 0) -> bool:
        """True while somebody else's call with this key would wait."""
        write_id = self.ledger(self.lease_seconds).write_id(key, "nobody")
        return self.is_carried_out(write_id, after_seconds=after_seconds)

    def is_carried_out(self, write_id: str, *, after_seconds: int = 0) -> bool:
        """True while the ledger takes somebody to be at work on this change."""
        ledger = self.ledger(self.lease_seconds)
        now_seconds = int(time.time()) + after_seconds
        asked = ledger.runs_elsewhere(write_id, runner="somebody", now_seconds=now_seconds)
        return bool(self.sessions.run(asked))

    def ledger(self, lease_seconds: int) -> Ledger:
        """Octocat's, for somebody who holds changes for so long."""
        return Ledger(
            self.sessions.runtime.context,
            issuer=OCTOCAT.issuer,
            user_id=OCTOCAT.user_id,
            lease_seconds=lease_seconds,
        )

    def audit_log(self) -> list[Entry]:
        """What octocat would read of all calls until now, the newest first."""
        log = process.services().audit
        account = account_id(OCTOCAT.issuer, OCTOCAT.user_id)
        entries: list[Entry] = self.sessions.run(log.read(self.sessions.runtime.context, account))
        return entries

    def stored_kinds(self) -> Counter[str]:
        """How much is stored of sessions and ledgers: states, tasks, idempotency records."""

        async def export() -> Counter[str]:
            kinds = [
                str(item.WhichOneof("item"))
                for server in servers_here()
                for state_type in (McpSession, GistLedger)
                async for item in server.state_manager.export_items(state_type.__state_type_name__)
            ]
            return Counter(kinds)

        counted: Counter[str] = self.sessions.run(export())
        return counted

    @property
    def lease_seconds(self) -> int:
        return lease_seconds(process.services().config.resume_wait_seconds)


def _create_arguments(key: str) -> dict[str, Any]:
    return {
        "description": key,
        "filename": "notes.md",
        "content": f"# {key}\n",
        "public": False,
        "idempotency_key": key,
    }


def _call(tool: str, arguments: dict[str, Any]) -> NewCall:
    return NewCall(
        request_id=new_request_id(),
        json_rpc_id=1,
        name=tool,
        arguments=arguments,
        progress_token=None,
        may_repeat=True,
        login=OCTOCAT.login,
    )


def text_of(told: dict[str, Any]) -> str:
    """The text of an error; empty for a result."""
    if "error" in told:
        return str(told["error"]["message"])
    result = told["result"]
    return str(result["content"][0]["text"]) if result.get("isError") else ""


def new_key() -> str:
    return f"key {secrets.token_hex(8)}"


@contextmanager
def create_world() -> Iterator[tuple[Runtime, GitHubSimulator]]:
    with GitHubSimulatorInProcess() as github:
        settings = {
            "GITHUB_API_URL": github.url,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
        }
        with running_sessions(GistLedgerServicer, settings=settings, clock=time.time) as runtime:
            yield runtime, github


def watch_points(
    points: Points,
    monkeypatch: pytest.MonkeyPatch,
    asked_of_github: Iterable[str] = ("create_gist", "list_gists", "get_gist"),
) -> None:
    """From now on every call of these is two points: before it, and after it."""
    _watch(points, monkeypatch, Ledger, "_call", lambda method: f"ledger's {method}")
    _watch(points, monkeypatch, AuditLogs, "record")
    for method in asked_of_github:
        _watch(points, monkeypatch, GitHubClient, method)
    for method in ("credential", "stop_if_cancelled"):
        _watch(points, monkeypatch, ToolCall, method)
    respond = call_workflow._response

    def response(json_rpc_id: str | int, body: dict[str, Any]) -> str:
        points.reach("response")
        return respond(json_rpc_id, body)

    monkeypatch.setattr(call_workflow, "_response", response)


def _watch(
    points: Points,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    named: Callable[[str], str] | None = None,
) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def watched(self: Any, *arguments: Any, **more: Any) -> Any:
        name = method if named is None else named(arguments[1])
        if name == "ledger's Intend":
            points.write_id = arguments[0]
        points.reach(f"before {name}")
        result = await original(self, *arguments, **more)
        points.reach(f"after {name}")
        return result

    monkeypatch.setattr(owner, method, watched)
