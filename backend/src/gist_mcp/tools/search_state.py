"""How far a search has come: what was looked at and what was found.

It is also written down, for another process after a restart, and for the next call with the same
query. What is written has no text of a gist: digests that tell which gists were looked at, as they
were then, and the numbers of files and lines.
"""

import asyncio
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist
from gist_mcp.tools.search_query import Line, Match, Searched, Term, match, places

MARK_BYTES: Final = 6
"""Of a digest. Among 3,000 gists one is taken for another once in 30 million searches."""

MARK_CHARACTERS: Final = MARK_BYTES * 4 // 3

MAX_FOUND_LINES: Final = 200
"""Gists whose lines are written down: more than a result shows. Of others only that they are
found."""


MAX_CHARACTERS_AT_ONCE: Final = 256 * 1024
"""Of contents that are searched without letting others in: some 10 ms."""


@dataclass
class SearchState:
    """A search under way. All by gist id.

    `hits` are the gists with all words; `read` those whose contents were looked into, or need not
    be; `recalled` those of them of which only the numbers of lines are known; `unread_files` the
    numbers of files that cannot be looked into.
    """

    terms: tuple[Term, ...]
    hits: dict[str, Match] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    recalled: set[str] = field(default_factory=set)
    unread_files: dict[str, int] = field(default_factory=dict)

    def look(self, gist: Gist, contents: GistContents | None) -> None:
        """Looks into a gist: all of it, or without contents only what lists show."""
        self._note(gist, contents, match(self.terms, searched(gist, contents)))

    async def look_into(self, gist: Gist, contents: GistContents) -> None:
        """As `look`. Long contents are searched in a thread: others are served meanwhile."""
        if sum(map(len, contents.texts.values())) <= MAX_CHARACTERS_AT_ONCE:
            self.look(gist, contents)
            return
        found = await asyncio.to_thread(match, self.terms, searched(gist, contents))
        self._note(gist, contents, found)

    def _note(self, gist: Gist, contents: GistContents | None, found: Match | None) -> None:
        if found is not None:
            self.hits[gist.id] = found
        elif contents is not None:
            # A word was in the list only: the gist was changed since.
            self.hits.pop(gist.id, None)
        if contents is not None:
            self.read.add(gist.id)
            self.recalled.discard(gist.id)
            if contents.unread:
                self.unread_files[gist.id] = len(contents.unread)

    def gone(self, gist: Gist) -> None:
        """The gist was deleted since it was listed."""
        self.read.add(gist.id)
        self.recalled.discard(gist.id)
        self.hits.pop(gist.id, None)
        self.unread_files.pop(gist.id, None)

    def to_read(self, gists: Sequence[Gist]) -> list[Gist]:
        """The gists to look into, in this order: first those of which nothing is known, then those
        that are found anyway, to show their lines. Each newest first, as they are listed."""
        waiting = [gist for gist in gists if gist.id not in self.read or gist.id in self.recalled]
        return sorted(waiting, key=lambda gist: gist.id in self.hits)

    def written(self, gists: Sequence[Gist]) -> str:
        """What `recall` reads: JSON."""
        read = [gist for gist in gists if gist.id in self.read]
        marks = {gist.id: mark for gist in read if (mark := _mark(gist))}
        found = [gist for gist in read if gist.id in self.hits and gist.id in marks]
        return json.dumps(
            {
                "read": "".join(marks.values()),
                "found": {
                    marks[gist.id]: _numbers(gist, self.hits[gist.id])
                    if at < MAX_FOUND_LINES
                    else []
                    for at, gist in enumerate(found)
                },
                "unread": {
                    marks[gist_id]: number
                    for gist_id, number in self.unread_files.items()
                    if gist_id in marks
                },
            },
            separators=(",", ":"),
        )

    def recall(self, written: str, gists: Sequence[Gist]) -> None:
        """Takes over what an earlier search with the same words has found out about gists that have
        not changed, unless more is known of them."""
        if not written:
            return
        earlier: dict[str, Any] = json.loads(written)
        text = earlier["read"]
        marks = {text[at : at + MARK_CHARACTERS] for at in range(0, len(text), MARK_CHARACTERS)}
        for gist in gists:
            mark = _mark(gist)
            if mark not in marks or gist.id in self.read:
                continue
            self.read.add(gist.id)
            if mark in earlier["unread"]:
                self.unread_files[gist.id] = earlier["unread"][mark]
            if mark in earlier["found"]:
                self.recalled.add(gist.id)
                self.hits[gist.id] = _recalled(self.terms, gist, earlier["found"][mark])


def searched(gist: Gist, contents: GistContents | None) -> Searched:
    """The texts of a gist that are searched."""
    return Searched(
        description=gist.description or "",
        filenames=[file.filename for file in gist.files],
        contents=contents.texts if contents else {},
    )


def _mark(gist: Gist) -> str:
    """Tells a gist as it is now; empty where GitHub does not say when it was changed."""
    if gist.updated_at is None:
        return ""
    named = f"{gist.id}\n{gist.updated_at.timestamp():.0f}"
    digest = hashlib.sha256(named.encode()).digest()
    return urlsafe_b64encode(digest[:MARK_BYTES]).decode()


def _numbers(gist: Gist, found: Match) -> list[list[int]]:
    """For each file its number in the list, and the numbers of lines."""
    numbers = {file.filename: number for number, file in enumerate(gist.files)}
    return [
        [numbers[name], *(line.number for line in lines)]
        for name, lines in found.lines.items()
        if name in numbers
    ]


def _recalled(terms: Sequence[Term], gist: Gist, numbers: Sequence[Sequence[int]]) -> Match:
    lines: Mapping[str, tuple[Line, ...]] = {
        gist.files[file].filename: tuple(Line(number=each, text=None) for each in of_file)
        for file, *of_file in numbers
        if file < len(gist.files)
    }
    return replace(places(terms, searched(gist, None)), lines=lines)
