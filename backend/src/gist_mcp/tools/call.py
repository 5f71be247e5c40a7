"""A running tool call: its session, the session's owner, and the owner's newest credential."""

import asyncio
import functools
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from grpc.aio import AioRpcError
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.lowlevel.server import request_ctx
from reboot.aio.workflows import at_least_once
from reboot.mcp.server import DurableContext
from rebootdev.aio.aborted import Aborted

from gist_mcp import process
from gist_mcp.constants import REBOOT_RETRY_SECONDS
from gist_mcp.errors import (
    Cancelled,
    GistMcpError,
    PermissionRequired,
    ScopeRequired,
    SignInRequired,
    ToolError,
)
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.sessions import ownership
from gist_mcp.sessions.message_workflow import is_passing
from gist_mcp.tools.call_log import note_error
from gist_state.v1.mcp_session_rbt import McpSession

logger = logging.getLogger(__name__)

R = TypeVar("R")


class ToolRefused(PermissionError):
    """An expected error, as a tool raises it to DurableMCP.

    A `PermissionError`, because DurableMCP prints a traceback for every other exception.
    """


class InternalError(ToolError):
    """An unexpected exception. The log has its traceback under the request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Something went wrong on this server. Its log has the details as {request_id}."
        )


def tool_errors[**P, R](tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Turns what a tool raises into text for the model.

    Expected errors (`GistMcpError`) keep their text. A failure of Reboot's own calls, as when the
    server stops, is no result: the tool runs again, which repeats no step that has ended. Anything
    else is a bug: the model gets a request id, and the log the traceback.
    """

    @functools.wraps(tool)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await _until_reboot_serves(tool, *args, **kwargs)
        except GistMcpError as error:
            note_error(error)
            raise ToolRefused(error_text(error)) from None
        except Exception:
            # The text of an unexpected exception may hold what nobody outside may read.
            request_id = secrets.token_hex(6)
            logger.exception("Tool %s failed, request %s", tool.__name__, request_id)
            note_error(None)
            raise ToolRefused(
                f"{InternalError(request_id)} If the call was to change something, that may or may "
                "not have happened: look before calling again."
            ) from None

    return answered


async def _until_reboot_serves[**P, R](
    tool: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Runs a tool, again and again while Reboot's own calls fail."""
    # DurableMCP would make a result of the failure, and the call would have ended with it. To let
    # the failure end the workflow would not help: DurableMCP does not give a message to a workflow
    # twice within one process. When the process ends, Reboot cancels the wait here, and the next
    # process runs the tool again.
    context = cast(DurableContext, kwargs["context"])
    for pause_seconds in (*REBOOT_RETRY_SECONDS, None):
        checkpoint = context.checkpoint()
        try:
            return await tool(*args, **kwargs)
        except (Aborted, AioRpcError) as failure:
            if pause_seconds is None or not is_passing(failure):
                raise
            logger.warning("Tool %s is run again after: %s", tool.__name__, failure)
        await asyncio.sleep(pause_seconds)
        # As DurableMCP does to validate effects: the same steps by the same names.
        context.restore(checkpoint)
        context._event_aliases.clear()
    raise AssertionError("the last try returns or raises")


def error_text(error: GistMcpError) -> str:
    """The text of an error, with the address for signing in if that is what its reader must do."""
    if isinstance(error, SignInRequired | ScopeRequired | PermissionRequired):
        return f"{error} Sign in at {process.services().config.public_url}/oauth/authorize."
    return str(error)


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call of a tool. `issuer`, `user_id` and `login` are the session owner's."""

    context: DurableContext
    session_id: McpSessionId
    request_id: str
    issuer: str
    user_id: GitHubUserId
    login: str

    @property
    def workflow_id(self) -> str:
        """The id of this call, the same before and after a restart."""
        return str(self.context.workflow_id)

    async def credential(self, *scopes: str) -> GitHubCredential:
        """The newest credential of the session's owner. It has `scopes`, or GitHub does not say.

        After a restart it waits for the owner's next request, up to `RESUME_WAIT_SECONDS`. Raises
        `SignInRequired` when no request comes, `ScopeRequired` when a scope is missing, and
        `Cancelled`.
        """
        services = process.services()
        if services.vault.get(self.session_id) is None:
            await self.stop_if_cancelled()
        credential = await services.vault.wait_for(
            self.session_id, timeout_seconds=services.config.resume_wait_seconds
        )
        if credential is None:
            raise SignInRequired(
                "The server was restarted and its user has not been back since, so it has no "
                "sign-in to go on with."
            )
        # The first pass has checked this. It is checked again where the credential is used, because
        # a mistake here would make a gist in somebody else's account.
        if credential.user_id != self.user_id:
            raise SignInRequired("This session belongs to another GitHub account.")
        missing = [scope for scope in scopes if not grants(credential.scopes, scope)]
        if missing:
            raise ScopeRequired(missing)
        return credential

    async def read(
        self,
        alias: str,
        ask: Callable[[GitHubToken], Awaitable[R]],
        *,
        type: type[R],
        scopes: tuple[str, ...] = (),
    ) -> R:
        """Asks GitHub in a workflow step named `alias`. Reboot stores the answer, of `type`."""

        async def step() -> R:
            credential = await self.credential(*scopes)
            return await self.with_credential(credential, ask)

        return await at_least_once(alias, self.context, step, type=type)

    async def with_credential(
        self, credential: GitHubCredential, ask: Callable[[GitHubToken], Awaitable[R]]
    ) -> R:
        """Calls GitHub with the token of the credential. Raises what `ask` raises."""
        try:
            return await ask(credential.token)
        except (SignInRequired, ScopeRequired):
            # Without this a revoked token would be let in for `TOKEN_REVALIDATE_SECONDS`, and one
            # that has lost a scope would bring no challenge. It stays in the vault: the next call
            # must tell its owner to sign in, and not wait for an owner who is here already.
            process.services().verifier.forget(credential.token)
            raise

    async def stop_if_cancelled(self) -> None:
        """Raises `Cancelled` when the client has cancelled the call or ended the session."""
        session = await ownership.live_session(self.context, self.session_id)
        if session is None:
            raise Cancelled("The session was ended.")
        if self.request_id in session.cancelled_request_ids:
            raise Cancelled("The call was cancelled.")


async def begin(context: DurableContext, tool_name: str) -> ToolCall:
    """Starts a tool call. Raises `Cancelled` if the session has ended."""
    # An event for the client, before any side effect: a client that has received no event has no
    # event id with which to fetch the result after a lost connection.
    await context.info(f"{tool_name}: started")
    session_id = McpSessionId(context.state_id)
    owner = await McpSession.ref(session_id).always().owner(context)
    if not owner.issuer:
        raise Cancelled("The session was ended.")
    access_token = get_access_token()
    return ToolCall(
        context=context,
        session_id=session_id,
        request_id=str(request_ctx.get().request_id),
        issuer=owner.issuer,
        user_id=GitHubUserId(owner.user_id),
        # The second pass has put the caller's login there (`PrincipalVerifier`). Only for showing.
        login=access_token.client_id if access_token else "",
    )


IMPLIED_SCOPES = {"read:user": "user"}
"""Scopes that a wider one includes; GitHub reports only the wider one (GitHub Docs, scopes)."""


def grants(granted: frozenset[str] | None, scope: str) -> bool:
    """True if the granted scopes include `scope`, by themselves or within a wider one.

    Also if they are unknown (`None`): then GitHub's answer to the call decides.
    """
    if granted is None:
        return True
    return scope in granted or IMPLIED_SCOPES.get(scope, scope) in granted
