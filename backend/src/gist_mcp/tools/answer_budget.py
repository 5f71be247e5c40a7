"""How long a result may be, so that it leaves room for a conversation. Pure rules.

A model reads a result as tokens, and how many those are depends on the model. The estimate is one
token for each 3 bytes of the result's JSON in UTF-8, rounded up: English prose has more bytes for a
token, source code and CJK about as many.
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import to_json

BYTES_PER_TOKEN: Final = 3

FRAME_BYTES: Final = 1_500
"""For what is around the entries of a list or the contents of files: names, notes, `more`."""


def json_bytes(value: BaseModel | dict[str, Any] | str) -> int:
    """How many bytes a part of a result takes in it."""
    return len(to_json(value))


def tokens(value: BaseModel | dict[str, Any] | str) -> int:
    """The estimate for a whole result."""
    return -(-json_bytes(value) // BYTES_PER_TOKEN)


def fitting[T: BaseModel](entries: Sequence[T], max_tokens: int) -> list[T]:
    """The first of the entries that fit together. One at least: a result with none helps nobody."""
    left_bytes = max_tokens * BYTES_PER_TOKEN - FRAME_BYTES
    fit: list[T] = []
    for entry in entries:
        left_bytes -= json_bytes(entry) + 1
        if left_bytes < 0 and fit:
            break
        fit.append(entry)
    return fit


def beginning(text: str, max_bytes: int) -> str:
    """As much of the text as takes no more bytes in a result, cut between two characters."""
    # A character takes 1 to 6 bytes as JSON; cut, then look again.
    cut = text[:max_bytes]
    while cut and (over := json_bytes(cut) - 2 - max_bytes) > 0:
        # No character takes more than 6 bytes for one of itself.
        cut = cut[: len(cut) - max(1, over // 6)]
    return cut
