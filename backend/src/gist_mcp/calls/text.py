"""Rules for every text in the arguments, and how errors name a character. Pure rules."""

import re
from collections.abc import Callable

from gist_mcp.errors import InvalidArgument

_ONLY_WHITE_SPACE = re.compile(
    "[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*\\Z"
)
"""Unicode's property White_Space, which is what Ruby's `[[:space:]]` and so Rails' `blank?` mean.
Python's `isspace` has the separators U+001C to U+001F besides."""


def is_blank(text: str) -> bool:
    """True for an empty text and for white space alone, which GitHub treats as empty."""
    return _ONLY_WHITE_SPACE.match(text) is not None


def check_text(field: str, text: str) -> None:
    """Raises `InvalidArgument` for text that cannot be sent or stored as it is."""
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        half = in_code(text[broken.start])
        raise InvalidArgument(
            field, f"has {half}, half of a character and no valid Unicode; mend it."
        ) from None
    if "\x00" in text:
        raise InvalidArgument(field, "has the NUL character U+0000; remove it.")


def check_length(field: str, text: str, max_characters: int) -> None:
    """Raises `InvalidArgument` for a text with more than `max_characters`."""
    if len(text) > max_characters:
        raise InvalidArgument(
            field, f"has {len(text):,} characters; {max_characters:,} at most. Shorten it."
        )


def first_of(text: str, is_meant: Callable[[str], bool]) -> str:
    """The first character for which `is_meant` is true, or `""`."""
    return next((character for character in text if is_meant(character)), "")


def in_code(character: str) -> str:
    """A character as Unicode writes it, such as `U+0007`."""
    return f"U+{ord(character):04X}"
