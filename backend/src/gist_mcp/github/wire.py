"""GitHub's JSON as it is on the wire: the fields we use, parsed strictly, the rest ignored.

Strict is what decides something: ids, visibility, which files there are. A field that is only
shown, or that a comparison can do without, is `None` when it is missing, null or of another type:
a single oddity must not hide everything else.
"""

import contextlib
import json
import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

PositiveInt = Annotated[int, Field(gt=0, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
GIST_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What can stand in a path as it is. GitHub's examples are hexadecimal; it promises a string."""
REVISION = re.compile(r"[0-9a-f]{40,64}")
"""The SHA of a commit of the gist's git repository."""
GistId = Annotated[str, Field(pattern=rf"^{GIST_ID.pattern}\z")]
Text = Annotated[str, Field(min_length=1)]
TokenText = Annotated[str, Field(pattern=r"^[!-~]{1,2048}\z")]
"""Printable ASCII: it goes into a header. GitHub: allow for at least 255 characters."""


class Unreadable(Exception):
    """GitHub's answer is not what its documentation promises."""


def _or_none(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


def _moment_or_none(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    # Only text: a number would be taken for seconds since 1970, and "long ago" decides something.
    return _or_none(value, validate) if isinstance(value, str) and "-" in value else None


IfReadable = WrapValidator(_or_none)
OptionalText = Annotated[str | None, IfReadable]
OptionalCount = Annotated[Count | None, IfReadable]
OptionalFlag = Annotated[bool | None, IfReadable]
OptionalMoment = Annotated[
    Annotated[AwareDatetime, Field(strict=False)] | None, WrapValidator(_moment_or_none)
]
OptionalTime = Annotated[
    Annotated[datetime, Field(strict=False)] | None, WrapValidator(_moment_or_none)
]
"""The same, also without an offset."""


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class WireAccount(_Wire):
    """GitHub schema `simple-user`."""

    id: PositiveInt
    login: Text


class WireUser(WireAccount):
    """GitHub schemas `private-user` and `public-user`."""

    name: OptionalText = None
    bio: OptionalText = None
    public_gists: OptionalCount = None
    followers: OptionalCount = None
    html_url: OptionalText = None
    avatar_url: OptionalText = None


class WireFoundAccount(WireAccount):
    """What `GET /users/LOGIN` tells of an account. `type` is `User`, `Organization` or `Bot`."""

    type: OptionalText = None


class WireFile(_Wire):
    """A file entry of `base-gist` (without content) or `gist-simple`."""

    filename: OptionalText = None
    size: OptionalCount = None
    language: OptionalText = None
    type: OptionalText = None
    raw_url: OptionalText = None
    content: OptionalText = None
    truncated: OptionalFlag = None
    encoding: OptionalText = None


class WireChanges(_Wire):
    """The `change_status` of a revision."""

    additions: OptionalCount = None
    deletions: OptionalCount = None


class WireRevision(_Wire):
    """GitHub schemas `gist-history` and `gist-commit`."""

    version: Annotated[str, Field(pattern=rf"^{REVISION.pattern}\z")]
    user: Annotated[WireAccount | None, IfReadable] = None
    committed_at: OptionalMoment = None
    change_status: Annotated[WireChanges | None, IfReadable] = None


class WireComment(_Wire):
    """GitHub schema `gist-comment`."""

    id: PositiveInt
    body: OptionalText = None
    user: Annotated[WireAccount | None, IfReadable] = None
    created_at: OptionalMoment = None
    updated_at: OptionalMoment = None


class WireOriginal(_Wire):
    """The `fork_of` of a gist."""

    id: GistId


class WireGist(_Wire):
    """GitHub schemas `base-gist` and `gist-simple`, API versions 2022-11-28 and 2026-03-10."""

    id: GistId
    html_url: Text
    description: str | None = None
    public: bool
    files: dict[str, Annotated[WireFile | None, IfReadable]]
    owner: Annotated[WireAccount | None, IfReadable] = None
    created_at: OptionalMoment = None
    updated_at: OptionalMoment = None
    truncated: OptionalFlag = None
    comments: OptionalCount = None
    fork_of: Annotated[WireOriginal | None, IfReadable] = None
    history: Annotated[list[Annotated[WireRevision | None, IfReadable]] | None, IfReadable] = None


class WireGlimpse(_Wire):
    """What may still be legible of a gist that is not."""

    created_at: OptionalMoment = None


class WireApp(_Wire):
    """The `app` of the schema `authorization`."""

    client_id: Text


class WireAuthorization(_Wire):
    """GitHub schema `authorization`. `expires_at` is not sent by older Enterprise Servers."""

    scopes: list[str] | None = None
    app: WireApp
    user: WireAccount | None = None
    expires_at: OptionalTime = None


class WireTokenAnswer(_Wire):
    """The token endpoint's answer, success or failure; failures come with status 200 too."""

    error: str | None = None
    error_description: str | None = None
    access_token: TokenText | None = None
    token_type: str | None = None
    scope: str | None = None
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


def parse[T: BaseModel](model: type[T], body: bytes) -> T:
    """The body as `model`. Raises `Unreadable`."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        # Not chained: pydantic's error holds the input, which may be a token.
        raise Unreadable(f"not a {model.__name__.removeprefix('Wire').lower()}") from None


def parse_items(body: bytes) -> list[bytes]:
    """The entries of a list, each as JSON again: strict means less to objects of Python.

    Raises `Unreadable` for what is not a list.
    """
    try:
        listed = json.loads(body)
        if isinstance(listed, list):
            return [json.dumps(item).encode() for item in listed]
    except (ValueError, RecursionError):
        pass
    raise Unreadable("not a list")


def parse_readable[T: BaseModel](model: type[T], body: bytes) -> tuple[list[T], int]:
    """The entries of a list that can be read, and how many cannot. Raises `Unreadable`."""
    items = parse_items(body)
    read: list[T] = []
    for item in items:
        with contextlib.suppress(Unreadable):
            read.append(parse(model, item))
    return read, len(items) - len(read)


def parse_gists(body: bytes) -> tuple[list[WireGist], list[WireGlimpse]]:
    """The gists of a list, and what is legible of those that are none. Raises `Unreadable` for
    what is not a list.
    """
    gists: list[WireGist] = []
    glimpses: list[WireGlimpse] = []
    for item in parse_items(body):
        try:
            gists.append(parse(WireGist, item))
        except Unreadable:
            glimpses.append(_glimpse(item))
    return gists, glimpses


def _glimpse(item: bytes) -> WireGlimpse:
    try:
        return parse(WireGlimpse, item)
    except Unreadable:
        return WireGlimpse()


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
