"""What a search tells: what was found and where, and what was not looked at. Pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from gist_mcp.calls.foreign_text import hidden_characters
from gist_mcp.github.gist_contents import MAX_FILE_BYTES
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import budget_bytes, fitting
from gist_mcp.tools.gist_summary import GistSummary, More, cut_summary, more, summary_fields
from gist_mcp.tools.search_query import Match
from gist_mcp.tools.search_state import SearchState

MAX_ENTRY_BYTES: Final = 10_000
"""Of a gist that was found: to this its file names and its description are cut."""

LEAST_ENTRY_BYTES: Final = 300
"""No gist that was found takes less."""


class FoundLine(BaseModel):
    """A line of a file in which something was found."""

    line: int = Field(description="The line's number, from 1 on.")
    text: str = Field(
        description="The line, cut around what was found if it is long. Empty where an earlier "
        "part of the search found it, and this one has not read it again."
    )


class FoundInFile(BaseModel):
    """The first lines of a file in which something was found."""

    filename: str = Field(description="The file's name.")
    lines: list[FoundLine] = Field(description="The first 3 lines.")
    hidden_characters: list[str] = Field(
        default=[], description="Characters of these lines that cannot be seen."
    )


class FoundGist(GistSummary):
    """A gist that has all the words."""

    in_description: bool = Field(description="True if the description has some of them.")
    in_filenames: list[str] = Field(description="File names that have some of them; the first 5.")
    in_contents: list[FoundInFile] = Field(
        description="Where the contents have some of them; the first 5 files."
    )
    further_files: int = Field(default=0, description="How many further files have some of them.")


class SearchResult(BaseModel):
    """What was found, newest first, and what was not looked at."""

    query: str = Field(description="What was searched for.")
    found: list[FoundGist] = Field(description="The gists that have all the words.")
    found_in_all: int = Field(description="How many gists were found, with those not shown here.")
    searched: int = Field(description="How many gists were looked into.")
    not_searched: int = Field(description="How many were not, and may have the words too.")
    note: str | None = Field(default=None, description="What was not looked at, and why.")
    more: More | None = Field(
        default=None,
        description="The call that looks into the rest, or else shows the rest of what was found.",
    )


@dataclass(frozen=True, kw_only=True)
class SearchEnd:
    """How a search ended, for the account `me`.

    `skip` gists that are found are left out. `stopped` says why not all gists were read, or is
    empty. `failed` and `refused` are as in `GistWalk`, `unlisted` are gists whose entry in the list
    is not legible.
    """

    query: str
    skip: int
    me: GitHubUserId
    max_tokens: int
    stopped: str
    failed: int
    refused: int
    unlisted: int
    is_whole_list: bool


def search_result(state: SearchState, gists: Sequence[Gist], end: SearchEnd) -> SearchResult:
    """The result, within its budget."""
    hits = [gist for gist in gists if gist.id in state.hits]
    # Of thousands of finds those that cannot fit are not even put together.
    most = budget_bytes(end.max_tokens) // LEAST_ENTRY_BYTES
    found = [_found(state.hits[gist.id], gist, end.me) for gist in hits[end.skip : end.skip + most]]
    shown = fitting(found, end.max_tokens)
    left_out = max(0, len(hits) - end.skip - len(shown))
    looked_into = sum(gist.id in state.read or gist.id in state.hits for gist in gists)
    return SearchResult(
        query=end.query,
        found=shown,
        found_in_all=len(hits),
        searched=looked_into,
        not_searched=len(gists) - looked_into + end.unlisted,
        note=" ".join(_notes(state, gists, end, left_out)) or None,
        more=_more(end, shown=len(shown), left_out=left_out),
    )


def _more(end: SearchEnd, *, shown: int, left_out: int) -> More | None:
    if end.stopped or end.failed:
        # What is found there may come before what is left out here.
        return more("search_my_gists", {"query": end.query, "skip": end.skip})
    if left_out:
        return more("search_my_gists", {"query": end.query, "skip": end.skip + shown})
    return None


def _notes(state: SearchState, gists: Sequence[Gist], end: SearchEnd, left_out: int) -> list[str]:
    unread = sum(state.unread_files.values())
    cut = sum(gist.truncated for gist in gists)
    megabytes = MAX_FILE_BYTES // 1_000_000
    said = [
        (bool(end.stopped), end.stopped),
        (end.failed, f"Gists that GitHub did not give in time: {end.failed:,}."),
        (end.refused, f"Gists that GitHub does not show, such as blocked ones: {end.refused:,}."),
        (end.unlisted, f"Gists listed in a form that cannot be read: {end.unlisted:,}."),
        (not end.is_whole_list, f"Only the newest {len(gists):,} gists were listed."),
        (
            unread,
            f"Files not looked into, binary or over {megabytes} MB or in a gist of much more: "
            f"{unread:,}.",
        ),
        (cut, f"Gists with more files than the 300 that GitHub shows: {cut:,}."),
        (left_out, f"Gists found and not shown here: {left_out:,}."),
    ]
    return [text for is_so, text in said if is_so]


def _found(place: Match, gist: Gist, me: GitHubUserId) -> FoundGist:
    found = FoundGist(
        **summary_fields(gist, me),
        in_description=place.in_description,
        in_filenames=list(place.filenames),
        in_contents=[
            FoundInFile(
                filename=name,
                lines=[FoundLine(line=line.number, text=line.text or "") for line in lines],
                hidden_characters=hidden_characters("\n".join(line.text or "" for line in lines)),
            )
            for name, lines in place.lines.items()
        ],
        further_files=place.further_files,
    )
    return cut_summary(found, MAX_ENTRY_BYTES)
