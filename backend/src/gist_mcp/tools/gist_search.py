"""The tool that searches the user's own gists. GitHub has no such search.

It reads the list of all gists, and tells at once what is found in descriptions and names. Then it
reads the contents of the others, newest first, several at a time, under a budget. What was read
stays in memory for the next search. How far it has come is kept durably, so that after a restart it
goes on there.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, Field
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import ToolCall, running_call, tool_errors
from gist_mcp.errors import GistMcpError, NotFound, RateLimited
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist
from gist_mcp.github.own_gists import OwnGistList
from gist_mcp.tools.answer_budget import fitting
from gist_mcp.tools.gist_summary import GistSummary, More, more, summary_fields
from gist_mcp.tools.search_query import Match, Searched, Term, match, parse_query

READS_AT_ONCE: Final = 4
MAX_READS: Final = 1_000
"""Requests for contents in one search: a fifth of what GitHub allows a user in an hour."""

SEARCH_SECONDS: Final = 40.0
"""After so long a search tells what it has found. Many clients give up after 60 seconds."""

CHECKPOINT_SECONDS: Final = 3.0
TELL_SECONDS: Final = 2.0


class FoundLine(BaseModel):
    """A line of a file in which something was found."""

    line: int = Field(description="The line's number, from 1 on.")
    text: str = Field(description="The line, cut around what was found if it is long.")


class FoundInFile(BaseModel):
    """The first lines of a file in which something was found."""

    filename: str
    lines: list[FoundLine]


class FoundGist(GistSummary):
    """A gist that has all the words."""

    in_description: bool = Field(description="True if the description has some of them.")
    in_filenames: list[str] = Field(description="File names that have some of them.")
    in_contents: list[FoundInFile] = Field(description="Where the contents have some of them.")


class SearchResult(BaseModel):
    """What was found, newest first, and what was not looked at."""

    query: str = Field(description="What was searched for.")
    found: list[FoundGist] = Field(description="The gists that have all the words.")
    left_out: int = Field(description="How many more were found than are shown: too long.")
    searched: int = Field(description="How many gists were looked at.")
    not_searched: int = Field(description="How many were not, and may have the words too.")
    note: str | None = Field(default=None, description="What was not looked at, and why.")
    more: More | None = Field(
        default=None, description="The call that looks at the rest: what was read is remembered."
    )


@dataclass
class _Search:
    """A search under way. `hits` are by gist id; `done` are the ids that were looked at."""

    terms: tuple[Term, ...]
    hits: dict[str, Match] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    unread_files: int = 0
    failed: int = 0
    stopped: str = ""

    def look(self, gist: Gist, contents: GistContents | None) -> None:
        """Looks into a gist, with its contents if there are any."""
        found = match(
            self.terms,
            Searched(
                description=gist.description or "",
                filenames=[file.filename for file in gist.files],
                contents=contents.texts if contents else {},
            ),
        )
        if found is not None:
            self.hits[gist.id] = found
        if contents is not None or found is not None:
            self.done.add(gist.id)
        if contents is not None:
            self.unread_files += len(contents.unread)


def check_search(*, query: str) -> None:
    """Raises `InvalidArgument` for what nothing can be found by."""
    parse_query(query)


@tool_errors
async def search_my_gists(
    context: DurableContext,
    query: Annotated[
        str,
        Field(
            description='Words, "quoted phrases" and #tags; the gist must have all of them, '
            "wherever. Upper and lower case are the same."
        ),
    ],
) -> SearchResult:
    """Search the user's own gists: descriptions, file names, #tags and contents.

    Reads the gists that it has not read before, so the first search takes a while.
    """
    call = running_call(context)
    terms = parse_query(query)

    async def search() -> SearchResult:
        credential = await call.credential("gist")
        return await call.with_credential(
            credential, lambda token: _searched(call, token, query, terms)
        )

    return await call.step("Search the user's gists", search)


async def _searched(
    call: ToolCall, token: GitHubToken, query: str, terms: tuple[Term, ...]
) -> SearchResult:
    listed = await call.patiently(lambda: process.services().own_gists.all(token))
    search = _Search(terms)
    for gist in listed.gists:
        search.look(gist, process.services().gist_contents.known(gist, call.running.user_id))
    await call.tell(_progress(search, listed))
    await _read_the_rest(call, token, search, listed)
    return _result(call, query, search, listed)


async def _read_the_rest(
    call: ToolCall, token: GitHubToken, search: _Search, listed: OwnGistList
) -> None:
    """Looks into the contents of all gists that were not looked at, under the budget."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + SEARCH_SECONDS
    read_before = _ids(call.running.checkpoint)
    waiting = [gist for gist in listed.gists if gist.id not in search.done]
    # After a restart, first what was not read before it: contents were in memory only.
    waiting.sort(key=lambda gist: gist.id in read_before)
    if len(waiting) > MAX_READS:
        search.stopped = f"A search reads {MAX_READS:,} gists at most."
        waiting = waiting[:MAX_READS]
    tell_at, keep_at = loop.time() + TELL_SECONDS, loop.time() + CHECKPOINT_SECONDS
    for begin in range(0, len(waiting), READS_AT_ONCE):
        if loop.time() > ends_at:
            search.stopped = f"A search takes {SEARCH_SECONDS:g} seconds at most."
            return
        await call.stop_if_cancelled()
        try:
            await _read(call, token, search, waiting[begin : begin + READS_AT_ONCE])
        except RateLimited as limit:
            search.stopped = str(limit)
            return
        if loop.time() > tell_at:
            await call.tell(_progress(search, listed))
            tell_at = loop.time() + TELL_SECONDS
        if loop.time() > keep_at:
            await call.keep_checkpoint(json.dumps(sorted(search.done)))
            keep_at = loop.time() + CHECKPOINT_SECONDS


