"""What `get_gist` tells of a gist: its files with as much of their contents as fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from gist_mcp.calls.foreign_text import hidden_characters
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import BYTES_PER_TOKEN, FRAME_BYTES, beginning, json_bytes
from gist_mcp.tools.gist_summary import GistSummary, More, more, summary_fields

MAX_RAW_BYTES: Final = 10 * 1024 * 1024
"""GitHub gives larger files to git only (REST, gists: truncation)."""

TOO_LARGE: Final = (
    f"The file is larger than {MAX_RAW_BYTES:,} bytes, which GitHub gives to git only: clone the "
    "gist to read it."
)
BINARY: Final = "The file is binary, so its content is not shown."
NOT_GIVEN: Final = "GitHub does not give the content of this file right now."


class FileContent(BaseModel):
    """One file. `content` is exact, and a part of the file where `is_complete` is false."""

    filename: str = Field(description="The file's name.")
    size_bytes: int | None = Field(description="Size of the whole file.")
    language: str | None = Field(description="Its language, as GitHub sees it.")
    media_type: str | None = Field(default=None, description="Its media type.")
    content: str | None = Field(default=None, description="Its text; null if it is not shown.")
    offset: int = Field(default=0, description="Where in the file `content` begins, in bytes.")
    is_complete: bool = Field(description="True if nothing of the file is left out.")
    note: str | None = Field(default=None, description="Why something is not shown.")
    hidden_characters: list[str] = Field(
        default=[], description="Characters of `content` that cannot be seen."
    )


class GistContent(GistSummary):
    """A gist with its contents."""

    files: list[FileContent] = Field(description="The files.")  # type: ignore[assignment]
    revision: str | None = Field(
        default=None, description="SHA of the version that is shown. Give it to a change."
    )
    fork_of: str | None = Field(default=None, description="Id of the gist that it was forked from.")
    more: More | None = Field(default=None, description="The call that gives what is left out.")
    note: str | None = Field(default=None, description="What is missing here, and why.")


@dataclass(frozen=True, kw_only=True)
class ReadFile:
    """A file whose content was read. `text` is `None`, and `note` says why, where there is none."""

    file: GistFile
    text: str | None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of the contents is wanted. `max_bytes`: 0 is as much as fits."""

    offset: int
    max_bytes: int


def text_of(data: bytes) -> str | None:
    """The text that a file holds; `None` if it is binary."""
    if b"\x00" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def gist_content(
    gist: Gist,
    files: Sequence[ReadFile],
    me: GitHubUserId,
    wanted: Wanted,
    *,
    max_tokens: int,
    revision: str,
) -> GistContent:
    """The result: files in their order, each with as much content as fits.

    `revision`: the one that was asked for, or empty.
    """
    fields = summary_fields(gist, me)
    left_bytes = max_tokens * BYTES_PER_TOKEN - FRAME_BYTES - json_bytes(_without_files(fields))
    shown: list[FileContent] = []
    unfinished: list[tuple[str, int]] = []
    for read in files:
        entry = _entry(read, wanted, max(0, left_bytes))
        left_bytes -= json_bytes(entry)
        if left_bytes < 0 and shown:
            unfinished += [(each.file.filename, wanted.offset) for each in files[len(shown) :]]
            break
        shown.append(entry)
        if not entry.is_complete and entry.content is not None:
            unfinished.append((entry.filename, entry.offset + len(entry.content.encode())))
    notes = []
    if gist.truncated:
        notes.append("The gist has more files than GitHub lists (300).")
    if unfinished:
        notes.append(f"{len(unfinished)} of {len(files)} files are not shown to their end.")
    return GistContent(
        **{**fields, "files": shown},
        revision=gist.revision or revision or None,
        fork_of=gist.fork_of,
        more=_next(gist, unfinished, wanted, revision),
        note=" ".join(notes) or None,
    )


def _without_files(fields: dict[str, object]) -> dict[str, object]:
    return {name: str(value) for name, value in fields.items() if name != "files"}


def _entry(read: ReadFile, wanted: Wanted, left_bytes: int) -> FileContent:
    file = read.file
    frame = FileContent(
        filename=file.filename,
        size_bytes=file.size_bytes,
        language=file.language,
        media_type=file.type,
        is_complete=True,
        note=read.note,
    )
    if read.text is None:
        return frame.model_copy(update={"is_complete": False})
    data = read.text.encode()
    begin = _at_character(data, min(wanted.offset, len(data)))
    part = data[begin:] if not wanted.max_bytes else data[begin : begin + wanted.max_bytes]
    text = part.decode(errors="ignore")
    cut = beginning(text, max(0, left_bytes - json_bytes(frame)))
    return frame.model_copy(
        update={
            "content": cut,
            "offset": begin,
            "is_complete": begin == 0 and len(cut.encode()) == len(data),
            "hidden_characters": hidden_characters(cut),
        }
    )


def _at_character(data: bytes, offset: int) -> int:
    """The beginning of the character in which `offset` lies."""
    while offset > 0 and offset < len(data) and data[offset] & 0b1100_0000 == 0b1000_0000:
        offset -= 1
    return offset


def _next(
    gist: Gist, unfinished: Sequence[tuple[str, int]], wanted: Wanted, revision: str
) -> More | None:
    if not unfinished:
        return None
    first, offset = unfinished[0]
    names = [first] if offset else [name for name, _ in unfinished]
    arguments = {
        "gist_id": gist.id,
        "revision": gist.revision or revision,
        "filenames": names,
        "offset": offset,
        "max_bytes": wanted.max_bytes,
    }
    return more("get_gist", arguments)
