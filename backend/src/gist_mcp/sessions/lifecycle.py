"""A session opens and ends: its own state, its account's, and what this process remembers of it."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reboot.aio.external import ExternalContext

from gist_mcp.github.credential import GitHubCredential
from gist_mcp.logs.event import event
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
    """A session that its client asks for. `can_be_asked`: the client shows questions."""

    session_id: McpSessionId
    principal: Principal
    credential: GitHubCredential
    client_name: str
    protocol_version: str
    can_be_asked: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionLifecycle:
    """Opens and ends the sessions of this process. `clock` gives Unix time in seconds."""

    sessions: SessionCache
    accounts: Accounts
    admission: Admission
    vault: CredentialVault
    events: SessionEvents
    clock: Callable[[], float]
    _opening: set[McpSessionId] = field(default_factory=set)

    async def open(self, context: ExternalContext, new: NewSession) -> None:
        """Opens a session for the account. One too many ends the longest unused one.

        Raises `LimitReached` and `StateUnavailable`.
        """
        account = account_id(new.principal.issuer, new.principal.user_id)
        self.admission.open_session(account)
        # Before it is counted: another one that opens now must not end it.
        self._opening.add(new.session_id)
        try:
            await self._open(context, account, new)
        finally:
            self._opening.discard(new.session_id)
        self.vault.put(new.session_id, new.credential)
        logger.info(
            "session %s opened by %s with the client %.60r",
            ownership.short_name(new.session_id),
            new.principal.login,
            new.client_name,
            extra=event(
                "session_opened",
                session=ownership.short_name(new.session_id),
                account_id=new.principal.user_id,
                login=new.principal.login,
                client_id=new.principal.client_id,
                client_name=new.client_name,
            ),
        )

    async def _open(self, context: ExternalContext, account: str, new: NewSession) -> None:
        """Counts the session and gives it its owner, both durably."""

        async def end_one(open_ids: Sequence[McpSessionId]) -> McpSessionId | None:
            return await self._end_longest_unused(context, account, open_ids)

        await self.accounts.open_session(context, account, new.session_id, end_one=end_one)
        # Session fixation: only the server chooses a session id, and its owner is durable before
        # anybody learns the id.
        await ownership.open_session(
            context,
            new.session_id,
            new.principal,
            client_name=new.client_name,
            protocol_version=new.protocol_version,
            can_be_asked=new.can_be_asked,
            now_seconds=int(self.clock()),
        )
        # Its client's next request may come later than another client's `initialize`.
        self.sessions.used(new.session_id)

    async def _end_longest_unused(
        self, context: ExternalContext, account: str, open_ids: Sequence[McpSessionId]
    ) -> McpSessionId | None:
        """The session that was ended for a new one, `None` if a call runs in each."""
        left = list(open_ids)
        while (chosen := self._longest_unused(account, left)) is not None:
            left.remove(chosen)
            if await self._end_idle(context, chosen):
                name = ownership.short_name(chosen)
                told = event("session_ended", session=name, reason="gave way to a new one")
                logger.info("session %s gave way to a new one", name, extra=told)
                return chosen
        return None

    def _longest_unused(
        self, account: str, open_ids: Sequence[McpSessionId]
    ) -> McpSessionId | None:
        """The one to be ended first, as far as this process knows; `None` if none may be."""
        kept = self.admission.busy_sessions(account) | self._opening
        idle = [each for each in open_ids if each not in kept]
        # Who listens to a session may still be there.
        heard = {each for each in idle if self.events.listeners(each)}
        in_order = self.sessions.longest_unused_first(idle)
        return next(iter(sorted(in_order, key=heard.__contains__)), None)

    async def _end_idle(self, context: ExternalContext, session_id: McpSessionId) -> bool:
        """Ends a session for a new one. False if a call runs in it."""
        has_ended = True
        # Missing is one whose opening had failed after it was counted.
        with contextlib.suppress(StateMissing):
            has_ended = await ownership.close_idle_session(
                context, session_id, now_seconds=int(self.clock())
            )
        if has_ended:
            self.let_go(session_id)
        return has_ended

    async def end(
        self,
        context: ExternalContext,
        session_id: McpSessionId,
        principal: Principal,
        credential: GitHubCredential,
    ) -> None:
        """Ends a session as its client asks. Raises `StateUnavailable`."""
        await ownership.close_session(context, session_id, now_seconds=int(self.clock()))
        # For a call whose request to GitHub was not answered: it sends nothing more, but it still
        # looks whether it has made a gist. Only now, when the end is durable: a call that waits for
        # this very credential would make a gist in a session that has ended.
        self.vault.put(session_id, credential)
        self.let_go(session_id)
        account = account_id(principal.issuer, principal.user_id)
        await self.accounts.session_ended(context, account, session_id)
        name = ownership.short_name(session_id)
        told = event("session_ended", session=name, reason="ended by its client")
        logger.info("session %s ended by its client", name, extra=told)

    async def end_from_outside(
        self, context: ExternalContext, account: str, session_id: McpSessionId
    ) -> None:
        """Ends a session of the account for its person. May be repeated, in any process.

        Durably everywhere. Only the session's own process also ends its streams, and forgets its
        credential at once. Raises `StateUnavailable`.
        """
        # Missing is one whose opening had failed after it was counted.
        with contextlib.suppress(StateMissing):
            await ownership.close_session(context, session_id, now_seconds=int(self.clock()))
        self.let_go(session_id)
        await self.accounts.session_ended(context, account, session_id)
        logger.info("session %s ended by its person", ownership.short_name(session_id))

    def let_go(self, session_id: McpSessionId) -> None:
        """Ends what this process has of a session that has ended: streams, and the credential."""
        self.sessions.forget(session_id)
        self.vault.retire(session_id)
        self.events.publish(session_id, SessionEnded())
