"""A running tool call: its session, the session's owner, and the owner's newest credential."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.constants import (
    CANCELLED_POLL_SECONDS,
    MAX_LIMIT_WAITS,
    SHORT_LIMIT_SECONDS,
)
from gist_mcp.errors import (
    Cancelled,
    GistMcpError,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.credential import GitHubCredential, GitHubToken, grants
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.servicers.unlogged_call import Caller, StateUnavailable
from gist_mcp.sessions.calls import note_checkpoint

logger = logging.getLogger(__name__)

R = TypeVar("R")


class CallEffect(Protocol):
    """What a call changes elsewhere, from the moment when it is going to."""

    async def ended_with(self, error: GistMcpError) -> GistMcpError:
        """Ends it, for a call that ends with `error`. The error that says what is known of it."""


@dataclass(frozen=True, kw_only=True)
class RunningCall:
    """The call that a workflow carries out.

    `issuer` and `user_id` are the session owner's; `login` is for showing only. `can_be_asked`: its
    client shows questions, and takes the stream on which they are sent. `runner` names the
    call in the ledger: the same before and after a restart, and after an upgrade. `is_adopted`: an
    older release began it, and may have sent what it was to send. `begun_at_seconds` is Unix time;
    of an adopted call only that of its session is known, which is earlier. `cancelled` tells why
    the call may have no further side effects, or `None`. `steps` has what its steps have given in
    this process. `checkpoint` is what its tool has kept in an earlier process, or empty; `said` are
    the progress messages of this one. `effects` has what it changes, one for each name. `tool_name`
    and `client_name`, what the client calls itself, are for the audit log.
    """

    session_id: McpSessionId
    request_id: str
    issuer: str
    user_id: GitHubUserId
    login: str
    can_be_asked: bool
    runner: str
    is_adopted: bool
    begun_at_seconds: int
    reboot: Caller
    cancelled: Callable[[], Awaitable[str | None]]
    steps: dict[str, Any]
    checkpoint: str = ""
    said: list[str] = field(default_factory=list)
    effects: dict[str, CallEffect] = field(default_factory=dict)
    tool_name: str = ""
    client_name: str = ""


current_call: contextvars.ContextVar[RunningCall] = contextvars.ContextVar("current_call")
"""The call whose tool runs now. Set by its workflow."""


@dataclass(frozen=True)
class _Failed:
    """A step that has ended with an expected error."""

    error: GistMcpError


@dataclass(frozen=True)
class ToolCall:
    """A running call, as its tool sees it. `context` reports progress."""

    running: RunningCall
    context: DurableContext

    @property
    def login(self) -> str:
        """The owner's login, for showing."""
        return self.running.login

    async def step(self, name: str, work: Callable[[], Awaitable[R]]) -> R:
        """What `work` gives or raises. It is done once in this process, if the tool runs again too.

        A tool runs again while Reboot validates its effects, or after Reboot did not serve for a
        moment. After a restart nothing is remembered here: what must not be done twice then is
        recorded in durable state before it is done.
        """
        steps = self.running.steps
        if name not in steps:
            try:
                steps[name] = await work()
            except StateUnavailable:
                raise
            except GistMcpError as error:
                # As done as a result: what GitHub has refused it is not asked for once more.
                steps[name] = _Failed(error)
        done = steps[name]
        if isinstance(done, _Failed):
            raise done.error
        return cast(R, done)

    async def credential(self, *scopes: str) -> GitHubCredential:
        """A credential of the session's owner that has `scopes`, or of which GitHub does not say.
        The newest one, unless a newer one has fewer.

        After a restart it waits for the owner's next request, up to `RESUME_WAIT_SECONDS`. Raises
        `SignInRequired` when no request comes, `ScopeRequired` when a scope is missing, and
        `Cancelled`.
        """
        services = process.services()
        credential = services.vault.get(self.running.session_id, *scopes)
        if credential is None:
            await self.stop_if_cancelled()
            with services.admission.away(self.running.request_id):
                credential = await services.vault.wait_for(
                    self.running.session_id,
                    *scopes,
                    timeout_seconds=services.config.resume_wait_seconds,
                )
        if credential is None:
            raise SignInRequired(
                "The server was restarted and its user has not been back since, so it has no "
                "sign-in to go on with."
            )
        # The endpoint has checked this. It is checked again where the credential is used, because
        # a mistake here would make a gist in somebody else's account.
        if credential.user_id != self.running.user_id:
            raise SignInRequired("This session belongs to another GitHub account.")
        missing = [scope for scope in scopes if not grants(credential.scopes, scope)]
        if missing:
            raise ScopeRequired(missing)
        return credential

    async def read(
        self,
        name: str,
        ask: Callable[[GitHubToken], Awaitable[R]],
        *,
        scopes: tuple[str, ...] = (),
    ) -> R:
        """Asks GitHub in a step named `name`."""

        async def work() -> R:
            credential = await self.credential(*scopes)
            return await self.with_credential(credential, ask)

        # Not durable: to ask again after a restart harms nobody.
        return await self.step(name, work)

    async def with_credential(
        self, credential: GitHubCredential, ask: Callable[[GitHubToken], Awaitable[R]]
    ) -> R:
        """Calls GitHub with the token of the credential. Raises what `ask` raises, and `Cancelled`.

        Where GitHub's limit is reached for a short time only, it waits and calls `ask` again: what
        GitHub has refused for a limit has had no effect.
        """
        for _ in range(MAX_LIMIT_WAITS):
            try:
                return await self.with_credential_at_once(credential, ask)
            except RateLimited as limit:
                if limit.retry_after_seconds > SHORT_LIMIT_SECONDS:
                    raise
                seconds = limit.retry_after_seconds
            await self.tell_of_wait(seconds)
            await self._sleep_unless_cancelled(seconds)
        return await self.with_credential_at_once(credential, ask)

    async def with_credential_at_once(
        self, credential: GitHubCredential, ask: Callable[[GitHubToken], Awaitable[R]]
    ) -> R:
        """The same, without waiting for a limit."""
        try:
            return await ask(credential.token)
        except (SignInRequired, ScopeRequired):
            # Without this a revoked token would be let in for `TOKEN_REVALIDATE_SECONDS`, and one
            # that has lost a scope would bring no challenge. The last one stays in the vault: the
            # next call must tell its owner to sign in, and not wait for an owner who is here
            # already.
            process.services().verifier.forget(credential.token)
            process.services().vault.refused(self.running.session_id, credential.token)
            raise

    async def _sleep_unless_cancelled(self, seconds: float) -> None:
        """Raises `Cancelled` soon after the call was cancelled."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while (left_seconds := ends_at - loop.time()) > 0:
            await asyncio.sleep(min(left_seconds, CANCELLED_POLL_SECONDS))
            await self.stop_if_cancelled()

    async def tell_of_wait(self, seconds: float) -> None:
        """Tells the client that the call waits for GitHub's limit."""
        await self.tell(f"GitHub's limit is reached. The call goes on in {seconds:g} seconds.")

    async def tell(self, message: str) -> None:
        """Tells the client, if it wants to know, how far the call has come (MCP, progress)."""
        self.running.said.append(message)
        # Each progress must be more than the one before.
        await self.context.report_progress(float(len(self.running.said)), message=message)

    async def keep_checkpoint(self, checkpoint: str) -> None:
        """Keeps how far the call has come, durably, for `running.checkpoint` after a restart.

        What durable state does not take now is done again then.
        """
        running = self.running
        try:
            await note_checkpoint(
                running.reboot, running.session_id, running.request_id, checkpoint
            )
        except StateUnavailable as failure:
            logger.info("how far a call has come was not kept: %s", failure.log_reason)

    async def stop_if_cancelled(self) -> None:
        """Raises `Cancelled` when the client has cancelled the call or ended the session."""
        reason = await self.running.cancelled()
        if reason is not None:
            raise Cancelled(reason)


def running_call(context: DurableContext) -> ToolCall:
    """The call that the tool was called for."""
    return ToolCall(current_call.get(), context)
