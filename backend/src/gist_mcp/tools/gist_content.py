"""What `get_gist` tells of a gist: its files with as much of their contents as fits. Pure rules.

The files are shown one after the other. A position counts bytes of UTF-8 over all of them; the end
of each file counts as one more. So an answer that is full says one number from which the next goes
on, whatever the names of the files are. In the first file a position is an offset in that file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field

from gist_mcp.calls.foreign_text import hidden_characters
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import (
    FRAME_BYTES,
    beginning,
    budget_bytes,
    entry_bytes,
    json_bytes,
    names_that_fit,
)
from gist_mcp.tools.file_content import FileText
from gist_mcp.tools.gist_summary import GistSummary, More, more, summary_fields

MAX_POSITION: Final = 10**12
"""Beyond the end of any gist."""

LEAST_CONTENT_BYTES: Final = 200
"""No file is begun in less room: a word of it would tell nothing."""

_MORE_NAMES_DEPTH: Final = 4
"""How deep in a result the file names of `more` are."""


class FileContent(BaseModel):
    """One file. `content` is exact, and a part of the file where `is_complete` is false."""

    filename: str = Field(description="The file's name.")
    size_bytes: int | None = Field(description="Size of the whole file.")
    language: str | None = Field(description="Its language, as GitHub sees it.")
    media_type: str | None = Field(default=None, description="Its media type.")
    content: str | None = Field(default=None, description="Its text; null if it is not shown.")
    offset: int = Field(default=0, description="Where in the file `content` begins, in bytes.")
    is_complete: bool = Field(description="True if nothing of the file is left out here.")
    note: str | None = Field(default=None, description="Why something is not shown.")
    hidden_characters: list[str] = Field(
        default=[], description="Characters of `content` that cannot be seen."
    )


class GistContent(GistSummary):
    """A gist with its contents."""

    files: list[FileContent] = Field(  # type: ignore[assignment]
        description="The files, or those of them that fit."
    )
    further_files: list[str] = Field(
        default=[], description="Names of the files after those, as far as they fit."
    )
    revision: str | None = Field(
        default=None, description="SHA of the version that is shown. Give it to a change."
    )
    fork_of: str | None = Field(default=None, description="Id of the gist that it was forked from.")
    more: More | None = Field(default=None, description="The call that gives what is left out.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of the contents is wanted: `max_bytes` from the position `offset` on.

    0 for `max_bytes` is as much as fits. `filenames` are those that were named, `revision` the one
    that was asked for; both may be empty.
    """

    offset: int = 0
    max_bytes: int = 0
    filenames: tuple[str, ...] = ()
    revision: str = ""

    @property
    def end(self) -> int:
        """The position before which the answer ends."""
        return self.offset + self.max_bytes if self.max_bytes else MAX_POSITION


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The files of an answer. `next_place` is the first file that is not in it, or not to its end;
    `next_offset` is where in that file to go on.
    """

    files: list[FileContent]
    next_place: int
    next_offset: int


def positions(lengths_bytes: Sequence[int]) -> list[int]:
    """Where each file begins, and after those where the contents end."""
    begins = [0]
    for length_bytes in lengths_bytes:
        begins.append(begins[-1] + length_bytes + 1)
    return begins


def gist_content(
    gist: Gist,
    files: Sequence[FileText],
    me: GitHubUserId,
    wanted: Wanted,
    *,
    max_tokens: int,
) -> GistContent:
    """The result. `files` are those that were asked for, in their order.

    Raises `InvalidArgument` for an offset behind their end.
    """
    begins = positions([file.length_bytes for file in files])
    if files and wanted.offset >= begins[-1]:
        raise InvalidArgument(
            "offset", f"is behind the end: the files have {begins[-1] - 1:,} bytes together."
        )
    total_bytes = budget_bytes(max_tokens)
    fields = _cut_fields(summary_fields(gist, me), total_bytes // 8)
    frame = GistContent(
        **{**fields, "files": [], "note": " " * (FRAME_BYTES // 2)},
        revision=gist.revision or wanted.revision or None,
        fork_of=gist.fork_of,
    )
    names_bytes = total_bytes // 8 if len(files) > 1 else 0
    more_bytes = min(_names_bytes(wanted.filenames), total_bytes // 8) + FRAME_BYTES // 2
    shown = _shown(
        files, begins, wanted, total_bytes - json_bytes(frame) - names_bytes - more_bytes
    )
    rest = [file.file.filename for file in files[shown.next_place :]]
    further = rest[1:] if shown.next_offset else rest
    names = names_that_fit(further, names_bytes)
    return frame.model_copy(
        update={
            "files": shown.files,
            "further_files": names,
            "more": _more(gist, files, begins, wanted, shown, max_bytes=total_bytes // 8),
            "note": _note(gist, fields, shown, len(further), len(names)),
        }
    )


def _cut_fields(fields: dict[str, Any], max_bytes: int) -> dict[str, Any]:
    description = fields["description"]
    cut = None if description is None else beginning(description, max_bytes)
    is_cut = cut != description
    return {**fields, "description": cut, "note": "The description is cut." if is_cut else None}


def _shown(
    files: Sequence[FileText], begins: Sequence[int], wanted: Wanted, left_bytes: int
) -> Shown:
    """The files from the offset on, until the room or what is wanted ends."""
    entries: list[FileContent] = []
    for place, file in enumerate(files):
        begin = begins[place]
        if wanted.offset >= begins[place + 1]:
            continue
        if begin >= wanted.end or not file.is_read:
            return Shown(files=entries, next_place=place, next_offset=0)
        part = _part(file, wanted.offset - begin, wanted.end - begin, left_bytes)
        if part is None:
            return Shown(files=entries, next_place=place, next_offset=0)
        entry, next_offset = part
        left_bytes -= entry_bytes(entry)
        entries.append(entry)
        if next_offset is not None:
            return Shown(files=entries, next_place=place, next_offset=next_offset)
    return Shown(files=entries, next_place=len(files), next_offset=0)


def _part(
    file: FileText, begin: int, end: int, left_bytes: int
) -> tuple[FileContent, int | None] | None:
    """The entry of a file with its bytes from `begin` to `end`, as far as they fit; and where to go
    on if there is more. `None` if there is no room.
    """
    frame = FileContent(
        filename=file.file.filename,
        size_bytes=file.file.size_bytes,
        language=file.file.language,
        media_type=file.file.type,
        is_complete=False,
        note=file.note,
    )
    if file.data is None:
        return (frame, None) if entry_bytes(frame) <= left_bytes else None
    begin = _at_character(file.data, max(0, begin))
    # A character has at least as many bytes in a result as in UTF-8.
    part = file.data[begin : max(begin + 1, min(end, begin + max(0, left_bytes)))]
    text = _whole_characters(file.data, begin, begin + len(part))
    frame = frame.model_copy(update={"offset": begin, "hidden_characters": hidden_characters(text)})
    room_bytes = left_bytes - entry_bytes(frame)
    if room_bytes < min(LEAST_CONTENT_BYTES, json_bytes(text)):
        return None
    cut = beginning(text, room_bytes)
    next_offset = begin + len(cut.encode())
    is_at_end = next_offset >= len(file.data)
    entry = frame.model_copy(
        update={
            "content": cut,
            "is_complete": begin == 0 and is_at_end,
            "hidden_characters": hidden_characters(cut),
        }
    )
    return entry, None if is_at_end else next_offset


def _at_character(data: bytes, offset: int) -> int:
    """The beginning of the character in which `offset` lies."""
    offset = min(offset, len(data))
    while 0 < offset < len(data) and data[offset] & 0b1100_0000 == 0b1000_0000:
        offset -= 1
    return offset


def _whole_characters(data: bytes, begin: int, end: int) -> str:
    """The text between two offsets, of which the second may lie within a character.

    At least one character, unless there is none: or the next call would begin where this one did.
    """
    last = _at_character(data, end)
    while last <= begin < len(data) and end < len(data):
        end += 1
        last = _at_character(data, end)
    return data[begin : max(begin, last)].decode()


def _names_bytes(names: Sequence[str]) -> int:
    return sum(entry_bytes(name, _MORE_NAMES_DEPTH) for name in names)


def _more(
    gist: Gist,
    files: Sequence[FileText],
    begins: Sequence[int],
    wanted: Wanted,
    shown: Shown,
    *,
    max_bytes: int,
) -> More | None:
    if shown.next_place == len(files):
        return None
    names: Sequence[str] = wanted.filenames
    offset = begins[shown.next_place] + shown.next_offset
    if _names_bytes(names) > max_bytes:
        # The finished ones are not named again.
        rest = [file.file.filename for file in files[shown.next_place :]]
        names, offset = names_that_fit(rest, max_bytes, depth=_MORE_NAMES_DEPTH), shown.next_offset
    arguments = {
        "gist_id": gist.id,
        "revision": gist.revision or wanted.revision,
        "filenames": list(names),
        "offset": offset,
        "max_bytes": wanted.max_bytes,
    }
    return more("get_gist", arguments)


def _note(gist: Gist, fields: dict[str, Any], shown: Shown, further: int, named: int) -> str | None:
    notes = [fields["note"]] if fields["note"] else []
    if gist.truncated:
        notes.append(
            "The gist has more files than GitHub lists (300): clone the gist to see the others."
        )
    if shown.next_offset:
        notes.append("The last of the files goes on.")
    if further:
        notes.append(f"{further:,} further files are not shown, of which {named:,} are named.")
    return " ".join(notes) or None
