"""The error with which `create_gist` ends: its text says whether the gist may exist."""

from gist_mcp.errors import GistMcpError, OutcomeUnknown, SignInRequired, ToolError
from gist_mcp.tools.call import InternalError, error_text


def final_error(error: GistMcpError, *, maybe_sent: bool) -> GistMcpError:
    """The error that the call ends with. It is `OutcomeUnknown` exactly if the gist may exist.

    `error` is what stopped the call. `maybe_sent` is true if a request to create the gist may have
    reached GitHub and its outcome is not known.
    """
    if isinstance(error, OutcomeUnknown):
        return error
    if maybe_sent:
        return outcome_unknown(error)
    if isinstance(error, SignInRequired):
        return SignInRequired(f"The gist was not made. {error}")
    if isinstance(error, InternalError):
        return ToolError(f"The gist was not made. {error}")
    return error


def outcome_unknown(reason: GistMcpError) -> OutcomeUnknown:
    """The error of a call that may have created the gist. `reason`: why it cannot find out."""
    # "Nothing was changed" is true of the last request only, and would be read as true of the call.
    why = error_text(reason).replace("; nothing was changed", "")
    return OutcomeUnknown(
        f"It is not known whether the gist was made: {why} Look at list_my_gists before "
        "calling again; a call with the same idempotency_key looks by itself."
    )
