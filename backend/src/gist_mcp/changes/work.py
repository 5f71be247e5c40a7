"""What a change is: how it is sent, how it is found again, and what is said of it.

Each kind of change is a `Work`. `change_once` carries any of them out so that it happens once.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from gist_mcp.calls.call import ToolCall
from gist_mcp.constants import CLOCK_SKEW_SECONDS, LOOK_DELAYS_SECONDS
from gist_mcp.errors import ToolError
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist

GIST_SCOPE = "gist"


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a change has led to: the id and the page of a gist, or of a comment.

    `gist` is GitHub's answer, where there was one: after a restart there may be none. So it is with
    `previous_revision`, the SHA of the version before the change, and with `note`, what else the
    caller should know.
    """

    id: str
    url: str
    gist: Gist | None = None
    previous_revision: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """How the end of a change is told. Whole sentences, except `unknown`, which a reason follows.

    `made` has the place `{url}`. `advice`: what to do when the outcome is not known.
    """

    not_made: str
    made: str
    unknown: str
    advice: str


class NeverMade(ToolError):
    """A look has seen for certain that the change was not made, and it cannot be made now."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look may use to find out whether the change was made.

    `note` is what `Work.prepare` gave before the send that is looked for. `claim` is true if what
    has that name is now, or already was, the result of this change; `has_claimed` asks and changes
    nothing. Both raise `StateUnavailable`, `claim` also `Conflict` when it is too late.
    """

    token: GitHubToken
    intended_at_seconds: int
    note: str
    has_claimed: Callable[[str], Awaitable[bool]]
    claim: Callable[[str], Awaitable[bool]]

    @property
    def since(self) -> datetime:
        """Nothing that this change has made is older, by GitHub's clock."""
        return datetime.fromtimestamp(self.intended_at_seconds - CLOCK_SKEW_SECONDS, UTC)


class Work(ABC):
    """One change that a call is to make at GitHub.

    `gist_id` is the gist that it is about; empty for one that is to be made. `look_delays_seconds`
    are the pauses before each look of a call that may have sent: a change that is not found after
    the last of them was not made.
    """

    words: ClassVar[Words]
    look_delays_seconds: ClassVar[tuple[float, ...]] = LOOK_DELAYS_SECONDS
    gist_id: str = ""

    def digests(self) -> dict[str, str]:
        """SHA-256 of each argument, to recognize the same request without storing it."""
        return {}

    async def approve(self, call: ToolCall, claim: Callable[[str], Awaitable[bool]]) -> None:
        """Asks for what must be allowed, before anything is sent. Raises what refuses it.

        Called once in each run of the tool, after the looks of a change that may have been sent:
        what is found is not asked about. `claim` is as in `Look`. A tool that runs again approves
        again: what it reads and asks are steps of the call.
        """
        return

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Held from `prepare` until the send has ended, where changes must not cross each other."""
        return nullcontext()

    async def prepare(self, token: GitHubToken) -> str:
        """Reads, right before each send, what the change depends on. A note for `look`, kept
        durably from before the send: what would tell that this send has been made.

        Raises what refuses the change as things stand.
        """
        return ""

    async def prepare_again(self, token: GitHubToken, note: str) -> str:
        """Like `prepare`, for a change that was sent before with this note. A look has found
        nothing of it, but it may have been made since.
        """
        return await self.prepare(token)

    @abstractmethod
    async def send(self, token: GitHubToken, note: str) -> Made:
        """Sends it, as the writes of `GitHubClient` do. `note` is what `prepare` has just given."""

    @abstractmethod
    async def look(self, look: Look) -> Made | None:
        """What the change has led to; `None` if it is certain that there is nothing.

        Raises `OutcomeUnknown` where GitHub's answers do not tell, and `NeverMade`.
        """

    def changed_gist(self, made: Made) -> str:
        """The gist that was made or changed."""
        return made.id

    def claim_name(self, made: Made) -> str:
        """By which name the result belongs to this change alone; empty if it need not."""
        return ""
