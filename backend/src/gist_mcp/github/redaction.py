"""Makes foreign text fit to be shown: no tokens, no control characters, short. No I/O."""

import re
import unicodedata
from collections.abc import Iterable

REMOVED = "[removed]"
"""Stands where something secret was. The brackets keep the text on both sides from becoming
a token again."""

MAX_QUOTED_CHARACTERS = 300
"""Longer than any of GitHub's messages, too short to bury ours."""

# GitHub Docs, token formats. Since 2026-04 `ghs_` tokens may hold a JWT, hence dot and hyphen.
_TOKEN = re.compile(r"(?:gh[oprsu]_|github_pat_)[A-Za-z0-9_.\-]*", re.IGNORECASE)


def redact(
    text: str, *, secrets: Iterable[str] = (), max_characters: int = MAX_QUOTED_CHARACTERS
) -> str:
    """`text` on one line without anything that looks like a GitHub token or equals a secret.

    At most `max_characters` long; a cut shows as an ellipsis. Empty secrets are ignored.
    """
    # Invisible characters go first: between the letters of a token they would hide it.
    clean = " ".join("".join(_visible(character) for character in text).split())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        clean = clean.replace(secret, REMOVED)
    clean = _TOKEN.sub(REMOVED, clean)
    if len(clean) <= max_characters:
        return clean
    return clean[: max_characters - 1] + "…"


def _visible(character: str) -> str:
    """The character; a space for line breaks; nothing for control and format characters."""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character
