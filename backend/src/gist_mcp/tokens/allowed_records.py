"""Calls to the `AllowedUsers` state: for which account each login in `ALLOWED_USERS` stands."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from pydantic import SecretStr

from gist_mcp.framework.placement import owns, server_that_reaches
from gist_mcp.framework.private_names import use_application_id
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.unlogged_call import (
    Caller,
    FrontDoorCaller,
    StateUnavailable,
    call_without_key,
)
from gist_state.v1 import allowed_users_pb2 as messages
from gist_state.v1.allowed_users_pb2_grpc import AllowedUsersMethodsStub
from gist_state.v1.allowed_users_rbt import AllowedUsers

STATE_ID: Final = "allowed-users"
"""There is one state for the deployment."""


class AllowedUserRecords:
    """What is on record. `reach` gives the right and the channel to call durable state, also where
    there is no request. `issuer` is GitHub's web address, `incarnation` names this run.
    """

    def __init__(
        self,
        reach: Callable[[], AbstractContextManager[Caller]],
        *,
        issuer: str,
        incarnation: str,
    ) -> None:
        self._reach = reach
        self._issuer = issuer
        self._incarnation = incarnation

    async def begin(self, logins: Iterable[str]) -> dict[str, int | None]:
        """What is known of these logins, the setting's: the account's id, or `None` for nobody's.

        Whatever is of no use for this run is dropped, once. Raises `StateUnavailable`.
        """
        request = messages.AllowedUsersBeginRequest(
            issuer=self._issuer,
            incarnation=self._incarnation,
            logins=messages.AllowedUsersBeginRequest.LoginsArray(elements=sorted(logins)),
        )
        answer = await self._call("Begin", request)
        return {each.login: _user_id(each) for each in answer.records.elements}

    async def record(
        self, login: str, user_id: GitHubUserId | None, *, now_seconds: int
    ) -> int | None:
        """Records GitHub's answer about a login. What counts: the first one that was recorded.

        Raises `StateUnavailable`.
        """
        request = messages.AllowedUsersRecordRequest(
            login=login, user_id=user_id, now_seconds=now_seconds
        )
        return _user_id(await self._call("Record", request))

    async def _call(self, method: str, request: object) -> Any:
        with self._reach() as caller:
            return await call_without_key(
                caller, AllowedUsers, AllowedUsersMethodsStub, STATE_ID, method, request
            )


def reach_as_front_door(secret: SecretStr) -> Callable[[], AbstractContextManager[Caller]]:
    """`reach` for a server process. `secret` is what the front door shows to Reboot."""

    @contextmanager
    def reach() -> Iterator[Caller]:
        server = server_that_reaches(AllowedUsers.__state_type_name__, STATE_ID)
        if server is None:
            raise StateUnavailable("The server is starting; try again.")
        with use_application_id(server.application_id):
            yield FrontDoorCaller(server.channel_manager, secret.get_secret_value())

    return reach


def is_owned_here() -> bool:
    """True in the one process that looks logins up. A process that starts may not know it yet."""
    return owns(AllowedUsers.__state_type_name__, STATE_ID)


def _user_id(answer: Any) -> int | None:
    # Reboot's numbers are floating-point numbers on the wire.
    return int(answer.user_id) if answer.HasField("user_id") else None
