"""What a gist may hold and how an update changes it: pure rules on parsed JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from github_simulator import choices
from github_simulator.rest.answers import (
    CREATE_GIST_DOCS,
    UPDATE_GIST_DOCS,
    FieldProblem,
    JsonObject,
    refuse,
    refuse_shape,
)

NO_FILES = FieldProblem("Gist", "files", "missing_field")
MAX_COMMENT_CHARACTERS = 65_535
TOKEN_PATTERN = re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})")


def is_blank(text: str) -> bool:
    """True for no text or white space alone: Rails' `blank?`, so far as Unicode says what that is.

    Python counts the separators U+001C to U+001F as white space, Unicode does not.
    """
    return all(character.isspace() and not "\x1c" <= character <= "\x1f" for character in text)


@dataclass(frozen=True)
class NewGist:
    """A checked request to create a gist."""

    description: str | None
    public: bool
    files: dict[str, str]


@dataclass(frozen=True)
class FileChange:
    """What an update does to one file; neither field set keeps the file as it is."""

    content: str | None = None
    filename: str | None = None
    delete: bool = False


def parse_new_gist(body: JsonObject) -> NewGist:
    """The gist to create. Raises `ApiError` 422 with GitHub's reason."""
    raw_files = body.get("files")
    if raw_files is None or raw_files == {}:
        refuse(NO_FILES, CREATE_GIST_DOCS)
    if not isinstance(raw_files, dict):
        refuse_shape(f"For 'properties/files', {_shown(raw_files)} is not an object.")
    files: dict[str, str] = {}
    for name, entry in raw_files.items():
        content = entry.get("content") if isinstance(entry, dict) else None
        if content is not None and not isinstance(content, str):
            refuse_shape(f"For 'properties/content', {_shown(content)} is not a string.")
        if content is None or is_blank(content):
            refuse(NO_FILES, CREATE_GIST_DOCS)
        files[_file_name(name, files, CREATE_GIST_DOCS)] = content
    return NewGist(_description(body), _public(body.get("public", False)), files)


def parse_changes(body: JsonObject) -> dict[str, FileChange]:
    """What an update does to each file it names. Raises `ApiError` 422."""
    raw_files = body.get("files")
    if raw_files is None:
        return {}
    if not isinstance(raw_files, dict):
        refuse_shape(f"For 'properties/files', {_shown(raw_files)} is not an object.")
    return {name: _file_change(entry) for name, entry in raw_files.items()}


def changed_files(files: Mapping[str, str], changes: Mapping[str, FileChange]) -> dict[str, str]:
    """The files after an update. Raises `ApiError` 422 where GitHub does."""
    if changes and all(change.delete and name not in files for name, change in changes.items()):
        refuse(NO_FILES, UPDATE_GIST_DOCS)
    result = dict(files)
    for name, change in changes.items():
        if change.delete:
            result.pop(name, None)
            continue
        content = change.content if change.content is not None else result.get(name)
        if content is None or is_blank(content):
            refuse(NO_FILES, UPDATE_GIST_DOCS)
        new_name = change.filename or _file_name(name, result, UPDATE_GIST_DOCS)
        if new_name != name:
            _rename(result, name, _file_name(new_name, result, UPDATE_GIST_DOCS))
        result[new_name] = content
    if not result:
        refuse(NO_FILES, UPDATE_GIST_DOCS)
    return result


def _rename(files: dict[str, str], old: str, new: str) -> None:
    if new in files:
        refuse(FieldProblem("Gist", "files", "already_exists"), UPDATE_GIST_DOCS)
    files.pop(old, None)


def new_description(body: JsonObject, old: str | None) -> str | None:
    """The description after an update; absent keeps the old one."""
    return _description(body) if "description" in body else old


def parse_comment(body: JsonObject) -> str:
    """The text of a comment. Raises `ApiError` 422."""
    text = body.get("body")
    if not isinstance(text, str) or is_blank(text):
        refuse(FieldProblem("GistComment", "body", "missing_field"))
    if len(text) > MAX_COMMENT_CHARACTERS:
        message = "body is too long (maximum is 65535 characters)"
        refuse(FieldProblem("GistComment", "body", "custom", message))
    return text


def _file_change(entry: object) -> FileChange:
    if entry is None:
        return FileChange(delete=True)
    if not isinstance(entry, dict):
        refuse_shape(f"For 'properties/files', {_shown(entry)} is not an object.")
    content, filename = entry.get("content"), entry.get("filename")
    for value in (content, filename):
        if value is not None and not isinstance(value, str):
            refuse_shape(f"{_shown(value)} is not a string.")
    return FileChange(content, filename)


def _file_name(name: str, taken: Mapping[str, str], documentation_url: str) -> str:
    """The name as stored; an empty one becomes `gistfileN.txt`."""
    if any(part in name for part in choices.FORBIDDEN_IN_FILE_NAMES):
        refuse(FieldProblem("Gist", "files", "invalid"), documentation_url)
    if name:
        return name
    number = 1
    while f"{choices.EMPTY_FILE_NAME_PREFIX}{number}.txt" in taken:
        number += 1
    return f"{choices.EMPTY_FILE_NAME_PREFIX}{number}.txt"


def _description(body: JsonObject) -> str | None:
    description = body.get("description")
    if description is not None and not isinstance(description, str):
        refuse_shape(f"For 'properties/description', {_shown(description)} is not a string.")
    return description


def _public(value: object) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        refuse_shape(f"For 'properties/public', {_shown(value)} is not a boolean.")
    return value == "true"


def _shown(value: object) -> str:
    return repr(value)[:80]


def line_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[int, int]:
    """Lines added and removed, counted by whole files that differ."""
    added = sum(_lines(text) for name, text in new.items() if old.get(name) != text)
    removed = sum(_lines(text) for name, text in old.items() if new.get(name) != text)
    return added, removed


def _lines(text: str) -> int:
    return len(text.splitlines())
