"""Checks of tool arguments, before anything is sent anywhere. Pure rules.

Each names the argument that must change, so that a model can mend its call by itself.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gist_mcp.constants import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FILE_NAME_CHARACTERS,
    MAX_FILES,
    MAX_GIST_CONTENT_BYTES,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
)
from gist_mcp.errors import InvalidArgument

_RESERVED = re.compile(r"gistfile\d+(\.[^.]*)?\Z", re.IGNORECASE)
"""GitHub names unnamed files like this and asks not to use it (REST, create a gist)."""


@dataclass(frozen=True, kw_only=True)
class NewGist:
    """A gist to be made, checked. `files` maps names to contents, in the order given."""

    description: str
    public: bool
    files: dict[str, str]

    def digests(self) -> dict[str, str]:
        """SHA-256 of each argument, to recognise the same request without keeping it."""
        return {
            "description": _digest(self.description),
            "public": _digest(str(self.public)),
            "files": _digest(json.dumps(sorted(self.files.items()))),
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def checked_gist(
    *, description: str, public: bool, files: Iterable[tuple[str, str, str]]
) -> NewGist:
    """The gist, if GitHub would take it. Raises `InvalidArgument`.

    `files` are triples: the argument that a file came from, its name, its content.
    """
    _check_text("description", description)
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise InvalidArgument(
            "description", f"is longer than {MAX_DESCRIPTION_CHARACTERS} characters; shorten it."
        )
    checked: dict[str, str] = {}
    total_bytes = 0
    for argument, name, content in files:
        name_field, content_field = _fields(argument)
        check_file_name(name_field, name)
        if name in checked:
            raise InvalidArgument(name_field, f"{name!r} is given twice; each name only once.")
        check_content(content_field, content)
        total_bytes += len(content.encode())
        if total_bytes > MAX_GIST_CONTENT_BYTES:
            raise InvalidArgument(
                content_field,
                f"the gist is larger than {MAX_GIST_CONTENT_BYTES} bytes; make it smaller or "
                "split it into several gists.",
            )
        checked[name] = content
    if len(checked) > MAX_FILES:
        raise InvalidArgument("additional_files", f"a gist holds at most {MAX_FILES} files.")
    return NewGist(description=description, public=public, files=checked)


def _fields(argument: str) -> tuple[str, str]:
    if argument == "filename":
        return "filename", "content"
    return f"{argument}.filename", f"{argument}.content"


def check_file_name(field: str, name: str) -> None:
    """Raises `InvalidArgument` for a name that GitHub refuses or a checkout could not hold."""
    _check_text(field, name)
    if not name.strip():
        raise InvalidArgument(field, "is empty; give the file a name such as `notes.md`.")
    if len(name) > MAX_FILE_NAME_CHARACTERS:
        raise InvalidArgument(field, f"is longer than {MAX_FILE_NAME_CHARACTERS} characters.")
    if "/" in name or "\\" in name:
        raise InvalidArgument(field, "has a slash; gists have no folders.")
    if any(not character.isprintable() for character in name):
        raise InvalidArgument(field, "has characters that cannot be printed.")
    if name != name.strip() or name in (".", "..", ".git"):
        raise InvalidArgument(field, "is not a name that a file can have; choose another.")
    if _RESERVED.match(name):
        raise InvalidArgument(
            field, "is reserved by GitHub (gistfile and a number); choose another."
        )


def check_content(field: str, content: str) -> None:
    """Raises `InvalidArgument` for content that GitHub refuses."""
    _check_text(field, content)
    if not content:
        raise InvalidArgument(field, "is empty; GitHub refuses empty files.")


def check_idempotency_key(key: str | None) -> None:
    """Raises `InvalidArgument` unless the key is absent or 1 to 200 printable characters."""
    if key is None:
        return
    _check_text("idempotency_key", key)
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS or not key.isprintable():
        raise InvalidArgument(
            "idempotency_key",
            f"must be 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} printable characters.",
        )


def _check_text(field: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidArgument(field, "has characters that are not valid Unicode.") from None
    if "\x00" in text:
        raise InvalidArgument(field, "has a NUL character; remove it.")
