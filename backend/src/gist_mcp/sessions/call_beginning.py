"""Begins a tool call, if its account may begin one now."""

from collections.abc import Callable
from dataclasses import dataclass

from reboot.aio.external import ExternalContext

from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import Admission, CallName
from gist_mcp.sessions.calls import SessionCalls, is_repeated
from gist_mcp.sessions.hop import Authenticated
from gist_mcp.sessions.new_call import NewCall
from gist_mcp.tokens.grants import account_id


@dataclass(frozen=True)
class CallBeginning:
    """Begins the calls of the sessions that a process owns."""

    calls: SessionCalls
    admission: Admission
    accounts: Accounts

    async def begin(
        self,
        context: ExternalContext,
        caller: Authenticated,
        call: NewCall,
        size_bytes: int,
        *,
        on_waiting: Callable[[], None],
    ) -> str | None:
        """Our id of the call, begun durably or found as the one that this request repeats.

        `None` if the session has ended. `on_waiting` is called before a wait in line. Raises
        `LimitReached`: nothing has begun; and `StateUnavailable`.
        """
        principal = caller.principal
        account = account_id(principal.issuer, principal.user_id)
        name = CallName(account=account, session_id=caller.session_id, call_id=call.request_id)
        if not self.admission.has_place_now(account) and await is_repeated(
            context, caller.session_id, call
        ):
            # It needs no place: the call that it repeats has one, or has ended.
            return await self.calls.begin(context, caller.session_id, call)
        await self.accounts.check_room(context, account, call.stored_bytes)
        if not self.admission.has_place_now(account):
            on_waiting()
        await self.admission.begin(name, size_bytes)
        try:
            request_id = await self.calls.begin(context, caller.session_id, call)
        except BaseException:
            # If it has begun all the same, its workflow takes the place again.
            self.admission.end(call.request_id)
            raise
        if request_id != call.request_id:
            self.admission.repeated(name, size_bytes)
        else:
            await self.accounts.note(context, account, stored_bytes=call.stored_bytes)
        return request_id
