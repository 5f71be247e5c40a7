"""What is searched for, and where it is found. Pure rules.

A query has words, "quoted phrases" and #tags. All of them must be somewhere in a gist, each in its
description, a file name or a content. Upper and lower case are the same. A tag is only found as a
tag of a description: `#web` is not found in `#website`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gist_mcp.errors import InvalidArgument

MAX_QUERY_CHARACTERS: Final = 500
MAX_TERMS: Final = 10
MAX_LINES: Final = 3
"""Lines of one file that are shown."""

SNIPPET_CHARACTERS: Final = 160
"""Of a line that is shown, around the first place where something is found."""

_TERM = re.compile(r'"([^"]*)"|(\S+)')
_TAG_END = r"(?![\w-])"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of a query. `text` is folded; of a tag without its `#`."""

    text: str
    is_tag: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a file in which something is found. `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The texts of a gist that are searched. `contents` may be read later."""

    description: str
    filenames: Sequence[str]
    contents: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Match:
    """Where all parts of a query were found."""

    in_description: bool
    filenames: tuple[str, ...]
    lines: Mapping[str, tuple[Line, ...]]


def parse_query(query: str) -> tuple[Term, ...]:
    """The parts of a query. Raises `InvalidArgument` if there are none, or too many."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise InvalidArgument(
            "query", f"has {len(query):,} characters; {MAX_QUERY_CHARACTERS} at most."
        )
    terms = [
        Term(text=(quoted or word).casefold().removeprefix("#"), is_tag=word.startswith("#"))
        for quoted, word in _TERM.findall(query)
    ]
    found = tuple(dict.fromkeys(term for term in terms if term.text.strip()))
    if not found:
        raise InvalidArgument("query", "is empty; give the words that the gist has.")
    if len(found) > MAX_TERMS:
        raise InvalidArgument(
            "query", f"has {len(found)} words; {MAX_TERMS} at most. Quote what belongs together."
        )
    return found


def match(terms: Sequence[Term], searched: Searched) -> Match | None:
    """Where the terms are; `None` if one of them is nowhere in these texts."""
    description = searched.description.casefold()
    names = {name: name.casefold() for name in searched.filenames}
    contents = {name: text.casefold() for name, text in searched.contents.items()}
    for term in terms:
        if term.is_tag:
            if not _has_tag(description, term.text):
                return None
            continue
        texts = (description, *names.values(), *contents.values())
        if not any(term.text in text for text in texts):
            return None
    words = [term.text for term in terms if not term.is_tag]
    return Match(
        in_description=any(word in description for word in words)
        or any(term.is_tag for term in terms),
        filenames=tuple(
            name for name, folded in names.items() if any(word in folded for word in words)
        ),
        lines={
            name: lines
            for name, text in searched.contents.items()
            if (lines := _lines(text, contents[name], words))
        },
    )


def _has_tag(description: str, tag: str) -> bool:
    return re.search(rf"(?<!\w)#{re.escape(tag)}{_TAG_END}", description) is not None


def _lines(text: str, folded: str, words: Sequence[str]) -> tuple[Line, ...]:
    if not any(word in folded for word in words):
        return ()
    found: list[Line] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line_folded = line.casefold()
        places = [at for word in words if (at := line_folded.find(word)) >= 0]
        if places:
            found.append(Line(number=number, text=_snippet(line, min(places))))
            if len(found) == MAX_LINES:
                break
    return tuple(found)


def _snippet(line: str, at: int) -> str:
    if len(line) <= SNIPPET_CHARACTERS:
        return line.strip()
    begin = max(0, min(at - SNIPPET_CHARACTERS // 3, len(line) - SNIPPET_CHARACTERS))
    end = begin + SNIPPET_CHARACTERS
    before, after = "..." if begin else "", "..." if end < len(line) else ""
    return f"{before}{line[begin:end].strip()}{after}"
