"""All tools, in one list: the function, what a client shows of it, and the scopes it needs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp.types import ToolAnnotations
from reboot.mcp.server import DurableMCP

from gist_mcp.changes.work import GIST_SCOPE
from gist_mcp.errors import ScopeRequired
from gist_mcp.github.credential import grants
from gist_mcp.tools.gist_argument import gist_of_call
from gist_mcp.tools.gist_lists import (
    check_list,
    check_login,
    list_my_gists,
    list_starred_gists,
    list_user_gists,
)
from gist_mcp.tools.gist_search import check_search, search_my_gists
from gist_mcp.tools.gists_change import (
    delete_gist,
    edit_gist_file,
    edits_of,
    update_gist,
    update_of,
)
from gist_mcp.tools.gists_of_others import (
    add_gist_comment,
    check_comment,
    fork_gist,
    star_gist,
    unstar_gist,
)
from gist_mcp.tools.gists_read import (
    check_read,
    get_gist,
    get_gist_history,
    list_gist_comments,
)
from gist_mcp.tools.gists_write import create_gist, gist_of
from gist_mcp.tools.profile import get_my_profile


@dataclass(frozen=True, kw_only=True)
class ToolEntry:
    """A tool. Its name and description are those of its function.

    `check` takes the function's arguments, whose names and types are right, and raises
    `InvalidArgument` for contents that are not. It asks nobody.
    """

    function: Callable[..., Awaitable[Any]]
    title: str
    annotations: ToolAnnotations
    scopes: frozenset[str] = frozenset()
    check: Callable[..., object] | None = None

    @property
    def name(self) -> str:
        """The name by which clients call it."""
        return self.function.__name__


# Open world throughout: GitHub is another party, and its texts may come from anybody.
_READS = ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=True
)
_CREATES = ToolAnnotations(
    readOnlyHint=False, destructiveHint=False, idempotentHint=False, openWorldHint=True
)
_CHANGES = ToolAnnotations(
    readOnlyHint=False, destructiveHint=True, idempotentHint=False, openWorldHint=True
)
# Not additive (MCP, ToolAnnotations): a star that is taken off is gone too.
_TAKES_AWAY = ToolAnnotations(
    readOnlyHint=False, destructiveHint=True, idempotentHint=True, openWorldHint=True
)
_MARKS = ToolAnnotations(
    readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=True
)
_GIST = frozenset({GIST_SCOPE})

TOOLS = (
    ToolEntry(
        function=create_gist,
        title="Create a gist",
        annotations=_CREATES,
        scopes=_GIST,
        check=gist_of,
    ),
    ToolEntry(
        function=update_gist,
        title="Change a gist",
        annotations=_CHANGES,
        scopes=_GIST,
        check=update_of,
    ),
    ToolEntry(
        function=edit_gist_file,
        title="Edit a file of a gist",
        annotations=_CHANGES,
        scopes=_GIST,
        check=edits_of,
    ),
    ToolEntry(
        function=delete_gist,
        title="Delete a gist",
        annotations=_TAKES_AWAY,
        scopes=_GIST,
        check=gist_of_call,
    ),
    ToolEntry(
        function=fork_gist,
        title="Fork a gist",
        annotations=_CREATES,
        scopes=_GIST,
        check=gist_of_call,
    ),
    ToolEntry(
        function=star_gist,
        title="Star a gist",
        annotations=_MARKS,
        scopes=_GIST,
        check=gist_of_call,
    ),
    ToolEntry(
        function=unstar_gist,
        title="Take the star off a gist",
        annotations=_TAKES_AWAY,
        scopes=_GIST,
        check=gist_of_call,
    ),
    ToolEntry(function=get_gist, title="Read a gist", annotations=_READS, check=check_read),
    ToolEntry(
        function=get_gist_history,
        title="Show a gist's history",
        annotations=_READS,
        check=gist_of_call,
    ),
    ToolEntry(
        function=list_gist_comments,
        title="List a gist's comments",
        annotations=_READS,
        check=gist_of_call,
    ),
    ToolEntry(
        function=add_gist_comment,
        title="Comment on a gist",
        annotations=_CREATES,
        scopes=_GIST,
        check=check_comment,
    ),
    ToolEntry(
        function=list_my_gists,
        title="List my gists",
        annotations=_READS,
        # Without the scope GitHub lists the public gists only, which would look like all of them.
        scopes=_GIST,
        check=check_list,
    ),
    ToolEntry(function=list_starred_gists, title="List starred gists", annotations=_READS),
    ToolEntry(
        function=list_user_gists,
        title="List somebody's gists",
        annotations=_READS,
        check=check_login,
    ),
    ToolEntry(
        function=search_my_gists,
        title="Search my gists",
        annotations=_READS,
        scopes=_GIST,
        check=check_search,
    ),
    ToolEntry(function=get_my_profile, title="Show my GitHub profile", annotations=_READS),
)

_BY_NAME = {entry.name: entry for entry in TOOLS}


def register_tools(mcp: DurableMCP) -> None:
    """Adds every tool to the MCP server."""
    for entry in TOOLS:
        mcp.add_tool(entry.function, title=entry.title, annotations=entry.annotations)


def require_scopes(tool_name: str, granted: frozenset[str] | None) -> None:
    """Raises `ScopeRequired` if a known tool needs scopes that the token is known to lack."""
    entry = _BY_NAME.get(tool_name)
    missing = [scope for scope in entry.scopes if not grants(granted, scope)] if entry else []
    if missing:
        raise ScopeRequired(missing)


def is_tool(name: str) -> bool:
    """True for the name of a tool."""
    return name in _BY_NAME


def changes(tool_name: str) -> bool:
    """True for a known tool that changes something."""
    return tool_name in _BY_NAME and not only_reads(tool_name)


def only_reads(tool_name: str) -> bool:
    """True for a known tool that changes nothing: a repeated request runs it again."""
    entry = _BY_NAME.get(tool_name)
    return entry is not None and bool(entry.annotations.readOnlyHint)
