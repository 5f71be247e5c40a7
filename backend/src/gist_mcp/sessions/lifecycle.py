"""A session opens and ends: its own state, its account's, and what this process remembers of it."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reboot.aio.external import ExternalContext

from gist_mcp.github.credential import GitHubCredential
from gist_mcp.principal import McpSessionId, Principal
from gist_mcp.servicers.unlogged_call import StateMissing
from gist_mcp.sessions import ownership
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import Admission
from gist_mcp.sessions.call_events import SessionEnded, SessionEvents
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.grants import account_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A session that its client asks for."""

    session_id: McpSessionId
    principal: Principal
    credential: GitHubCredential
    client_name: str
    protocol_version: str


@dataclass(frozen=True, kw_only=True)
class SessionLifecycle:
    """Opens and ends the sessions of this process. `clock` gives Unix time in seconds."""

    sessions: SessionCache
    accounts: Accounts
    admission: Admission
    vault: CredentialVault
    events: SessionEvents
    clock: Callable[[], float]

    async def open(self, context: ExternalContext, new: NewSession) -> None:
        """Opens a session for the account. One too many ends the longest unused one.

        Raises `LimitReached` and `StateUnavailable`.
        """
        account = account_id(new.principal.issuer, new.principal.user_id)
        self.admission.open_session(account)

        def longest_unused(open_ids: Sequence[McpSessionId]) -> McpSessionId | None:
            busy = self.admission.busy_sessions(account)
            idle = [each for each in open_ids if each not in busy]
            # Who listens to a session may still be there.
            heard = {each for each in idle if self.events.listeners(each)}
            in_order = self.sessions.longest_unused_first(idle)
            return next(iter(sorted(in_order, key=heard.__contains__)), None)

        async def give_way(session_id: McpSessionId) -> None:
            await self._end(context, session_id)
            logger.info("session %s gave way to a new one", ownership.short_name(session_id))

        await self.accounts.open_session(
            context, account, new.session_id, give_way=longest_unused, end=give_way
        )
        # Session fixation: only the server chooses a session id, and its owner is durable before
        # anybody learns the id.
        await ownership.open_session(
            context,
            new.session_id,
            new.principal,
            client_name=new.client_name,
            protocol_version=new.protocol_version,
            now_seconds=int(self.clock()),
        )
        self.vault.put(new.session_id, new.credential)
        logger.info(
            "session %s opened by %s with the client %.60r",
            ownership.short_name(new.session_id),
            new.principal.login,
            new.client_name,
        )

    async def end(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        principal: Principal,
        credential: GitHubCredential,
    ) -> None:
        """Ends a session as its client asks. Raises `StateUnavailable`."""
        await self._end(context, session_id, credential)
        account = account_id(principal.issuer, principal.user_id)
        await self.accounts.session_ended(context, account, session_id)
        logger.info("session %s ended by its client", ownership.short_name(session_id))

    async def _end(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        credential: GitHubCredential | None = None,
    ) -> None:
        # Missing is one whose opening had failed after it was counted.
        with contextlib.suppress(StateMissing):
            await ownership.close_session(context, session_id, now_seconds=int(self.clock()))
        self.sessions.forget(session_id)
        if credential is not None:
            # For a call whose request to GitHub was not answered: it sends nothing more, but it
            # still looks whether it has made a gist. Only now, when the end is durable: a call that
            # waits for this very credential would make a gist in a session that has ended.
            self.vault.put(session_id, credential)
        self.vault.retire(session_id)
        self.events.publish(session_id, SessionEnded())
