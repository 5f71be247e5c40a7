"""An expected error as a value: how a send or a look of a change has failed.

Steps return how they failed, because what follows depends on it: a kind, a text for people and a
waiting time, no secrets.
"""

from dataclasses import dataclass

from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
    TakenOver,
    ToolError,
)

MIN_PAUSE_SECONDS = 1.0
"""The shortest wait after a failure, whatever GitHub says."""


@dataclass(frozen=True, kw_only=True)
class StepFailure:
    """How a step failed. `kind` is the name of the error's class."""

    kind: str
    text: str
    scopes: tuple[str, ...] = ()
    retry_after_seconds: int = 0

    @classmethod
    def of(cls, error: GistMcpError) -> "StepFailure":
        """The failure as a value."""
        return cls(
            kind=type(error).__name__,
            text=str(error),
            scopes=tuple(sorted(error.scopes)) if isinstance(error, ScopeRequired) else (),
            retry_after_seconds=(
                error.retry_after_seconds
                if isinstance(error, RateLimited | GitHubUnavailable)
                else 0
            ),
        )

    @property
    def is_unreachable(self) -> bool:
        """GitHub did not take the request at all; a later try may succeed."""
        return self.kind == GitHubUnavailable.__name__

    @property
    def is_doubt(self) -> bool:
        """GitHub answered, and the answer does not say whether the change was made."""
        return self.kind == OutcomeUnknown.__name__

    @property
    def is_as_things_stand(self) -> bool:
        """It cannot be done as things are at GitHub, perhaps because an earlier send has done it:
        a gist that is deleted cannot be deleted.
        """
        return self.kind in (NotFound.__name__, Conflict.__name__, InvalidArgument.__name__)

    @property
    def may_pass(self) -> bool:
        """Waiting may help: GitHub is down, or a limit is reached."""
        return self.kind in (GitHubUnavailable.__name__, RateLimited.__name__)

    @property
    def pause_seconds(self) -> float:
        """How long to wait before asking again."""
        return max(MIN_PAUSE_SECONDS, float(self.retry_after_seconds))

    def error(self) -> GistMcpError:
        """The error, with the same text."""
        if self.kind == ScopeRequired.__name__:
            return ScopeRequired(self.scopes, self.text)
        if self.kind == SignInRequired.__name__:
            return SignInRequired(self.text)
        if self.kind == PermissionRequired.__name__:
            return PermissionRequired(self.text)
        if self.kind == TakenOver.__name__:
            return TakenOver(self.text)
        if self.kind == GitHubUnavailable.__name__:
            return GitHubUnavailable(self.text, retry_after_seconds=self.retry_after_seconds)
        return ToolError(self.text)
