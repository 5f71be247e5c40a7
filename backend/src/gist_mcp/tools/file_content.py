"""Reads the text of a gist's file: from GitHub's answer, or whole from the file's own address."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from gist_mcp.errors import GistMcpError
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.models import GistFile

MAX_RAW_BYTES: Final = 10_000_000
"""GitHub gives larger files to git only (REST, gists: truncation)."""

TOO_LARGE: Final = (
    f"The file is larger than {MAX_RAW_BYTES:,} bytes, which GitHub gives to git only: clone the "
    "gist to read it."
)
BINARY: Final = "The file is binary, so its content is not shown."
NOT_GIVEN: Final = "GitHub does not give the content of this file right now."

_REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, kw_only=True)
class FileBytes:
    """A file with its exact bytes. `None`, and `note` says why, where they are not to be had."""

    file: GistFile
    data: bytes | None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileText:
    """A file with its text in UTF-8. `data` is `None`, and `note` says why, where there is none.

    `is_read` is false for a file that was not looked at.
    """

    file: GistFile
    data: bytes | None
    note: str | None = None
    is_read: bool = True

    @property
    def length_bytes(self) -> int:
        """How long the file is, as far as that is known."""
        return len(self.data) if self.data is not None else known_length(self.file)


def known_length(file: GistFile) -> int:
    """How many bytes a file has, by what GitHub has said of it."""
    if file.size_bytes is not None:
        return file.size_bytes
    data = given_bytes(file)
    return 0 if data is None else len(data)


def given_bytes(file: GistFile) -> bytes | None:
    """The exact content of a file, if GitHub's answer has it whole."""
    if file.truncated or file.content is None:
        return None
    if file.encoding == "base64":
        try:
            return base64.b64decode("".join(file.content.split()), validate=True)
        except (binascii.Error, ValueError):
            return None
    data = file.content.encode()
    is_other = file.size_bytes is not None and file.size_bytes != len(data)
    # Where a file is not UTF-8, GitHub's text has replacement characters for what it cannot say.
    return None if is_other and _REPLACEMENT in file.content else data


def is_text(data: bytes) -> bool:
    """True for UTF-8 without NUL, which no text has."""
    if b"\x00" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def file_bytes(
    github: GitHubClient, file: GistFile, *, max_bytes: int = MAX_RAW_BYTES
) -> FileBytes:
    """The file's content; from its own address where GitHub's answer has a part of it only."""
    data = given_bytes(file)
    if data is not None:
        return FileBytes(file=file, data=data)
    if (file.size_bytes or 0) > max_bytes:
        return FileBytes(file=file, data=None, note=TOO_LARGE)
    if file.raw_url is None:
        return FileBytes(file=file, data=None, note=NOT_GIVEN)
    try:
        # No token goes there.
        return FileBytes(file=file, data=await github.get_raw(file.raw_url))
    except GistMcpError:
        # The other files can be shown all the same.
        return FileBytes(file=file, data=None, note=NOT_GIVEN)


async def file_text(github: GitHubClient, file: GistFile) -> FileText:
    """The file's text."""
    if (file.content or "").find("\x00") >= 0 and file.encoding != "base64":
        # The rest of it, if it is cut, would not change that.
        return FileText(file=file, data=None, note=BINARY)
    found = await file_bytes(github, file)
    if found.data is None:
        return FileText(file=file, data=None, note=found.note)
    if not is_text(found.data):
        return FileText(file=file, data=None, note=BINARY)
    return FileText(file=file, data=found.data)
