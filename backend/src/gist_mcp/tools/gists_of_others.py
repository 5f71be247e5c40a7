"""Tools for gists of others, and for one's own as others see them: fork, star, comment."""

from typing import Annotated

from pydantic import BaseModel, Field
from reboot.mcp.server import DurableContext

from gist_mcp.calls.call import running_call
from gist_mcp.calls.text import check_text, is_blank
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.changes.add_comment import AddComment
from gist_mcp.changes.change_once import change_once
from gist_mcp.changes.fork_gist import ForkGist
from gist_mcp.changes.star_gist import StarGist, UnstarGist
from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.gist_argument import Confirm, GistId, gist_meant

MAX_COMMENT_CHARACTERS = 65_535
"""GitHub refuses a longer comment."""


class ForkedGist(BaseModel):
    """A copy that belongs to the user."""

    id: str = Field(description="The id of the fork.")
    url: str = Field(description="The fork's page at GitHub.")
    fork_of: str = Field(description="The id of the gist that was forked.")


class StarredGist(BaseModel):
    """Whether the user has starred a gist."""

    id: str = Field(description="The gist's id.")
    url: str = Field(description="The gist's page at GitHub.")
    starred: bool = Field(description="True if the user has starred it now.")


class AddedComment(BaseModel):
    """A comment of the user's."""

    id: str = Field(description="The comment's number.")
    url: str = Field(description="Where the comment is on the gist's page.")
    gist_id: str = Field(description="The gist that was commented on.")


@tool_errors
async def fork_gist(context: DurableContext, gist_id: GistId, confirm: Confirm = "") -> ForkedGist:
    """Copy somebody else's gist into the user's account. The copy is as public as the original.

    Use it to change a gist that belongs to somebody else: the copy is the user's own. Not for the
    user's own gists, which GitHub does not fork. To keep one for later, star_gist is enough.
    """
    call = running_call(context)
    original = gist_meant(gist_id).gist_id
    work = ForkGist(original, user_id=call.running.user_id, confirm=confirm)
    made = await change_once(call, work)
    return ForkedGist(id=made.id, url=made.url, fork_of=original)


@tool_errors
async def star_gist(context: DurableContext, gist_id: GistId) -> StarredGist:
    """Star a gist, so that it is in list_starred_gists. Starring it again changes nothing.

    Use it to keep a gist of anybody's at hand. Who opens the gist's page can see the star.
    """
    made = await change_once(running_call(context), StarGist(gist_meant(gist_id).gist_id))
    return StarredGist(id=made.id, url=made.url, starred=True)


@tool_errors
async def unstar_gist(context: DurableContext, gist_id: GistId) -> StarredGist:
    """Take the user's star off a gist. Where there is none, nothing changes.

    The gist itself stays. To take a gist of the user's away, use delete_gist.
    """
    made = await change_once(running_call(context), UnstarGist(gist_meant(gist_id).gist_id))
    return StarredGist(id=made.id, url=made.url, starred=False)


def check_comment(*, gist_id: str, body: str, **_: object) -> None:
    """Raises `InvalidArgument` for a comment that GitHub would refuse."""
    gist_meant(gist_id)
    check_text("body", body)
    if is_blank(body):
        raise InvalidArgument("body", "is empty or white space only; write something.")
    if len(body) > MAX_COMMENT_CHARACTERS:
        raise InvalidArgument(
            "body",
            f"has {len(body):,} characters; GitHub takes {MAX_COMMENT_CHARACTERS:,} at most.",
        )


@tool_errors
async def add_gist_comment(
    context: DurableContext,
    gist_id: GistId,
    body: Annotated[
        str,
        Field(
            description="The comment, in Markdown, of up to 65,535 characters.",
            json_schema_extra={"maxLength": MAX_COMMENT_CHARACTERS},
        ),
    ],
    confirm: Confirm = "",
) -> AddedComment:
    """Comment on a gist as the user. Everybody who can open the gist can read the comment.

    Use it to say something to the gist's author or readers, once the person has seen the words. To
    change the gist itself, use update_gist or edit_gist_file.
    """
    check_comment(gist_id=gist_id, body=body)
    call = running_call(context)
    gist = gist_meant(gist_id).gist_id
    work = AddComment(gist, body, user_id=call.running.user_id, confirm=confirm)
    made = await change_once(call, work)
    return AddedComment(id=made.id, url=made.url, gist_id=gist)
