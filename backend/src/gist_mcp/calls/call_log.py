"""One line of the log for each tool call: which tool, for whom, how it ended, how long it took.

No argument and no result is in it: they belong to the person.
"""

import contextvars
import logging
import time
from dataclasses import dataclass, field

from gist_mcp.errors import GistMcpError, GitHubUnavailable

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class CallEnd:
    """How a call ends. `error` stays `None` for one that gives a result."""

    error: GistMcpError | None = None
    is_bug: bool = False
    begun_at_seconds: float = field(default_factory=time.monotonic)


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


def log_end(tool_name: str, login: str, end: CallEnd) -> None:
    """Logs the end of a call.

    A warning if GitHub is the cause, with what GitHub said, as the operator may have to act.
    """
    seconds = time.monotonic() - end.begun_at_seconds
    if end.is_bug:
        # The traceback is in the log already.
        logger.error("%s by %s: failed after %.2f s", tool_name, login, seconds)
    elif isinstance(end.error, GitHubUnavailable):
        reason = end.error.log_reason
        logger.warning("%s by %s: failed after %.2f s: %s", tool_name, login, seconds, reason)
    elif end.error is not None:
        kind = type(end.error).__name__
        logger.info("%s by %s: refused after %.2f s: %s", tool_name, login, seconds, kind)
    else:
        logger.info("%s by %s: done in %.2f s", tool_name, login, seconds)
