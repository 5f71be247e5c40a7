"""The audit log of an account: what was done in its name. Calls to the `AuditLog` states.

An entry holds names, ids and times. No content, description, argument, token or key is in it. Which
gist it is about is sealed: the address of a secret gist is all that it takes to read the gist, and
a log is kept for long.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from gist_mcp.servicers.audit_log import BUCKETS, DONE
from gist_mcp.servicers.unlogged_call import (
    Caller,
    StateMissing,
    StateUnavailable,
    call_patiently,
)
from gist_mcp.tokens.sealing import SealBroken, Sealer
from gist_state.v1 import audit_log_pb2 as messages
from gist_state.v1.audit_log_pb2_grpc import AuditLogMethodsStub
from gist_state.v1.audit_log_rbt import AuditLog

logger = logging.getLogger(__name__)

TOOL_CALL: Final = "tool_call"
CLIENT_ALLOWED: Final = "client_allowed"
TOKEN_TAKEN: Final = "token_taken"
ACCOUNT_OPENED: Final = "account_opened"
CLIENT_LEFT: Final = "client_left"
CLIENT_ENDED: Final = "client_ended"
TOKEN_REUSED: Final = "token_reused"
ENDED_BY_GITHUB: Final = "ended_by_github"
SESSION_ENDED: Final = "session_ended"
SIGNED_OUT: Final = "signed_out"

EVENTS: Final = {
    TOOL_CALL: "A tool was called",
    CLIENT_ALLOWED: "Signed in for a client",
    TOKEN_TAKEN: "Took a token by hand",
    ACCOUNT_OPENED: "Signed in to this page",
    CLIENT_LEFT: "The client gave its access back",
    CLIENT_ENDED: "Ended a client's access",
    TOKEN_REUSED: "Refused a code or token that came twice, and ended its client's access",
    ENDED_BY_GITHUB: "GitHub had taken the access back",
    SESSION_ENDED: "Ended a session",
    SIGNED_OUT: "Signed out everywhere",
}
"""Every event, and how it is shown to the account's owner."""

MAX_CLIENT_CHARACTERS: Final = 100
_MAX_ID_CHARACTERS: Final = 100
_MAX_URL_CHARACTERS: Final = 300
_ID_CHARACTERS: Final = 32

_PURPOSE: Final = "audit-log"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry, as it is read and written.

    `source` names what it is of, a call or an event: two entries of one source become one. `change`
    names the change that was made, if one was. Both are empty where an entry was read.
    """

    event: str
    outcome: str = DONE
    at_seconds: int = 0
    tool: str = ""
    gist_id: str = ""
    url: str = ""
    client: str = ""
    source: str = ""
    change: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditLogs:
    """The audit logs of all accounts. Each account is named by `grants.account_id`.

    `kept_seconds` is `AUDIT_SECONDS`: with 0 nothing is written. `clock` gives Unix time in
    seconds. A gist whose key has left `TOKEN_KEYS` is not shown any more.
    """

    kept_seconds: int
    clock: Callable[[], float]
    sealer: Sealer = field(repr=False)

    async def record(self, caller: Caller, account: str, entry: Entry, *, beside: str = "") -> None:
        """Writes an entry, once: it may be repeated. Raises `StateUnavailable`.

        Entries that may be of one change are written `beside` the same name.
        """
        if not self.kept_seconds:
            return
        bucket = _bucket_id(account, beside or entry.source)
        request = messages.AuditLogRecordRequest(
            entry=messages.AuditLogRecordRequest.Entry(
                entry_id=_digest(account, entry.source),
                change_id=_digest(account, entry.change) if entry.change else None,
                at_seconds=int(self.clock()),
                event=entry.event,
                tool=entry.tool,
                sealed_gist=self._sealed_gist(account, entry),
                client=entry.client[:MAX_CLIENT_CHARACTERS],
                outcome=entry.outcome,
            ),
            oldest_seconds=self._oldest_seconds(),
        )
        await _call(caller, bucket, "Record", request)

    async def note(self, caller: Caller, account: str, entry: Entry) -> None:
        """As `record`, for what has happened already: it is not undone for want of an entry."""
        try:
            await self.record(caller, account, entry)
        except StateUnavailable as failure:
            logger.warning("the audit log has no entry %s: %s", entry.event, failure.log_reason)

    async def read(self, caller: Caller, account: str) -> list[Entry]:
        """The entries that are kept, the newest first. Raises `StateUnavailable`."""
        buckets = await asyncio.gather(
            *(_stored(caller, each) for each in bucket_ids(account)),
        )
        oldest_seconds = self._oldest_seconds()
        entries = [self._opened(account, each) for bucket in buckets for each in bucket]
        entries.sort(key=lambda each: each.at_seconds, reverse=True)
        return [each for each in entries if self.kept_seconds and each.at_seconds >= oldest_seconds]

    async def erase(self, caller: Caller, account: str) -> None:
        """Drops every entry. May be repeated. Raises `StateUnavailable`."""
        for bucket in bucket_ids(account):
            if await _stored(caller, bucket):
                await _call(caller, bucket, "Drop", messages.AuditLogDropRequest())

    def _sealed_gist(self, account: str, entry: Entry) -> str:
        # One that is cut would lead elsewhere.
        url = entry.url if len(entry.url) <= _MAX_URL_CHARACTERS else ""
        if not entry.gist_id and not url:
            return ""
        inside = json.dumps([entry.gist_id[:_MAX_ID_CHARACTERS], url])
        return self.sealer.seal(_PURPOSE, inside.encode(), context=account)

    def _opened(self, account: str, stored: Any) -> Entry:
        try:
            sealed = stored.sealed_gist
            inside = self.sealer.open(_PURPOSE, sealed, context=account) if sealed else b'["", ""]'
        except SealBroken:
            # The key has left `TOKEN_KEYS` since.
            inside = b'["", ""]'
        gist_id, url = json.loads(inside)
        return Entry(
            event=stored.event,
            outcome=stored.outcome,
            # Reboot's numbers are floats on the way.
            at_seconds=int(stored.at_seconds),
            tool=stored.tool,
            gist_id=gist_id,
            url=url,
            client=stored.client,
        )

    def _oldest_seconds(self) -> int:
        return int(self.clock()) - self.kept_seconds


async def drop_old(caller: Caller, bucket: str, *, oldest_seconds: int) -> None:
    """Drops the entries of before that Unix time. Raises `StateUnavailable`."""
    await _call(caller, bucket, "Drop", messages.AuditLogDropRequest(oldest_seconds=oldest_seconds))


def bucket_ids(account: str) -> list[str]:
    """The states of an account's log. Some may never have been written."""
    return [f"{account}-{number}" for number in range(BUCKETS)]


def _bucket_id(account: str, name: str) -> str:
    return f"{account}-{hashlib.sha256(name.encode()).digest()[0] % BUCKETS}"


def _digest(account: str, name: str) -> str:
    # Ids of calls and keys have no place in the log; what is the same is told by the digest.
    return hashlib.sha256(f"{account}\n{name}".encode()).hexdigest()[:_ID_CHARACTERS]


async def _stored(caller: Caller, bucket: str) -> list[Any]:
    """The entries of a bucket, as they are stored."""
    try:
        answer = await _call(caller, bucket, "Entries", Empty())
    except StateMissing:
        return []
    return list(answer.entries.elements)


async def _call(caller: Caller, bucket: str, method: str, request: object) -> Any:
    return await call_patiently(caller, AuditLog, AuditLogMethodsStub, bucket, method, request)
