"""Suggests the argument that a model meant by an unknown name. Pure rules.

Models write `private`, `file_name` or `isPublic` where a tool has `public` and `filename`. A call
with an unknown name is always refused. The suggestion is part of the error, so that the next call
is right.
"""

from collections.abc import Collection
from difflib import get_close_matches

MAX_SHOWN_CHARACTERS = 60
"""How much of an unknown name an error repeats, and the longest name that is compared."""

_CLOSE = 0.75
"""Similarity, from 0 to 1, from which on a name counts as misspelt: one letter in four differs."""

_MEANT: dict[str, tuple[str, ...]] = {
    "private": ("public",),
    "secret": ("public",),
    "unlisted": ("public",),
    "listed": ("public",),
    "visibility": ("public",),
    "visible": ("public",),
    "access": ("public",),
    "file": ("filename",),
    "name": ("filename",),
    "path": ("filename",),
    "filepath": ("filename",),
    "title": ("filename", "description"),
    "text": ("content", "body"),
    "body": ("content",),
    "code": ("content",),
    "data": ("content",),
    "source": ("content",),
    "comment": ("body",),
    "message": ("body", "description"),
    "desc": ("description",),
    "summary": ("description",),
    "files": ("additional_files",),
    "morefiles": ("additional_files",),
    "extrafiles": ("additional_files",),
    "otherfiles": ("additional_files",),
    "key": ("idempotency_key",),
    "requestid": ("idempotency_key",),
    "clientrequestid": ("idempotency_key",),
    "id": ("gist_id",),
    "gist": ("gist_id",),
    "url": ("gist_id",),
    "gisturl": ("gist_id",),
    "user": ("login",),
    "username": ("login",),
    "owner": ("login",),
    "account": ("login",),
    "q": ("query",),
    "search": ("query", "old_text"),
    "keyword": ("query",),
    "limit": ("per_page", "max_bytes"),
    "count": ("per_page",),
    "size": ("per_page", "max_bytes"),
    "pagesize": ("per_page",),
    "sha": ("revision",),
    "version": ("revision",),
    "commit": ("revision",),
    "old": ("old_text",),
    "oldstring": ("old_text",),
    "oldstr": ("old_text",),
    "find": ("old_text",),
    "new": ("new_text",),
    "newstring": ("new_text",),
    "newstr": ("new_text",),
    "replace": ("new_text",),
    "replacement": ("new_text",),
    "rename": ("new_filename",),
    "renameto": ("new_filename",),
    "newname": ("new_filename",),
    "remove": ("delete",),
    "deleted": ("delete",),
}
"""Other words for arguments, in letters and digits only, with what they mean in a tool that has
it. An argument of a tool always comes before a word of this list."""


def meant_by(unknown: str, known: Collection[str]) -> str | None:
    """The one of `known` that an unknown name stands for, or `None`."""
    if len(unknown) > MAX_SHOWN_CHARACTERS:
        return None
    by_letters = {_letters(name): name for name in known}
    letters = _letters(unknown)
    # Booleans are often called `isPublic`.
    for word in (letters, letters.removeprefix("is")):
        if word in by_letters:
            return by_letters[word]
        for name in _MEANT.get(word, ()):
            if name in known:
                return name
    close = get_close_matches(letters, by_letters, n=1, cutoff=_CLOSE)
    return by_letters[close[0]] if close else None


def is_about_visibility(unknown: str) -> bool:
    """True for a name that stands for whether a gist is public."""
    letters = _letters(unknown)
    words = {letters, letters.removeprefix("is")}
    return any(word == "public" or _MEANT.get(word) == ("public",) for word in words)


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def shown(name: str) -> str:
    """An unknown name as an error repeats it: short, on one line, no invisible characters."""
    text = "".join(
        character if character.isprintable() else f"U+{ord(character):04X}"
        for character in name[:MAX_SHOWN_CHARACTERS]
    )
    return text if len(name) <= MAX_SHOWN_CHARACTERS else f"{text}..."
