"""The error with which `create_gist` ends: its text says whether the gist may exist."""

from gist_mcp.calls.call import error_text
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


def final_error(error: GistMcpError, *, maybe_sent: bool) -> GistMcpError:
    """The error that the call ends with. It is `OutcomeUnknown` exactly if the gist may exist.

    `error` is what stopped the call. `maybe_sent` is true if a request to create the gist may have
    reached GitHub and its outcome is not known.
    """
    if isinstance(error, OutcomeUnknown):
        return error
    if maybe_sent:
        return outcome_unknown(error)
    if isinstance(error, TakenOver) or UNCHANGED in str(error):
        return error
    text = f"The gist was not made. {error}"
    if isinstance(error, SignInRequired):
        return SignInRequired(text)
    if isinstance(error, ScopeRequired):
        return ScopeRequired(error.scopes, text)
    if isinstance(error, PermissionRequired):
        return PermissionRequired(text)
    return ToolError(text)


def error_after(error: GistMcpError, url: str) -> ToolError:
    """The error of a call that has made its gist, and failed after that."""
    return ToolError(f"The gist was made: {url}. {error}")


def outcome_unknown(reason: GistMcpError) -> OutcomeUnknown:
    """The error of a call that may have created the gist. `reason`: why it cannot find out."""
    # "Nothing was changed" is true of the last request only, and would be read as true of the call.
    why = error_text(reason).replace(f"; {UNCHANGED}", "")
    return OutcomeUnknown(
        f"It is not known whether the gist was made: {why} Look at list_my_gists before "
        "calling again; a call with the same idempotency_key looks by itself."
    )
