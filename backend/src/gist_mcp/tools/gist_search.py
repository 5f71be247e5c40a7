"""The tool that searches the user's own gists. GitHub has no such search.

It reads the list of all gists, and tells at once what is found in descriptions and names. Then it
reads the contents, newest first, several at a time, under a budget. What was read stays in memory
for the next search. How far it has come is kept durably, so that after a restart it goes on there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Final

from cachetools import TTLCache
from pydantic import Field
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import ToolCall, running_call
from gist_mcp.calls.tool_errors import is_interrupted, tool_errors
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist
from gist_mcp.github.own_gists import OwnGistList
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.search_query import MAX_QUERY_CHARACTERS, Term, parse_query
from gist_mcp.tools.search_result import SearchEnd, SearchResult, search_result
from gist_mcp.tools.search_state import SearchState
from gist_mcp.tools.search_walk import GistWalk, SearchBudget, Steps

MAX_SKIP: Final = 100_000
"""More gists than are ever listed."""

SHOWN_IDS: Final = 5
"""Ids of found gists in a progress message."""

EARLIER_SECONDS: Final = 10 * 60.0
"""How long a search that has not come to its end is remembered, for the next call."""

MAX_EARLIER: Final = 100
"""Searches that are remembered: 100 KB each at most."""

_earlier: TTLCache[tuple[GitHubUserId, tuple[Term, ...]], str] = TTLCache(
    MAX_EARLIER, EARLIER_SECONDS
)
"""How far they have come. An account with more contents than are kept in memory would otherwise
read the same gists again with each call."""


def check_search(*, query: str, **_: object) -> None:
    """Raises `InvalidArgument` for what nothing can be found by."""
    parse_query(query)


@tool_errors
async def search_my_gists(
    context: DurableContext,
    query: Annotated[
        str,
        Field(
            description='Words, "quoted phrases" and #tags; the gist must have all of them, '
            "wherever. Upper and lower case are the same. A #tag is looked for in descriptions "
            'only; quote what is to be found with its # elsewhere: "#include".',
            json_schema_extra={"maxLength": MAX_QUERY_CHARACTERS},
        ),
    ],
    skip: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_SKIP,
            description="How many of the gists that are found to leave out, from before.",
        ),
    ] = 0,
) -> SearchResult:
    """Search the user's own gists: descriptions, file names, #tags and contents.

    Use it where the person knows words of a gist, but not which one it is. For the newest gists or
    those of a time, list_my_gists is faster. Gists of other people are not searched.

    Reads the gists that it has not read before, so the first search takes a while. What it has not
    looked at it says, with the call that goes on.
    """
    call = running_call(context)
    terms = parse_query(query)
    # One for the whole call: a wait for GitHub's limit begins the work anew.
    ends_at = asyncio.get_running_loop().time() + SearchBudget().seconds
    search = _Search(call, terms, ends_at)

    async def searched() -> SearchResult:
        try:
            credential = await call.credential("gist")
            return await call.with_credential(
                credential, lambda token: search.run(token, query, skip)
            )
        finally:
            # Not where the process stops: the next one goes on.
            if not is_interrupted():
                await search.forget_checkpoint()

    return await call.step("Search the user's gists", searched)


@dataclass
class _Search:
    """One search, for one call."""

    call: ToolCall
    terms: tuple[Term, ...]
    ends_at: float
    state: SearchState = field(init=False)
    gists: dict[str, Gist] = field(init=False)
    listed_at: dict[str, datetime | None] = field(init=False)
    kept: str = field(init=False)

    def __post_init__(self) -> None:
        self.kept = self.call.running.checkpoint
        self._begin()

    def _begin(self) -> None:
        self.state, self.gists, self.listed_at = SearchState(self.terms), {}, {}

    async def run(self, token: GitHubToken, query: str, skip: int) -> SearchResult:
        """Searches until all is read, or a budget is used up."""
        self._begin()
        listed = await process.services().own_gists.all(token, on_pages=self._look_at_lists)
        await self._look_at_lists(listed)
        gists = list(self.gists.values())
        contents = process.services().gist_contents
        contents.used(self._me)
        contents.keep_only(gists, self._me)
        # Of this very call, before a restart; or of the one before it, with the same query.
        for written in (self.call.running.checkpoint, _earlier.get((self._me, self.terms), "")):
            self.state.recall(written, gists)
        walk = GistWalk(
            Steps(
                read=partial(self._read, token),
                look=self.state.look_into,
                gone=self.state.gone,
                note=self._note,
            ),
            SearchBudget(),
            ends_at=self.ends_at,
        )
        await self._note("")
        await walk.run(self.state.to_read(gists))
        self._remember(gists, is_whole=not walk.stopped and not walk.failed)
        end = SearchEnd(
            query=query,
            skip=skip,
            me=self._me,
            max_tokens=process.services().config.max_result_tokens,
            stopped=walk.stopped,
            failed=walk.failed,
            refused=walk.refused,
            unlisted=listed.unreadable,
            is_whole_list=listed.is_whole,
        )
        return search_result(self.state, gists, end)

    @property
    def _me(self) -> GitHubUserId:
        return self.call.running.user_id

    async def _look_at_lists(self, listed: OwnGistList) -> None:
        """Looks at what lists show, and at contents that are in memory."""
        for page in listed.pages:
            for gist in page:
                # A gist that is made while GitHub is asked for the pages moves others to the next.
                if gist.id in self.gists:
                    continue
                self.gists[gist.id] = gist
                self.listed_at[gist.id] = page.answered_at
                self.state.look(gist, process.services().gist_contents.known(gist, self._me))
                # Megabytes may be in memory: others are served in between.
                await asyncio.sleep(0)
        if not listed.is_whole:
            await self._note("")

    async def _read(self, token: GitHubToken, gist: Gist) -> GistContents:
        return await process.services().gist_contents.read(
            token, gist, self._me, listed_at=self.listed_at[gist.id]
        )

    async def _note(self, message: str) -> None:
        """Keeps and tells how far the search is. In this order: what was told is not lost.

        Raises `Cancelled`.
        """
        await self.call.stop_if_cancelled()
        written = self.state.written(list(self.gists.values()))
        if self.state.read and written != self.kept:
            await self.call.keep_checkpoint(written)
            self.kept = written
        await self.call.tell(message or progress(self.state, len(self.gists)))

    def _remember(self, gists: Sequence[Gist], *, is_whole: bool) -> None:
        """For the next call with the same query."""
        key = (self._me, self.terms)
        if is_whole:
            _earlier.pop(key, None)
        else:
            _earlier[key] = self.state.written(gists)

    async def forget_checkpoint(self) -> None:
        """The search has ended. A session may have hundreds of calls whose responses nobody
        fetches, and all of them are written anew with each."""
        if self.kept:
            await self.call.keep_checkpoint("")
            self.kept = ""


def progress(state: SearchState, number_of_gists: int) -> str:
    """How far a search is, with the first gists that it has found."""
    found = [*state.hits][:SHOWN_IDS]
    ids = f": {', '.join(found)}" if found else ""
    return (
        f"Looked into {len(state.read):,} of {number_of_gists:,} gists, found "
        f"{len(state.hits):,}{ids}"
    )
