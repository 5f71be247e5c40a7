"""How a call that makes a gist ends, in words that say whether there may be one."""

from gist_mcp.errors import GistMcpError, OutcomeUnknown, SignInRequired, ToolError
from gist_mcp.tools.call import Bug, error_text


def end_of(error: GistMcpError, *, maybe_sent: bool) -> GistMcpError:
    """The error that the call ends with; `OutcomeUnknown` exactly if there may be a gist.

    `error` is what stopped it; `maybe_sent`, whether something was sent of which it is not known
    what became of it.
    """
    if isinstance(error, OutcomeUnknown):
        return error
    if maybe_sent:
        return unknown(error)
    if isinstance(error, SignInRequired):
        return SignInRequired(f"The gist was not made. {error}")
    if isinstance(error, Bug):
        return ToolError(f"The gist was not made. {error}")
    return error


def unknown(reason: GistMcpError) -> OutcomeUnknown:
    """The end of a call that may have sent and cannot find out."""
    # What a refusal says of changes is said of the last request only.
    why = error_text(reason).replace("; nothing was changed", "")
    return OutcomeUnknown(
        f"It is not known whether the gist was made: {why} Look at list_my_gists before "
        "calling again; a call with the same idempotency_key looks by itself."
    )
