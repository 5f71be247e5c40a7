"""Rules for the contents of arguments, checked before anything is sent to GitHub. Pure rules.

Each error names the argument that must change, so that a model can correct its call. The names and
types of the arguments have been validated before (`argument_schema.py`).
"""

import contextlib
import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gist_mcp.calls.argument_names import shown
from gist_mcp.calls.argument_schema import all_faults
from gist_mcp.calls.file_names import check_file_name
from gist_mcp.calls.text import check_text, first_of, in_code, is_blank
from gist_mcp.constants import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FILES,
    MAX_GIST_CONTENT_BYTES,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
)
from gist_mcp.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True)
class NewGist:
    """A gist to be created, checked. `files` maps names to contents, in the order given."""

    description: str
    public: bool
    files: dict[str, str]

    def digests(self) -> dict[str, str]:
        """SHA-256 of each argument, to recognize the same request without storing it."""
        return {
            "description": _digest(self.description),
            "public": _digest(str(self.public)),
            "files": _digest(json.dumps(sorted(self.files.items()))),
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Faults:
    """Collects the faults of a call, so that one answer names them all."""

    def __init__(self) -> None:
        self._found: list[InvalidArgument] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """An `InvalidArgument` raised in the block counts as one fault, and the checks go on."""
        try:
            yield
        except InvalidArgument as fault:
            self._found.append(fault)

    def refuse(self) -> None:
        """Raises `InvalidArgument` if there are any."""
        if self._found:
            raise all_faults(self._found)


def checked_gist(
    *,
    description: str,
    public: bool,
    files: Sequence[tuple[str, str, str]],
    idempotency_key: str = "",
) -> NewGist:
    """The gist, if GitHub would take it. Raises `InvalidArgument` with all faults.

    `files` are triples: the argument that a file came from, its name, its content.
    """
    faults = Faults()
    with faults.collected():
        check_description(description)
    with faults.collected():
        check_idempotency_key(idempotency_key)
    with faults.collected():
        if len(files) > MAX_FILES:
            raise InvalidArgument("additional_files", f"a gist holds at most {MAX_FILES} files.")
    faults.refuse()
    checked: dict[str, str] = {}
    for argument, name, content in files:
        name_field, content_field = _fields(argument)
        with faults.collected():
            check_file_name(name_field, name)
            if name in checked:
                raise InvalidArgument(
                    name_field, f"`{shown(name)}` is given twice; each name only once."
                )
        with faults.collected():
            check_content(content_field, content)
        checked[name] = content
    faults.refuse()
    check_total_size([(_fields(argument)[1], content) for argument, _, content in files])
    return NewGist(description=description, public=public, files=checked)


def _fields(argument: str) -> tuple[str, str]:
    if argument == "filename":
        return "filename", "content"
    return f"{argument}.filename", f"{argument}.content"


def check_total_size(contents: Sequence[tuple[str, str]]) -> None:
    """Raises `InvalidArgument` naming the largest of the fields if all go over the limit together.

    `contents` are pairs of field and content.
    """
    sizes = [(field, len(content.encode())) for field, content in contents]
    total_bytes = sum(size_bytes for _, size_bytes in sizes)
    if total_bytes <= MAX_GIST_CONTENT_BYTES:
        return
    largest, _ = max(sizes, key=lambda size: size[1])
    raise InvalidArgument(
        largest,
        f"the contents have {total_bytes:,} bytes in UTF-8 together; one call takes "
        f"{MAX_GIST_CONTENT_BYTES:,} at most. Make them smaller or split them into several gists.",
    )


def check_description(description: str) -> None:
    """Raises `InvalidArgument` for a description that is no readable line."""
    check_text("description", description)
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise InvalidArgument(
            "description",
            f"has {len(description):,} characters; {MAX_DESCRIPTION_CHARACTERS:,} at most. "
            "Shorten it.",
        )


def check_content(field: str, content: str) -> None:
    """Raises `InvalidArgument` for content that GitHub refuses."""
    check_text(field, content)
    if not content:
        raise InvalidArgument(field, "is empty; GitHub refuses empty files.")
    if is_blank(content):
        raise InvalidArgument(
            field, "is white space only, which GitHub refuses like an empty file; write something."
        )


def check_idempotency_key(key: str) -> None:
    """Raises `InvalidArgument` unless the key is empty (there is none) or 1 to 200 characters
    without control characters. Any other text is a key, also `null` or `{"a": 1}`."""
    check_text("idempotency_key", key)
    if len(key) > MAX_IDEMPOTENCY_KEY_CHARACTERS:
        raise InvalidArgument(
            "idempotency_key",
            f"has {len(key):,} characters; {MAX_IDEMPOTENCY_KEY_CHARACTERS} at most. Shorten it.",
        )
    control = first_of(key, lambda character: unicodedata.category(character) == "Cc")
    if control:
        raise InvalidArgument(
            "idempotency_key", f"has the control character {in_code(control)}; leave it out."
        )
