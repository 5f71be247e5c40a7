"""Ends all access to an account here, and erases what is stored of it.

Everything may be repeated, and is: what an error has interrupted the person asks for again.
"""

from dataclasses import dataclass

from reboot.aio.external import ExternalContext

from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions import ledger
from gist_mcp.sessions.accounts import counted_sessions
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.lifecycle import SessionLifecycle
from gist_mcp.tokens import grants


@dataclass(frozen=True, kw_only=True)
class Person:
    """A GitHub account: `issuer` is GitHub's web address."""

    issuer: str
    user_id: GitHubUserId

    @property
    def account(self) -> str:
        """The id of the account's states."""
        return grants.account_id(self.issuer, self.user_id)


async def end_all_access(
    context: ExternalContext, lifecycle: SessionLifecycle, person: Person, *, now_seconds: int
) -> None:
    """Ends the access of every client, every token of ours, and every session of the person.

    Raises `StateUnavailable`.
    """
    # The grants first: while they work, a client could open a session that nobody ends.
    await grants.end_all(context, person.account, now_seconds=now_seconds)
    for each in await counted_sessions(context, person.account):
        await lifecycle.end_from_outside(context, person.account, each.session_id)


async def erase(context: ExternalContext, audit: AuditLogs, person: Person) -> None:
    """Erases the person's audit log and ledger. All access must have ended before: then no call
    sends anything that the ledger would have to know. Raises `StateUnavailable`.
    """
    await ledger.erase(context, person.issuer, person.user_id)
    await audit.erase(context, person.account)
