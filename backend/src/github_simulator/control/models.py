"""What the control API reads and writes, as JSON."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from github_simulator.control.faults import Fault
from github_simulator.control.request_log import LoggedRequest
from github_simulator.model import Gist, TokenKind

MAX_WAIT_SECONDS = 60.0


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Release(_Request):
    """How held requests go on."""

    drop: bool = False


class NewToken(_Request):
    """A token to make without a sign-in."""

    kind: TokenKind = "classic"
    scopes: list[str] = []
    expires: bool = False


class NewAccount(_Request):
    """An account to make."""

    login: str = Field(min_length=1)


class AccountChange(_Request):
    """Fields of an account to change; absent ones stay."""

    login: str | None = Field(default=None, min_length=1)
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class GrantChange(_Request):
    """The scopes that a user leaves the app."""

    scopes: list[str]


class RemainingChange(_Request):
    """Requests that a user has left in this hour."""

    remaining: int = Field(ge=0)


class Revocation(_Request):
    """Whose tokens die: one user's or everybody's; only the app's or personal ones too."""

    login: str | None = None
    only_app: bool = False


class GistContent(_Request):
    """A gist to make without a request to the API."""

    files: dict[str, str] = Field(min_length=1)
    description: str | None = None
    public: bool = False
    count: int = Field(default=1, ge=1, le=5000)


class GistChange(_Request):
    """What GitHub itself does to a gist; absent fields stay.

    `shown_as` makes every answer show the gist with these fields, as no description of GitHub
    has them: for clients that must not fall over one odd gist.
    """

    blocked: bool | None = None
    shown_as: dict[str, Any] | None = None


class GistView(BaseModel):
    """A gist with its contents, lagging lists or not."""

    gist_id: str
    owner_id: int
    public: bool
    description: str | None
    files: dict[str, str]
    created_at: float
    updated_at: float
    revisions: int
    starred_by: list[int]
    comments: list[str]
    fork_of: str | None


class HeldView(BaseModel):
    """A request that is held right now."""

    held_id: int
    method: str
    path: str


class FaultView(BaseModel):
    """A fault point and what it has done so far."""

    fault_id: int
    kind: str
    fired: int
    spent: bool
    held: list[HeldView]


class RequestView(BaseModel):
    """A logged request."""

    number: int
    method: str
    path: str
    query: str
    received_at: float
    token_sha256: str | None
    user_agent: str | None
    conditional: bool
    status: int | None


Measure = Literal["held", "fired", "free"]


def gist_view(gist: Gist) -> GistView:
    """The gist as it is now."""
    return GistView(
        gist_id=gist.gist_id,
        owner_id=gist.owner_id,
        public=gist.public,
        description=gist.description,
        files=gist.files,
        created_at=gist.created_at,
        updated_at=gist.updated_at,
        revisions=len(gist.revisions),
        starred_by=gist.starred_by,
        comments=[comment.body for comment in gist.comments],
        fork_of=gist.fork_of,
    )


def fault_view(fault: Fault) -> FaultView:
    """The fault as it is now."""
    held = [HeldView(held_id=h.held_id, method=h.method, path=h.path) for h in fault.held]
    return FaultView(
        fault_id=fault.fault_id,
        kind=fault.rule.kind,
        fired=fault.fired,
        spent=fault.is_spent,
        held=held,
    )


def request_view(entry: LoggedRequest) -> RequestView:
    """The log entry as it is now."""
    return RequestView(**vars(entry))
