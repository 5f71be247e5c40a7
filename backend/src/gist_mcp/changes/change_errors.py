"""The error with which a change ends: its text says whether the change may have been made."""

from gist_mcp.calls.tool_errors import error_text
from gist_mcp.changes.work import NeverMade, Words
from gist_mcp.errors import (
    GistMcpError,
    OutcomeUnknown,
    PermissionRequired,
    ScopeRequired,
    SignInRequired,
    TakenOver,
    ToolError,
)

UNCHANGED = "nothing was changed"
"""In the text of each error with which GitHub, or the way to it, has refused."""


def final_error(error: GistMcpError, words: Words, *, maybe_sent: bool) -> GistMcpError:
    """The error that the call ends with. It is `OutcomeUnknown` exactly if it may have been made.

    `error` is what stopped the call. `maybe_sent` is true if a request to make the change may
    have reached GitHub and its outcome is not known.
    """
    if isinstance(error, OutcomeUnknown):
        return error
    if maybe_sent and not isinstance(error, NeverMade):
        return outcome_unknown(error, words)
    if isinstance(error, TakenOver) or UNCHANGED in str(error):
        return error
    text = f"{words.not_made} {error}"
    if isinstance(error, SignInRequired):
        return SignInRequired(text)
    if isinstance(error, ScopeRequired):
        return ScopeRequired(error.scopes, text)
    if isinstance(error, PermissionRequired):
        return PermissionRequired(text)
    return ToolError(text)


def error_after(error: GistMcpError, words: Words, url: str) -> ToolError:
    """The error of a call that has made its change, and failed after that."""
    return ToolError(f"{words.made.format(url=url)} {error}")


def outcome_unknown(reason: GistMcpError, words: Words) -> OutcomeUnknown:
    """The error of a call that may have made the change. `reason`: why it cannot find out."""
    # "Nothing was changed" is true of the last request only, and would be read as true of the call.
    why = error_text(reason).replace(f"; {UNCHANGED}", "")
    return OutcomeUnknown(f"{words.unknown}: {why} {words.advice}")
