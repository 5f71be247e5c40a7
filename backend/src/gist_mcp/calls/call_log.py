"""One line of the log for each tool call: which tool, for whom, how it ended, how long it took.

No argument and no result is in it: they belong to the person.
"""

import contextvars
import logging
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gist_mcp.errors import (
    Cancelled,
    GistMcpError,
    GitHubUnavailable,
    LimitReached,
    OutcomeUnknown,
    RateLimited,
)
from gist_mcp.github.call_count import CallCount
from gist_mcp.logs.context import Field
from gist_mcp.logs.event import event
from gist_mcp.principal import GitHubUserId
from gist_mcp.telemetry import metrics

logger = logging.getLogger(__name__)

NO_TOOL: Final = "-"
"""In the place of a tool's name that no tool has: it may be any text."""


class Outcome(StrEnum):
    """How a call ends. The words are an interface: docs/logs.md has them."""

    DONE = "done"
    REFUSED = "refused"
    """It cannot be done as it was asked for, or as things stand."""
    LIMIT = "limit"
    """A limit of GitHub's or of ours is reached."""
    CANCELLED = "cancelled"
    """By its client."""
    UNKNOWN = "unknown"
    """What it was to change may have been changed."""
    UNAVAILABLE = "unavailable"
    """GitHub did not answer, or with a fault of its own."""
    FAILED = "failed"
    """A bug."""


@dataclass(frozen=True, kw_only=True)
class LoggedCall:
    """A call, as it is told of. `tool` is a name that a tool has, or `NO_TOOL`.

    `login` and `client_name` are for showing only. `client_id` is that of the OAuth client,
    `client_name` what the MCP client calls itself.
    """

    tool: str
    user_id: GitHubUserId
    login: str
    client_id: str
    client_name: str


@dataclass(kw_only=True)
class CallEnd:
    """How a call ends. `error` stays `None` for one that gives a result.

    `has_begun` is false for a call that was refused before anything of it was stored.
    `github_calls` counts the requests that it has sent to GitHub, in this process.
    """

    call: LoggedCall
    error: GistMcpError | None = None
    is_bug: bool = False
    has_begun: bool = True
    begun_at_seconds: float = field(default_factory=time.monotonic)
    github_calls: CallCount = field(default_factory=CallCount)

    @property
    def seconds(self) -> float:
        """How long it has taken, in this process."""
        return time.monotonic() - self.begun_at_seconds

    @property
    def outcome(self) -> Outcome:
        """The end in one word."""
        return Outcome.FAILED if self.is_bug else _outcome(self.error)


def _outcome(error: GistMcpError | None) -> Outcome:
    match error:
        case None:
            return Outcome.DONE
        case RateLimited() | LimitReached():
            return Outcome.LIMIT
        case Cancelled():
            return Outcome.CANCELLED
        case OutcomeUnknown():
            return Outcome.UNKNOWN
        case GitHubUnavailable():
            return Outcome.UNAVAILABLE
        case _:
            return Outcome.REFUSED


current_end: contextvars.ContextVar[CallEnd | None] = contextvars.ContextVar(
    "current_end", default=None
)
"""Where the tool that runs now notes its error, which DurableMCP makes a text of."""


def note_error(error: GistMcpError | None) -> None:
    """The running tool has failed: with a deliberate error, or with `None`, which is a bug."""
    end = current_end.get()
    if end is not None:
        end.error = error
        end.is_bug = error is None


def call_ended(end: CallEnd) -> None:
    """Tells of the end of a call: each comes here once, also one that was refused before it began.

    A call that the end of the process interrupts comes here when another process has ended it.
    """
    log_end(end)
    metrics.call_ended(
        tool=None if end.call.tool == NO_TOOL else end.call.tool,
        outcome=end.outcome,
        seconds=end.seconds if end.has_begun else None,
    )


def log_change(gist_id: str) -> None:
    """The running tool has made or changed a gist, and that is recorded."""
    end = current_end.get()
    if end is not None:
        told = event("changed", gist_id=gist_id, **whose(end.call))
        logger.info("%s by %s: changed %s", end.call.tool, end.call.login, gist_id, extra=told)


def log_end(end: CallEnd) -> None:
    """Logs the end of a call.

    A warning if GitHub is the cause, with what GitHub said, as the operator may have to act.
    """
    level, text = _told(end)
    logger.log(level, text, extra=event("tool_call", **_fields(end)))


def _told(end: CallEnd) -> tuple[int, str]:
    tool, login, seconds = end.call.tool, end.call.login, end.seconds
    if not end.has_begun:
        if isinstance(end.error, LimitReached):
            return logging.INFO, f"a call by {login}: {end.error.log_reason}"
        # The text of the error is not logged: it quotes the client.
        return logging.INFO, f"a call by {login}: refused before it began"
    if end.is_bug:
        # The traceback is in the log already.
        return logging.ERROR, f"{tool} by {login}: failed after {seconds:.2f} s"
    if isinstance(end.error, GitHubUnavailable):
        reason = end.error.log_reason
        return logging.WARNING, f"{tool} by {login}: failed after {seconds:.2f} s: {reason}"
    if end.error is not None:
        kind = type(end.error).__name__
        return logging.INFO, f"{tool} by {login}: refused after {seconds:.2f} s: {kind}"
    return logging.INFO, f"{tool} by {login}: done in {seconds:.2f} s"


def whose(call: LoggedCall) -> dict[str, Field]:
    """The fields that say which tool it is, for whom, and through which client."""
    return {
        "tool": call.tool,
        "account_id": call.user_id,
        "login": call.login,
        "client_id": call.client_id,
        "client_name": call.client_name,
    }


def _fields(end: CallEnd) -> dict[str, Field]:
    return {
        **whose(end.call),
        "outcome": end.outcome,
        "error": None if end.error is None else type(end.error).__name__,
        "duration_seconds": round(end.seconds, 3),
        "github_calls": end.github_calls.sent,
    }
