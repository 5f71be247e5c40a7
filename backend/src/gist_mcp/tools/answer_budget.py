"""How long a result may be, so that it leaves room for a conversation. Pure rules.

A model reads a result as tokens, and how many those are depends on the model. The estimate is one
token for each 3 bytes of the result's text in UTF-8, rounded up: English prose has more bytes for a
token, source code and CJK about as many. The text is JSON, indented by two spaces for each level
(MCP SDK). `structuredContent` says the same once more, without white space; a client gives a model
one of the two.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import to_json

BYTES_PER_TOKEN: Final = 3

FRAME_BYTES: Final = 1_500
"""For what is around the entries of a list: notes and `more`."""

INDENT_BYTES: Final = 2

_MAX_BYTES_OF_CHARACTER: Final = 6
"""A control character is written as `\\u0001`."""

type Part = BaseModel | dict[str, Any] | list[Any] | str | None
"""What a result consists of."""


def budget_bytes(max_tokens: int) -> int:
    """How many bytes so many tokens are."""
    return max_tokens * BYTES_PER_TOKEN


def json_bytes(part: Part, depth: int = 0) -> int:
    """How many bytes a part of a result takes in its text, `depth` levels below the whole."""
    text = to_json(part, indent=INDENT_BYTES)
    # A line break within a string is escaped.
    return len(text) + text.count(b"\n") * INDENT_BYTES * depth


def entry_bytes(part: Part, depth: int = 2) -> int:
    """The same for an entry of a list, with its indentation, comma and line break."""
    return json_bytes(part, depth) + INDENT_BYTES * depth + 2


def tokens(result: Part) -> int:
    """The estimate for a whole result."""
    return -(-json_bytes(result) // BYTES_PER_TOKEN)


def fitting[T: BaseModel](
    entries: Sequence[T], max_tokens: int, *, frame_bytes: int = FRAME_BYTES
) -> list[T]:
    """The first of the entries that fit together. One at least: a result with none helps nobody."""
    left_bytes = budget_bytes(max_tokens) - frame_bytes
    fit: list[T] = []
    for entry in entries:
        left_bytes -= entry_bytes(entry)
        if left_bytes < 0 and fit:
            break
        fit.append(entry)
    return fit


def names_that_fit(names: Iterable[str], max_bytes: int, depth: int = 2) -> list[str]:
    """The first of the names that fit together in a list at this depth."""
    fit: list[str] = []
    for name in names:
        max_bytes -= entry_bytes(name, depth)
        if max_bytes < 0:
            break
        fit.append(name)
    return fit


def largest_share(sizes_bytes: Sequence[int], total_bytes: int) -> int:
    """The size to which all larger ones must be cut, so that all fit together.

    What the smaller ones leave is shared by the larger ones.
    """
    left_bytes = max(0, total_bytes)
    ascending = sorted(sizes_bytes)
    for place, size_bytes in enumerate(ascending):
        others = len(ascending) - place
        if size_bytes * others > left_bytes:
            return left_bytes // others
        left_bytes -= size_bytes
    return ascending[-1] if ascending else 0


def beginning(text: str, max_bytes: int) -> str:
    """As much of the text as takes no more bytes in a result, cut between two characters."""
    cut = text[: max(0, max_bytes)]
    while cut and (over_bytes := json_bytes(cut) - 2 - max_bytes) > 0:
        # So many characters at least are too many; then it is measured again.
        cut = cut[: len(cut) - -(-over_bytes // _MAX_BYTES_OF_CHARACTER)]
    return cut
