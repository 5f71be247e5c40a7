"""Who wrote a text, and which characters in it cannot be seen. Pure rules.

A model reads gists of strangers. What they wrote is data and no instruction, so each result says
whose text it is. Characters that a person does not see can hold a text that only the model reads:
they are reported, and left out where the text is not somebody's content that must stay exact.
"""

import re
import unicodedata
from collections import Counter
from enum import StrEnum

from gist_mcp.principal import GitHubUserId

MAX_REPORTED = 10
"""Kinds of invisible characters that one report names."""


class Author(StrEnum):
    """Who wrote a text, seen from the person whose account the call uses."""

    MINE = "mine"
    OTHER = "other"
    UNKNOWN = "unknown"
    """GitHub names nobody, as for an anonymous gist or a deleted account."""


def author_of(writer: GitHubUserId | None, me: GitHubUserId) -> Author:
    """Whose text it is that the account `writer` wrote."""
    if writer is None:
        return Author.UNKNOWN
    return Author.MINE if writer == me else Author.OTHER


_HIDDEN = re.compile(
    "["
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "]"
)
"""Unicode's Default_Ignorable_Code_Point, with control characters (not tab and line feed, carriage
return neither), the line and paragraph separators, and the annotation characters. Bidi controls
(UAX 9) and tag characters (U+E0000 to U+E007F) are among them."""

_JOINERS = "\u200c\u200d"
_SELECTORS = re.compile("[\ufe00-\ufe0f]")


def hidden_characters(text: str) -> list[str]:
    """What cannot be seen in a text, such as `U+202E RIGHT-TO-LEFT OVERRIDE, 2 times`.

    Not reported are joiners between letters or emoji and one variation selector after a visible
    character, which Persian, the languages of India and emoji need.
    """
    counts = Counter(match[0] for match in _HIDDEN.finditer(text) if not _is_needed(text, match))
    reported = [
        f"{_named(character)}, {count} {'time' if count == 1 else 'times'}"
        for character, count in counts.most_common(MAX_REPORTED)
    ]
    left = len(counts) - len(reported)
    return [*reported, f"and {left} other kinds"] if left > 0 else reported


def without_hidden(text: str) -> str:
    """The text without the characters that `hidden_characters` reports."""
    return _HIDDEN.sub(lambda match: match[0] if _is_needed(text, match) else "", text)


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "")
    return f"{code} {name}" if name else code


def _is_needed(text: str, match: re.Match[str]) -> bool:
    """True for a character that changes how its neighbours look, where it stands as it should."""
    character, start, end = match[0], match.start(), match.end()
    before = text[start - 1] if start else ""
    after = text[end] if end < len(text) else ""
    if _SELECTORS.match(character):
        # One for a character. Each has half a byte, so a row of them could hold any text.
        return _is_visible(before) and not _SELECTORS.match(before)
    return character in _JOINERS and _is_visible(before) and _is_visible(after)


def _is_visible(character: str) -> bool:
    if not character:
        return False
    if _SELECTORS.match(character):
        # Emoji have a selector before the joiner.
        return True
    # Letters and marks of scripts that join, and symbols. Between letters of Latin a joiner only
    # hides.
    category = unicodedata.category(character)
    is_ascii = character.isascii()
    return not is_ascii and category[0] in "LMS"
