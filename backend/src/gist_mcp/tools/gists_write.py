"""Tools that create gists."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from reboot.mcp.server import DurableContext

from gist_mcp.calls.argument_schema import ArgumentObject
from gist_mcp.calls.call import running_call
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.changes.change_once import change_once
from gist_mcp.changes.create_gist import CreateGist
from gist_mcp.changes.new_gist import NewGist, checked_gist
from gist_mcp.constants import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FILE_NAME_BYTES,
    MAX_FILES,
    MAX_GIST_CONTENT_BYTES,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
)
from gist_mcp.tools.gist_argument import Confirm
from gist_mcp.tools.results import CreatedGist


class NewFile(ArgumentObject):
    """A file for a new gist."""

    filename: str = Field(
        description="Name with its extension, which sets the highlighting.",
        json_schema_extra={"maxLength": MAX_FILE_NAME_BYTES},
    )
    content: str = Field(
        description="The file's text; more than white space.",
        json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
    )


def gist_of(
    *,
    description: str,
    filename: str,
    content: str,
    public: bool,
    additional_files: Sequence[NewFile],
    idempotency_key: str,
    **_: object,
) -> NewGist:
    """The gist that `create_gist` is asked for. Raises `InvalidArgument` with all faults."""
    files = [("filename", filename, content)]
    files += [
        (f"additional_files[{index}]", file.filename, file.content)
        for index, file in enumerate(additional_files)
    ]
    return checked_gist(
        description=description, public=public, files=files, idempotency_key=idempotency_key
    )


@tool_errors
async def create_gist(
    context: DurableContext,
    description: Annotated[
        str,
        Field(
            description="One line on what the gist is. Words with # are tags: search_my_gists "
            "finds them.",
            json_schema_extra={"maxLength": MAX_DESCRIPTION_CHARACTERS},
        ),
    ],
    filename: Annotated[
        str,
        Field(
            description="Name with its extension, which sets the highlighting. No folders: a gist "
            "has none.",
            json_schema_extra={"maxLength": MAX_FILE_NAME_BYTES},
        ),
    ],
    content: Annotated[
        str,
        Field(
            description="The file's text; more than white space. All files together: at most "
            "900,000 bytes in UTF-8.",
            json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
        ),
    ],
    public: Annotated[
        bool,
        Field(
            description="True: listed and findable. False: a secret gist, unlisted but open to "
            "whoever has its URL; secret is not private."
        ),
    ] = True,
    additional_files: Annotated[
        Sequence[NewFile],
        Field(
            description="More files for the same gist, each with a name of its own.",
            json_schema_extra={"maxItems": MAX_FILES - 1},
        ),
    ] = (),
    idempotency_key: Annotated[
        str,
        Field(
            description="Any text of up to 200 characters. A call with the key of an earlier "
            "call returns that call's gist instead of making another.",
            json_schema_extra={"maxLength": MAX_IDEMPOTENCY_KEY_CHARACTERS},
        ),
    ] = "",
    confirm: Confirm = "",
) -> CreatedGist:
    """Create a GitHub gist that belongs to the signed-in user.

    Use it to share or keep a text under a new URL. To change a gist that is there, use update_gist
    or edit_gist_file; to copy somebody's, fork_gist. The gist is public unless public is false, and
    GitHub cannot change that later.

    The gist is made exactly once per call, even if the server or GitHub fails in the middle.
    Two calls make two gists, unless they share an idempotency_key. A call that ends with an
    error says whether a gist may have been made.
    """
    gist = gist_of(
        description=description,
        filename=filename,
        content=content,
        public=public,
        additional_files=additional_files,
        idempotency_key=idempotency_key,
    )
    call = running_call(context)
    work = CreateGist(gist, user_id=call.running.user_id, confirm=confirm)
    made = await change_once(call, work, idempotency_key or None)
    return CreatedGist(
        id=made.id,
        url=made.url,
        created_by=call.login,
        public=gist.public,
        files=list(gist.files),
    )
