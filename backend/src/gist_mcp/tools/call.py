"""One running tool call: its session, its owner, and the credential it may use right now."""

import functools
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.lowlevel.server import request_ctx
from reboot.aio.workflows import at_least_once
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.errors import (
    Cancelled,
    GistMcpError,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.sessions import ownership

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class ToolRefused(PermissionError):
    """A deliberate failure on its way to the model.

    A `PermissionError`, because that is the one exception that DurableMCP passes on without
    printing a traceback.
    """


def tool_errors(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Turns what a tool raises into text for the model.

    Deliberate errors keep their text. Anything else is a bug: the model gets a request id,
    the log the traceback.
    """

    @functools.wraps(tool)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await tool(*args, **kwargs)
        except GistMcpError as error:
            raise ToolRefused(_text(error)) from None
        except Exception:
            request_id = secrets.token_hex(6)
            logger.exception("Tool %s failed, request %s", tool.__name__, request_id)
            raise ToolRefused(
                f"Something went wrong on this server. Its log has the details as {request_id}."
            ) from None

    return answered


def _text(error: GistMcpError) -> str:
    public_url = process.services().config.public_url
    if isinstance(error, SignInRequired | ScopeRequired):
        return f"{error} Sign in at {public_url}/oauth/authorize, then call again."
    return str(error)


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """What the steps of a tool work with."""

    context: DurableContext
    session_id: McpSessionId
    request_id: str
    issuer: str
    user_id: GitHubUserId
    login: str

    @property
    def workflow_id(self) -> str:
        """Names this call for ever: the same before and after a restart."""
        return str(self.context.workflow_id)

    async def credential(self, *scopes: str) -> GitHubCredential:
        """The newest credential of the session's owner, which has `scopes`.

        Waits for the owner to come back if the process has restarted meanwhile. Raises
        `SignInRequired` when nobody comes, `ScopeRequired` when a scope is missing.
        """
        services = process.services()
        credential = await services.vault.wait_for(
            self.session_id, timeout_seconds=services.config.resume_wait_seconds
        )
        if credential is None:
            raise SignInRequired(
                "The server was restarted and you have not been back since, so it has no "
                "credential to go on with."
            )
        # The front door has checked this. It is checked again where the credential is used.
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
        """Asks GitHub something in a named workflow step and remembers the answer."""

        async def step() -> R:
            credential = await self.credential(*scopes)
            return await self.with_credential(credential, ask)

        return await at_least_once(alias, self.context, step, type=type)

    async def with_credential(
        self, credential: GitHubCredential, ask: Callable[[GitHubToken], Awaitable[R]]
    ) -> R:
        """Calls GitHub; a token that GitHub refuses is forgotten everywhere at once."""
        try:
            return await ask(credential.token)
        except SignInRequired:
            services = process.services()
            services.verifier.forget(credential.token)
            services.vault.discard(self.session_id, credential)
            raise

    async def stop_if_cancelled(self) -> None:
        """Raises `Cancelled` when the client has cancelled the call or ended the session."""
        session = await ownership.living_session(self.context, self.session_id)
        if session is None:
            raise Cancelled("The session was ended.")
        if self.request_id in session.cancelled_request_ids:
            raise Cancelled("The call was cancelled.")


async def begin(context: DurableContext, tool_name: str) -> ToolCall:
    """Starts a tool call: an event for the client first, then the owner of the session.

    The event comes before any side effect, because a client that has received none has no
    event id with which to fetch the result after a lost connection.
    """
    await context.info(f"{tool_name}: started")
    session_id = McpSessionId(context.state_id)
    session = await ownership.living_session(context, session_id)
    if session is None:
        raise Cancelled("The session was ended.")
    access_token = get_access_token()
    return ToolCall(
        context=context,
        session_id=session_id,
        request_id=str(request_ctx.get().request_id),
        issuer=session.issuer,
        user_id=session.user_id,
        # The front door put the caller's login there; it is for showing only.
        login=access_token.client_id if access_token else "",
    )


IMPLIED_SCOPES = {"read:user": "user"}
"""Scopes that a wider one includes; GitHub reports only the wider one (GitHub Docs, scopes)."""


def grants(granted: frozenset[str], scope: str) -> bool:
    """True if the granted scopes include `scope`, by themselves or within a wider one."""
    return scope in granted or IMPLIED_SCOPES.get(scope, scope) in granted


Tool = Callable[..., Awaitable[Any]]
