"""The argument `gist_id` of many tools, and what it means at this GitHub."""

from typing import Annotated, Final

from pydantic import Field

from gist_mcp import process
from gist_mcp.calls.gist_reference import (
    MAX_CHARACTERS,
    GistReference,
    gist_hosts,
    gist_reference,
)
from gist_mcp.changes.confirm_token import MAX_CONFIRM_TOKEN_CHARACTERS
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.wire import REVISION

GistId = Annotated[
    str,
    Field(
        description="The gist's id, or any URL of the gist, such as that of its page.",
        json_schema_extra={"maxLength": MAX_CHARACTERS},
    ),
]

Confirm = Annotated[
    str,
    Field(
        description="Leave it empty. Where the person has to agree first and the client cannot ask "
        "them, the error of the call gives a token for this; use it only after they have agreed.",
        json_schema_extra={"maxLength": MAX_CONFIRM_TOKEN_CHARACTERS},
    ),
]

REVISION_CHARACTERS: Final = 40
"""Hexadecimal digits of a whole SHA-1."""

Revision = Annotated[
    str,
    Field(
        description="The revision (SHA) that you have read, from get_gist or an earlier change. "
        "The call is refused, and shows what changed, if the gist is at another by now.",
        json_schema_extra={"maxLength": REVISION_CHARACTERS},
    ),
]


def gist_of_call(*, gist_id: str, **_: object) -> GistReference:
    """`gist_meant` for the arguments of a call."""
    return gist_meant(gist_id)


def gist_meant(gist_id: str) -> GistReference:
    """The gist. Raises `InvalidArgument` if the argument names none at this GitHub."""
    config = process.services().config
    return gist_reference(gist_id, gist_hosts(config.github_web_url, config.github_api_url))


def revision_meant(gist: GistReference, revision: str) -> str:
    """The revision from which a change starts, from its argument or from the URL of the gist.

    Empty if there is none. Raises `InvalidArgument` for what is no SHA, and for two.
    """
    if revision and not REVISION.fullmatch(revision):
        raise InvalidArgument(
            "revision",
            "must be a SHA of 40 hexadecimal digits, from get_gist or an earlier change.",
        )
    if revision and gist.revision not in ("", revision):
        raise InvalidArgument("revision", "is another one than in the URL; choose one.")
    return revision or gist.revision
