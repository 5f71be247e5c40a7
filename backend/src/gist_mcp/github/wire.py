"""GitHub's JSON as it is on the wire: the fields we use, parsed strictly, the rest ignored."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

PositiveInt = Annotated[int, Field(gt=0, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
GIST_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What can stand in a path as it is. GitHub's examples are hexadecimal; it promises a string."""
GistId = Annotated[str, Field(pattern=rf"^{GIST_ID.pattern}\z")]
Text = Annotated[str, Field(min_length=1)]
TokenText = Annotated[str, Field(pattern=r"^[!-~]{1,2048}\z")]
"""Printable ASCII: it goes into a header. GitHub: allow for at least 255 characters."""


class Unreadable(Exception):
    """GitHub's answer is not what its documentation promises."""


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class WireAccount(_Wire):
    """GitHub schema `simple-user`."""

    id: PositiveInt
    login: Text


class WireUser(WireAccount):
    """GitHub schemas `private-user` and `public-user`."""

    name: str | None = None
    bio: str | None = None
    public_gists: Count
    followers: Count
    html_url: Text
    avatar_url: str | None = None


class WireFile(_Wire):
    """A file entry of `base-gist` (without content) or `gist-simple`."""

    filename: Text
    size: Count = 0
    language: str | None = None
    type: str | None = None
    raw_url: str | None = None
    content: str | None = None
    truncated: bool = False
    encoding: str = "utf-8"


class WireGist(_Wire):
    """GitHub schemas `base-gist` and `gist-simple`, API versions 2022-11-28 and 2026-03-10."""

    id: GistId
    html_url: Text
    description: str | None = None
    public: bool
    files: dict[str, WireFile | None]
    owner: WireAccount | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    truncated: bool = False
    comments: Count = 0


class WireApp(_Wire):
    """The `app` of the schema `authorization`."""

    client_id: Text


class WireAuthorization(_Wire):
    """GitHub schema `authorization`. `expires_at` is not sent by older Enterprise Servers."""

    scopes: list[str] | None = None
    app: WireApp
    user: WireAccount
    expires_at: datetime | None = None


class WireTokenAnswer(_Wire):
    """The token endpoint's answer, success or failure; failures come with status 200 too."""

    error: str | None = None
    error_description: str | None = None
    access_token: TokenText | None = None
    token_type: str | None = None
    scope: str = ""
    expires_in: PositiveInt | None = None
    refresh_token: TokenText | None = None
    refresh_token_expires_in: PositiveInt | None = None


class WireProblem(_Wire):
    """An error body. `errors` is a list of objects or strings, sometimes something else."""

    message: str = ""
    errors: Any = None


class WireProblemEntry(_Wire):
    """One entry of `errors` (GitHub schema `validation-error`)."""

    code: str = ""
    field: str = ""
    message: str = ""


GIST_LIST = TypeAdapter(list[WireGist])


def parse[T: BaseModel](model: type[T], body: bytes) -> T:
    """The body as `model`. Raises `Unreadable`."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        # Not chained: pydantic's error holds the input, which may be a token.
        raise Unreadable(f"not a {model.__name__.removeprefix('Wire').lower()}") from None


def parse_gists(body: bytes) -> list[WireGist]:
    """The body as a list of gists. Raises `Unreadable`."""
    try:
        return GIST_LIST.validate_json(body)
    except ValidationError:
        raise Unreadable("not a list of gists") from None


def parse_problem(body: bytes) -> tuple[str, tuple[WireProblemEntry, ...]]:
    """The message and entries of an error body, both empty if there are none legible."""
    try:
        problem = WireProblem.model_validate_json(body)
    except ValidationError:
        return "", ()
    errors = problem.errors if isinstance(problem.errors, list) else []
    return problem.message, tuple(filter(None, map(_entry, errors)))


def _entry(value: object) -> WireProblemEntry | None:
    if isinstance(value, str):
        return WireProblemEntry(message=value)
    try:
        return WireProblemEntry.model_validate(value)
    except ValidationError:
        return None
