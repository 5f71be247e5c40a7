"""The only writer of `AllowedUsers`: for which account each login in `ALLOWED_USERS` stands.

The first answer that is recorded for a login stays until the login leaves the setting, whoever has
the login later. That a login is nobody's is remembered for one run of the application, so that it
is asked again at the next start. Writers may be run twice by Reboot's effect validation and hold no
memory.
"""

from collections.abc import Collection, Sequence

from reboot.aio.contexts import WriterContext

from gist_mcp.allowed_users import is_managed
from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.allowed_users import AllowedUserRecord
from gist_state.v1.allowed_users_rbt import AllowedUsers


class AllowedUsersServicer(AllowedUsers.Servicer):
    """The one state of the deployment."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def begin(
        self, context: WriterContext, request: AllowedUsers.BeginRequest
    ) -> AllowedUsers.BeginResponse:
        """What is known of the logins in the setting. Drops the rest, once in a run."""
        records = self.state.records or []
        if self.state.issuer != request.issuer:
            # Another GitHub: the same number is another person there.
            records = []
        if self.state.incarnation != request.incarnation:
            records = kept(records, request.logins)
        self.state.issuer = request.issuer
        self.state.incarnation = request.incarnation
        self.state.records = records
        return AllowedUsers.BeginResponse(records=records)

    async def record(
        self, context: WriterContext, request: AllowedUsers.RecordRequest
    ) -> AllowedUsers.RecordResponse:
        """Records what a login stands for, unless that is on record."""
        new = AllowedUserRecord(
            login=request.login, user_id=request.user_id, resolved_at_seconds=request.now_seconds
        )
        records = self.state.records or []
        standing = first_answer(find(records, request.login), new)
        self.state.records = [each for each in records if each.login != new.login] + [standing]
        return AllowedUsers.RecordResponse(user_id=standing.user_id)


def find(records: Sequence[AllowedUserRecord], login: str) -> AllowedUserRecord | None:
    """The record of a login, if there is one."""
    return next((each for each in records if each.login == login), None)


def kept(records: Sequence[AllowedUserRecord], logins: Collection[str]) -> list[AllowedUserRecord]:
    """The records that a new run goes on with: of logins that are in its setting and an account's.

    So the state is as long as the setting at most, and a login that was taken out and put back is
    looked up anew.
    """
    wanted = frozenset(logins)
    return [each for each in records if each.login in wanted and each.user_id is not None]


def first_answer(known: AllowedUserRecord | None, new: AllowedUserRecord) -> AllowedUserRecord:
    """Which of two answers counts."""
    if known is None:
        return new
    # A login that was nobody's at the start lets nobody in who takes it later: whoever reads the
    # warning in the log could register it. A managed user's login can be taken by nobody outside of
    # the enterprise, and GitHub shows it to nobody else before that user signs in.
    is_found = known.user_id is None and new.user_id is not None and is_managed(new.login)
    return new if is_found else known
