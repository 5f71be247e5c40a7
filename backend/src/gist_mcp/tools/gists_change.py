"""Tools that change gists which are there: update, edit, delete."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.argument_schema import ArgumentObject
from gist_mcp.calls.call import ToolCall, running_call, tool_errors
from gist_mcp.changes.change_once import change_once
from gist_mcp.changes.delete_gist import DeleteGist
from gist_mcp.changes.edit_file import EditFile, checked_edits
from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.text_edits import Edit
from gist_mcp.changes.update_gist import FileUpdate, Update, UpdateGist, checked_update
from gist_mcp.tools.gist_argument import REVISION_TEXT, GistId, gist_meant
from gist_mcp.tools.gist_summary import ChangedGist, changed_gist


class ChangedFile(ArgumentObject):
    """What becomes of one file of a gist."""

    filename: str = Field(description="The file's name now, or the name of a file to add.")
    content: str = Field(
        default="", description="The file's whole new text. Empty: the text stays as it is."
    )
    new_filename: str = Field(default="", description="A new name for the file.")
    delete: bool = Field(default=False, description="True takes the file out of the gist.")


class TextEdit(ArgumentObject):
    """A place in a file, and what shall stand there."""

    old_text: str = Field(
        description="The text to replace, exactly as it is in the file, and there only once."
    )
    new_text: str = Field(description="What shall stand there instead; empty takes it away.")


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
    **_: object,
) -> Update:
    """What `update_gist` is asked for. Raises `InvalidArgument` with all faults."""
    gist_meant(gist_id)
    updates = [FileUpdate(**file.model_dump()) for file in files]
    return checked_update(
        description=description, clear_description=clear_description, files=updates
    )


@tool_errors
async def update_gist(
    context: DurableContext,
    gist_id: GistId,
    description: Annotated[
        str, Field(description="A new description. Empty: it stays as it is.")
    ] = "",
    files: Annotated[
        Sequence[ChangedFile],
        Field(description="Files to add, replace, rename or delete. Others stay as they are."),
    ] = (),
    revision: Annotated[str, Field(description=REVISION_TEXT)] = "",
    clear_description: Annotated[
        bool, Field(description="True takes the description away.")
    ] = False,
) -> ChangedGist:
    """Change a gist of the user's: its description, and any number of files at once.

    Replaces whole files. To change places in a file, use edit_gist_file.
    """
    update = update_of(
        gist_id=gist_id,
        description=description,
        files=files,
        clear_description=clear_description,
    )
    call = running_call(context)
    work = UpdateGist(
        gist_meant(gist_id).gist_id, update, revision=revision, user_id=call.running.user_id
    )
    return await _changed(call, work)


def check_edit(*, gist_id: str, edits: Sequence[TextEdit], append: str, **_: object) -> None:
    """Raises `InvalidArgument` for what `edit_gist_file` cannot be asked for."""
    gist_meant(gist_id)
    checked_edits([Edit(each.old_text, each.new_text) for each in edits], append)


@tool_errors
async def edit_gist_file(
    context: DurableContext,
    gist_id: GistId,
    filename: Annotated[str, Field(description="The file's name.")],
    edits: Annotated[
        Sequence[TextEdit], Field(description="Replacements, made one after the other.")
    ] = (),
    append: Annotated[
        str, Field(description="Text to add at the end of the file, on a line of its own.")
    ] = "",
    revision: Annotated[str, Field(description=REVISION_TEXT)] = "",
) -> ChangedGist:
    """Change places in one file of a gist of the user's, and leave the rest as it is.

    Each old_text must be in the file exactly once. If one is not, nothing is changed.
    """
    check_edit(gist_id=gist_id, edits=edits, append=append)
    call = running_call(context)
    work = EditFile(
        gist_meant(gist_id).gist_id,
        filename,
        edits=[Edit(each.old_text, each.new_text) for each in edits],
        append=append,
        revision=revision,
        user_id=call.running.user_id,
    )
    return await _changed(call, work)


@tool_errors
async def delete_gist(context: DurableContext, gist_id: GistId) -> DeletedGist:
    """Delete a gist of the user's, with all its files, revisions and comments, for ever."""
    call = running_call(context)
    work = DeleteGist(gist_meant(gist_id).gist_id, user_id=call.running.user_id)
    made = await change_once(call, work)
    return DeletedGist(id=made.id, url=made.url, deleted=True)


async def _changed(call: ToolCall, work: ChangeGist) -> ChangedGist:
    made = await change_once(call, work)
    gist = made.gist
    if gist is None:
        # The change was recorded before a restart, without what GitHub answered.
        gist = await call.read(
            "Read the changed gist",
            lambda token: process.services().github.get_gist(token, made.id),
        )
    return changed_gist(gist, call.running.user_id)
