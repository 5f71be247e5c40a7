"""The change that `edit_gist_file` makes: exact edits in one file, and text at its end."""

from collections.abc import Sequence
from typing import Final

from gist_mcp import process
from gist_mcp.calls.argument_names import shown
from gist_mcp.changes.gist_change import ChangeGist, GistChange
from gist_mcp.changes.new_gist import check_content, check_total_size
from gist_mcp.changes.text_edits import Edit, appended, edited
from gist_mcp.errors import Conflict, InvalidArgument, NotFound
from gist_mcp.github.models import FileChange, Gist, GistFile
from gist_mcp.principal import GitHubUserId

_RESULT: Final = "edits"


class EditFile(ChangeGist):
    """Edits the file `filename`; `append` is added after the edits."""

    def __init__(
        self,
        gist_id: str,
        filename: str,
        *,
        edits: Sequence[Edit],
        append: str,
        revision: str,
        user_id: GitHubUserId,
    ) -> None:
        super().__init__(gist_id, revision=revision, user_id=user_id)
        self._filename = filename
        self._edits = tuple(edits)
        self._append = append

    async def change_of(self, gist: Gist) -> GistChange:
        file = gist.file(self._filename)
        if file is None:
            names = ", ".join(f"`{shown(each.filename)}`" for each in gist.files[:10])
            raise NotFound(f"The gist has no file `{shown(self._filename)}`. It has {names}.")
        text = appended(edited(await _whole_text(file), self._edits), self._append)
        check_content(_RESULT, text)
        check_total_size([(_RESULT, text)])
        return GistChange(description=None, files={self._filename: FileChange(content=text)})


async def _whole_text(file: GistFile) -> str:
    """The content of a file, never a part of it. Raises `Conflict` for what is no text."""
    if file.content is not None and not file.truncated:
        return file.content
    if file.raw_url is None:
        raise Conflict("GitHub does not give the whole content of this file.")
    data = await process.services().github.get_raw(file.raw_url)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Conflict("This file is no text in UTF-8; it cannot be edited.") from None


def checked_edits(edits: Sequence[Edit], append: str) -> None:
    """Raises `InvalidArgument` if there is nothing to do."""
    if not edits and not append:
        raise InvalidArgument("edits", "is empty, and so is append: nothing would change.")
