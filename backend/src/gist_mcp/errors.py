"""Everything that can go wrong on purpose, grouped by who must act.

`str(error)` is the text that a person or a model may read: plain, without secrets, and saying
what to do next. `log_reason` is for the operator and holds no secret either. Anything raised
that is not a `GistMcpError` is a bug.
"""

from collections.abc import Iterable


class GistMcpError(Exception):
    """Base of all deliberate errors."""

    def __init__(self, text: str, *, log_reason: str | None = None) -> None:
        super().__init__(text)
        self.log_reason = log_reason or text


class ConfigError(GistMcpError):
    """The operator must change a setting; `variable` names it. Stops the start."""

    def __init__(self, variable: str, text: str) -> None:
        super().__init__(f"{variable}: {text}")
        self.variable = variable


class OAuthError(GistMcpError):
    """The OAuth client did something wrong; `code` is from RFC 6749, 5.2 or its relatives.

    With `retry_after_seconds` nothing was decided: the same request may succeed after that time.
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        status_code: int = 400,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(description, log_reason=f"{code}: {description}")
        self.code = code
        self.status_code = status_code
        self.retry_after_seconds = retry_after_seconds


class SignInRequired(GistMcpError):
    """The credential is missing or dead: the user signs in again."""


class ScopeRequired(GistMcpError):
    """The credential is alive but lacks `scopes`: the user grants more."""

    def __init__(self, scopes: Iterable[str], text: str | None = None) -> None:
        self.scopes = frozenset(scopes)
        names = ", ".join(sorted(self.scopes))
        super().__init__(
            text or f"This needs the GitHub scope {names}. Sign in again and grant it."
        )


class AccountRefused(SignInRequired):
    """GitHub knows the credential and does not serve it: a suspended account, for example, or
    an organization's rule. Signing in again may help; the credential may also work again later.
    """


class AccountNotAllowed(SignInRequired):
    """The account is none of those that may use this server (`ALLOWED_USERS`). Signing in with
    another account may help.
    """

    def __init__(self) -> None:
        super().__init__(
            "This GitHub account may not use this server, which is for certain people only. Its "
            "operator decides who they are. Sign in with another account."
        )


class GitHubUnavailable(GistMcpError):
    """GitHub did not answer, or answered with a fault of its own; nothing was changed.

    `retry_after_seconds` says when to come back.
    """

    def __init__(self, text: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class AllowedUsersUnknown(GitHubUnavailable):
    """It is not known yet whether an account may use this server (`ALLOWED_USERS`)."""

    def __init__(self, retry_after_seconds: int, *, log_reason: str | None = None) -> None:
        super().__init__(
            "Who may use this server is still being looked up at GitHub. "
            f"Try again in {retry_after_seconds} seconds.",
            retry_after_seconds=retry_after_seconds,
        )
        self.log_reason = log_reason or "logins in ALLOWED_USERS are not looked up yet"


class ToolError(GistMcpError):
    """The model reads this one."""


class InvalidArgument(ToolError):
    """The named argument must change; call again."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text


class NotFound(ToolError):
    """There is no such thing for this user. Do not repeat."""


class Conflict(ToolError):
    """It cannot be done as things stand. Do not repeat."""


class ConfirmationNeeded(Conflict):
    """The person has to agree first. The text says how the call goes on, with a token for that."""

    def __init__(self, text: str) -> None:
        super().__init__(text, log_reason="a confirmation is needed")


class ReadOnly(Conflict):
    """Nothing may be changed: the operator (`READ_ONLY`) or the client (`X-MCP-Readonly`) says so.

    `by_operator` tells which of them.
    """

    def __init__(self, *, by_operator: bool) -> None:
        who = (
            "its operator has set READ_ONLY"
            if by_operator
            else "the client sends X-MCP-Readonly: true with its requests"
        )
        super().__init__(
            f"This server is read-only here: {who}. Tools that change something cannot be called; "
            "nothing was changed."
        )


class TakenOver(Conflict):
    """The call has changed nothing, and may not any more. Another call may have done it."""


class PermissionRequired(Conflict):
    """The token has permissions instead of scopes, and lacks one: its owner adds it, or the user
    signs in instead.
    """


class RateLimited(ToolError):
    """GitHub's limit is reached; nothing was changed."""

    def __init__(self, retry_after_seconds: int, *, kind: str = "limit") -> None:
        super().__init__(
            f"GitHub's {kind} is reached; nothing was changed. "
            f"Try again in {retry_after_seconds} seconds."
        )
        self.retry_after_seconds = retry_after_seconds


class LimitReached(ToolError):
    """A limit of this server for each account is reached; nothing was begun.

    `retry_after_seconds` says when there is room again.
    """

    def __init__(self, what: str, retry_after_seconds: int) -> None:
        super().__init__(f"{what} Nothing was done. Try again in {retry_after_seconds} seconds.")
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(ToolError):
    """The change may have happened: GitHub got the request and its answer was lost."""


class Cancelled(ToolError):
    """The client has cancelled the call or ended its session: no further side effects."""


class GitHubRefusesServer(GitHubUnavailable):
    """GitHub refuses this server itself (its client secret, its API version, its address).

    The operator must act, as `log_reason` says; nothing was changed. To everybody else it is
    an outage, never an invalid token.
    """

    def __init__(self, log_reason: str, *, retry_after_seconds: int = 60) -> None:
        super().__init__(
            "This server is not set up correctly at GitHub; nothing was changed. "
            "Its operator has to look into the log.",
            retry_after_seconds=retry_after_seconds,
        )
        self.log_reason = log_reason
