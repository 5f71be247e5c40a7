"""Tools that change gists which are there: update, edit, delete."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.argument_schema import ArgumentObject
from gist_mcp.calls.call import ToolCall, running_call
from gist_mcp.calls.text import check_length
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.changes.change_once import change_once
from gist_mcp.changes.delete_gist import DeleteGist
from gist_mcp.changes.edit_file import EditFile
from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.new_gist import Faults
from gist_mcp.changes.text_edits import MAX_EDITS, Edit, check_edits
from gist_mcp.changes.update_gist import FileUpdate, Update, UpdateGist, checked_update
from gist_mcp.changes.work import Made
from gist_mcp.constants import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FILE_NAME_BYTES,
    MAX_FILES,
    MAX_GIST_CONTENT_BYTES,
    MAX_PRESENT_NAME_CHARACTERS,
)
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import BYTES_PER_TOKEN, FRAME_BYTES
from gist_mcp.tools.gist_argument import Confirm, GistId, Revision, gist_meant, revision_meant
from gist_mcp.tools.gist_summary import ChangedGist, cut_summary, summary_fields


class ChangedFile(ArgumentObject):
    """What becomes of one file of a gist."""

    filename: str = Field(
        description="The file's name now, or the name of a file to add.",
        json_schema_extra={"maxLength": MAX_PRESENT_NAME_CHARACTERS},
    )
    content: str = Field(
        default="",
        description="The file's whole new text. Empty: the text stays as it is.",
        json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
    )
    new_filename: str = Field(
        default="",
        description="A new name for the file, which no other file has. Empty: it keeps its name.",
        json_schema_extra={"maxLength": MAX_FILE_NAME_BYTES},
    )
    delete: bool = Field(default=False, description="True takes the file out of the gist.")


class TextEdit(ArgumentObject):
    """A place in a file, and what shall stand there."""

    old_text: str = Field(
        description="The text to replace, exactly as it is in the file, and there only once.",
        json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
    )
    new_text: str = Field(
        description="What shall stand there instead; empty takes it away.",
        json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
    )


class UpdatedGist(ChangedGist):
    """A gist after an update or an edit."""

    previous_revision: str | None = Field(
        default=None,
        description="SHA of the version before the change: get_gist shows it, should something "
        "have to be brought back.",
    )
    note: str | None = Field(default=None, description="What to look at after this change.")


class DeletedGist(BaseModel):
    """A gist that is not there any more."""

    id: str = Field(description="The id that the gist had.")
    url: str = Field(description="The page that the gist had at GitHub.")
    deleted: bool = Field(description="True: the gist is gone, and cannot be brought back.")


def update_of(
    *,
    gist_id: str,
    description: str,
    files: Sequence[ChangedFile],
    clear_description: bool,
    revision: str,
    **_: object,
) -> Update:
    """What `update_gist` is asked for. Raises `InvalidArgument` with all faults."""
    faults = Faults()
    with faults.collected():
        revision_meant(gist_meant(gist_id), revision)
    updates = [FileUpdate(**file.model_dump()) for file in files]
    return checked_update(
        description=description,
        clear_description=clear_description,
        files=updates,
        faults=faults,
    )


@tool_errors
async def update_gist(
    context: DurableContext,
    gist_id: GistId,
    description: Annotated[
        str,
        Field(
            description="A new description. Empty: it stays as it is.",
            json_schema_extra={"maxLength": MAX_DESCRIPTION_CHARACTERS},
        ),
    ] = "",
    files: Annotated[
        Sequence[ChangedFile],
        Field(
            description="Files to add, replace, rename or delete. Others stay as they are. All "
            "contents together: at most 900,000 bytes in UTF-8.",
            json_schema_extra={"maxItems": MAX_FILES},
        ),
    ] = (),
    revision: Revision = "",
    clear_description: Annotated[
        bool, Field(description="True takes the description away. Leave description empty then.")
    ] = False,
    confirm: Confirm = "",
) -> UpdatedGist:
    """Change a gist of the user's: its description, and any number of files at once.

    Adds, replaces, renames and deletes whole files; files that are not named stay as they are. To
    change places in a file, use edit_gist_file; to take the whole gist away, delete_gist. A gist of
    somebody else's cannot be changed: fork_gist makes a copy that can.

    Read the gist with get_gist first and give its revision, or what somebody else has written since
    is replaced too. A gist stays public or secret as it is. The change is made once per call, even
    if the server or GitHub fails in the middle; a call that ends with an error says whether the
    gist may have been changed.
    """
    update = update_of(
        gist_id=gist_id,
        description=description,
        files=files,
        clear_description=clear_description,
        revision=revision,
    )
    call = running_call(context)
    meant = gist_meant(gist_id)
    work = UpdateGist(
        meant.gist_id,
        update,
        revision=revision_meant(meant, revision),
        user_id=call.running.user_id,
        confirm=confirm,
    )
    return await _changed(call, work)


def edits_of(
    *,
    gist_id: str,
    filename: str,
    edits: Sequence[TextEdit],
    append: str,
    revision: str,
    **_: object,
) -> list[Edit]:
    """What `edit_gist_file` is asked for. Raises `InvalidArgument` with all faults."""
    faults = Faults()
    with faults.collected():
        revision_meant(gist_meant(gist_id), revision)
    with faults.collected():
        if not filename:
            raise InvalidArgument("filename", "is empty; name the file.")
        check_length("filename", filename, MAX_PRESENT_NAME_CHARACTERS)
    texts = [Edit(each.old_text, each.new_text) for each in edits]
    with faults.collected():
        check_edits(texts, append)
    faults.refuse()
    return texts


@tool_errors
async def edit_gist_file(
    context: DurableContext,
    gist_id: GistId,
    filename: Annotated[
        str,
        Field(
            description="The file's name, exactly as get_gist shows it.",
            json_schema_extra={"maxLength": MAX_PRESENT_NAME_CHARACTERS},
        ),
    ],
    edits: Annotated[
        Sequence[TextEdit],
        Field(
            description="Replacements, made one after the other; at most 100.",
            json_schema_extra={"maxItems": MAX_EDITS},
        ),
    ] = (),
    append: Annotated[
        str,
        Field(
            description="Text to add at the end of the file, after the replacements. It begins a "
            "new line: a last line without a line break gets one first. It gets none itself.",
            json_schema_extra={"maxLength": MAX_GIST_CONTENT_BYTES},
        ),
    ] = "",
    revision: Revision = "",
    confirm: Confirm = "",
) -> UpdatedGist:
    """Change places in one file of a gist of the user's, and leave the rest as it is.

    Use it for a few places in a long file, and to add to the end. To replace, add, rename or delete
    whole files, or to change the description, use update_gist.

    Each old_text must be in the file exactly once, as it is after the replacements before it. If
    one is not, nothing is changed, and the error says why. Files up to 10 MB that are text in UTF-8
    can be edited. The change is made once per call, even if the server or GitHub fails in the
    middle; a call that ends with an error says whether the gist may have been changed.
    """
    texts = edits_of(
        gist_id=gist_id, filename=filename, edits=edits, append=append, revision=revision
    )
    call = running_call(context)
    meant = gist_meant(gist_id)
    work = EditFile(
        meant.gist_id,
        filename,
        edits=texts,
        append=append,
        revision=revision_meant(meant, revision),
        user_id=call.running.user_id,
        confirm=confirm,
    )
    return await _changed(call, work)


@tool_errors
async def delete_gist(
    context: DurableContext, gist_id: GistId, confirm: Confirm = ""
) -> DeletedGist:
    """Delete a gist of the user's, with all its files, revisions and comments, for ever.

    Only where the person wants the whole gist gone: GitHub brings nothing back. To take one file
    out, use update_gist; to take a star off, unstar_gist. The person is asked before.
    """
    call = running_call(context)
    work = DeleteGist(gist_meant(gist_id).gist_id, user_id=call.running.user_id, confirm=confirm)
    made = await change_once(call, work)
    return DeletedGist(id=made.id, url=made.url, deleted=True)


async def _changed(call: ToolCall, work: ChangeGist) -> UpdatedGist:
    made = await change_once(call, work)
    gist = made.gist
    if gist is None:
        # The change was recorded before a restart, without what GitHub answered.
        gist = await call.read(
            "Read the changed gist",
            lambda token: process.services().github.get_gist(token, made.id),
        )
    max_tokens = process.services().config.max_result_tokens
    return _updated_gist(made, gist, call.running.user_id, max_tokens=max_tokens)


def _updated_gist(made: Made, gist: Gist, me: GitHubUserId, *, max_tokens: int) -> UpdatedGist:
    """The result. The names of 300 files may be longer than it may be."""
    whole = UpdatedGist(
        **summary_fields(gist, me),
        revision=gist.revision,
        previous_revision=made.previous_revision,
    )
    cut = cut_summary(whole, max_tokens * BYTES_PER_TOKEN - FRAME_BYTES)
    notes = [made.note, cut.note or ""]
    return cut.model_copy(update={"note": " ".join(filter(None, notes)) or None})
