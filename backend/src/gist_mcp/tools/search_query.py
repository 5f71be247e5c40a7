"""What is searched for, and where it is found. Pure rules.

A query has words, "quoted phrases" and #tags. All of them must be somewhere in a gist: in its
description, a file name or a content. Upper and lower case are the same (Unicode, full case
folding), and so are composed and decomposed accents (NFC). A tag is only found as a tag of a
description: `#web` is not found in `#website`. A phrase is found as it is, spaces included.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gist_mcp.errors import InvalidArgument

MAX_QUERY_CHARACTERS: Final = 500
MAX_TERMS: Final = 10
MAX_LINES: Final = 3
"""Lines of one file that are shown."""

MAX_FILES: Final = 5
"""Files of one gist whose lines are shown, and file names that are."""

SNIPPET_CHARACTERS: Final = 160
"""Of a line that is shown, around the first place where something is found."""

_QUOTE = '["\u201c\u201d\u201e]'
# A quote that is not closed goes to the end.
_TERM = re.compile(rf"{_QUOTE}(?P<phrase>.*?)(?:{_QUOTE}|\Z)|(?P<word>[^\s\"“”„]+)", re.DOTALL)
_TAG_END = r"(?![\w-])"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of a query. `text` is folded; of a tag without its `#`."""

    text: str
    is_tag: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a file in which something is found. `number` counts from 1.

    `text` is `None` where the line is known by its number only.
    """

    number: int
    text: str | None


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The texts of a gist that are searched. `contents` may be read later."""

    description: str
    filenames: Sequence[str]
    contents: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Match:
    """Where parts of a query were found: the first places, `MAX_FILES` and `MAX_LINES` at most.

    `further_files` counts the files that are in neither.
    """

    in_description: bool
    filenames: tuple[str, ...]
    lines: Mapping[str, tuple[Line, ...]]
    further_files: int = 0


def parse_query(query: str) -> tuple[Term, ...]:
    """The parts of a query. Raises `InvalidArgument` if there are none, or too many."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise InvalidArgument(
            "query", f"has {len(query):,} characters; {MAX_QUERY_CHARACTERS} at most."
        )
    found = tuple(dict.fromkeys(_terms(query)))
    if not found:
        raise InvalidArgument("query", "is empty; give the words that the gist has.")
    if len(found) > MAX_TERMS:
        raise InvalidArgument(
            "query", f"has {len(found)} words; {MAX_TERMS} at most. Quote what belongs together."
        )
    return found


def fold(text: str) -> str:
    """The text as it is compared. It has the same lines as `text`."""
    if text.isascii():
        return text.lower()
    # Folding can take apart what is composed, such as U+0390.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def match(terms: Sequence[Term], searched: Searched) -> Match | None:
    """Where the terms are; `None` if one of them is nowhere in these texts."""
    folded = _folded(searched)
    texts = (folded.description, *folded.filenames, *folded.contents.values())
    for term in terms:
        is_found = (
            _has_tag(folded.description, term.text)
            if term.is_tag
            else any(term.text in text for text in texts)
        )
        if not is_found:
            return None
    return _places(terms, searched, folded)


def places(terms: Sequence[Term], searched: Searched) -> Match:
    """Where the terms are, of which some may be nowhere."""
    return _places(terms, searched, _folded(searched))


def _terms(query: str) -> Iterator[Term]:
    for found in _TERM.finditer(query):
        phrase, word = found["phrase"], found["word"]
        is_tag = phrase is None and word.startswith("#")
        text = fold(word.lstrip("#") if is_tag else word if phrase is None else phrase)
        if text.strip():
            yield Term(text=text, is_tag=is_tag)


def _folded(searched: Searched) -> Searched:
    return Searched(
        description=fold(searched.description),
        filenames=[fold(name) for name in searched.filenames],
        contents={name: fold(text) for name, text in searched.contents.items()},
    )


def _places(terms: Sequence[Term], searched: Searched, folded: Searched) -> Match:
    words = [term.text for term in terms if not term.is_tag]
    tags = [term.text for term in terms if term.is_tag]
    names = [
        name
        for name, compared in zip(searched.filenames, folded.filenames, strict=True)
        if _has_any(compared, words)
    ]
    files = [name for name, text in folded.contents.items() if _has_any(text, words)]
    shown_names, shown_files = names[:MAX_FILES], files[:MAX_FILES]
    return Match(
        in_description=_has_any(folded.description, words)
        or any(_has_tag(folded.description, tag) for tag in tags),
        filenames=tuple(shown_names),
        lines={
            name: tuple(_lines(searched.contents[name], folded.contents[name], words))
            for name in shown_files
        },
        further_files=len({*names, *files} - {*shown_names, *shown_files}),
    )


def _has_any(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)


def _has_tag(description: str, tag: str) -> bool:
    return re.search(rf"(?<!\w)#{re.escape(tag)}{_TAG_END}", description) is not None


def _lines(text: str, folded: str, words: Sequence[str]) -> Iterator[Line]:
    """The first lines in which one of the words begins."""
    place, number, begin, at = 0, 1, 0, 0
    for _ in range(MAX_LINES):
        found = [each for word in words if (each := folded.find(word, place)) >= 0]
        if not found:
            return
        # Lines end as in editors and at GitHub: a form feed, say, begins none.
        line_at = folded.rfind("\n", 0, min(found)) + 1
        for _ in range(folded.count("\n", at, line_at)):
            begin = text.index("\n", begin) + 1
            number += 1
        at = line_at
        end = text.find("\n", begin)
        line = text[begin : end if end >= 0 else len(text)].removesuffix("\r")
        yield Line(number=number, text=_snippet(line, min(found) - line_at))
        place = folded.find("\n", min(found)) + 1
        if not place:
            return


def _snippet(line: str, folded_at: int) -> str:
    """A part of a line that is not too long, around what is at `folded_at` when it is folded."""
    if len(line) <= SNIPPET_CHARACTERS:
        return line.strip()
    at = folded_at
    if not line.isascii():
        # Some characters are two when they are folded.
        at = bisect_left(range(len(line)), folded_at, key=lambda length: len(fold(line[:length])))
    begin = max(0, min(at - SNIPPET_CHARACTERS // 3, len(line) - SNIPPET_CHARACTERS))
    end = begin + SNIPPET_CHARACTERS
    before, after = "..." if begin else "", "..." if end < len(line) else ""
    return f"{before}{line[begin:end].strip()}{after}"
