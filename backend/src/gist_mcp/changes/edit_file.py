"""The change that `edit_gist_file` makes: exact edits in one file, and text at its end."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from gist_mcp.calls.argument_names import shown
from gist_mcp.calls.text import is_blank
from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.sent_change import GistChange
from gist_mcp.changes.text_edits import Edit, appended, edited
from gist_mcp.changes.whole_text import MAX_EDITED_BYTES, whole_text
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.models import FileChange, Gist
from gist_mcp.principal import GitHubUserId

MAX_NAMED_FILES: Final = 10


class EditFile(ChangeGist):
    """Edits the file `filename`; `append` is added after the edits."""

    tool: ClassVar[str] = "edit_gist_file"

    def __init__(
        self,
        gist_id: str,
        filename: str,
        *,
        edits: Sequence[Edit],
        append: str,
        revision: str,
        user_id: GitHubUserId,
        confirm: str = "",
    ) -> None:
        super().__init__(gist_id, revision=revision, user_id=user_id, confirm=confirm)
        self._filename = filename
        self._edits = tuple(edits)
        self._append = append

    def watched(self) -> Mapping[str, bool]:
        return {self._filename: True}

    async def change_of(self, gist: Gist) -> GistChange:
        file = gist.file(self._filename)
        if file is None:
            raise InvalidArgument("filename", _why_missing(self._filename, gist))
        text = await whole_text(file)
        # In a thread: a long text and many edits would hold up every other call.
        result = await asyncio.to_thread(edited_file, text, self._edits, self._append)
        return GistChange(description=None, files={self._filename: FileChange(content=result)})


def edited_file(text: str, edits: Sequence[Edit], append: str) -> str:
    """The text of the file afterwards. Raises `InvalidArgument` for edits that cannot be made, and
    for a file that GitHub would not take.
    """
    result = appended(edited(text, edits), append)
    if result == text:
        raise InvalidArgument("edits", "together they leave the file as it is.")
    if is_blank(result):
        raise InvalidArgument(
            "edits",
            "nothing would be left of the file, and GitHub refuses empty files; update_gist "
            "deletes a file.",
        )
    size_bytes = len(result.encode())
    if size_bytes > MAX_EDITED_BYTES:
        raise InvalidArgument(
            "edits",
            f"the file would have {size_bytes:,} bytes; {MAX_EDITED_BYTES:,} at most.",
        )
    return result


def _why_missing(filename: str, gist: Gist) -> str:
    if gist.truncated:
        return (
            f"`{shown(filename)}` is not among the 300 files that GitHub lists of this gist. Only "
            "those can be edited; update_gist can replace others."
        )
    names = ", ".join(f"`{shown(each.filename)}`" for each in gist.files[:MAX_NAMED_FILES])
    more = ", ..." if len(gist.files) > MAX_NAMED_FILES else ""
    return f"the gist has no file `{shown(filename)}`. It has {names}{more}."