async def _read(call: ToolCall, token: GitHubToken, search: _Search, gists: Sequence[Gist]) -> None:
    contents, me = process.services().gist_contents, call.running.user_id

    async def one(gist: Gist) -> GistContents:
        return await call.patiently(lambda: contents.read(token, gist, me))

    answers = await asyncio.gather(*map(one, gists), return_exceptions=True)
    limits = [answer for answer in answers if isinstance(answer, RateLimited)]
    for gist, answer in zip(gists, answers, strict=True):
        if isinstance(answer, GistContents):
            search.look(gist, answer)
            search.done.add(gist.id)
        elif isinstance(answer, NotFound):
            # It was deleted since it was listed.
            search.done.add(gist.id)
        elif not isinstance(answer, GistMcpError):
            raise answer
        else:
            search.failed += 1
    if limits:
        raise limits[0]


def _ids(checkpoint: str) -> frozenset[str]:
    return frozenset(json.loads(checkpoint)) if checkpoint else frozenset()


def _progress(search: _Search, listed: OwnGistList) -> str:
    ids = list(search.hits)[:5]
    first = f": {', '.join(ids)}" if ids else ""
    return (
        f"Looked at {len(search.done):,} of {len(listed.gists):,} gists, found "
        f"{len(search.hits):,}{first}"
    )


def _result(call: ToolCall, query: str, search: _Search, listed: OwnGistList) -> SearchResult:
    me = call.running.user_id
    found = [
        _found(search.hits[gist.id], summary_fields(gist, me))
        for gist in listed.gists
        if gist.id in search.hits
    ]
    shown = fitting(found, process.services().config.max_result_tokens)
    not_searched = len(listed.gists) - len(search.done) + listed.unreadable
    notes = [search.stopped] if search.stopped else []
    if search.failed:
        notes.append(f"GitHub did not show {search.failed:,} gists.")
    if listed.unreadable:
        notes.append(f"{listed.unreadable:,} gists came in a form that cannot be read.")
    if not listed.is_whole:
        notes.append(f"Only the newest {len(listed.gists):,} gists were listed.")
    if search.unread_files:
        notes.append(f"{search.unread_files:,} files were not looked into: binary, or over 1 MB.")
    can_go_on = bool(search.stopped or search.failed)
    return SearchResult(
        query=query,
        found=shown,
        left_out=len(found) - len(shown),
        searched=len(search.done),
        not_searched=not_searched,
        note=" ".join(notes) or None,
        more=more("search_my_gists", {"query": query}) if can_go_on else None,
    )


def _found(place: Match, fields: dict[str, object]) -> FoundGist:
    return FoundGist(
        **fields,  # type: ignore[arg-type]
        in_description=place.in_description,
        in_filenames=list(place.filenames),
        in_contents=[
            FoundInFile(
                filename=name,
                lines=[FoundLine(line=line.number, text=line.text) for line in lines],
            )
            for name, lines in place.lines.items()
        ],
    )
