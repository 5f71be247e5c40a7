"""The change that `update_gist` makes: description, and files added, replaced, renamed, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from gist_mcp.calls.argument_names import shown
from gist_mcp.calls.file_names import check_file_name
from gist_mcp.changes.gist_change import ChangeGist, GistChange
from gist_mcp.changes.new_gist import Faults, check_content, check_description, check_total_size
from gist_mcp.constants import MAX_FILES
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.models import FileChange, Gist
from gist_mcp.principal import GitHubUserId


@dataclass(frozen=True, kw_only=True)
class FileUpdate:
    """What becomes of one file. Empty texts leave the content, and the name, as they are."""

    filename: str
    content: str = ""
    new_filename: str = ""
    delete: bool = False


@dataclass(frozen=True, kw_only=True)
class Update:
    """What `update_gist` is asked for, checked. `description`: `None` stays, empty clears it."""

    description: str | None
    files: tuple[FileUpdate, ...]


def checked_update(
    *, description: str, clear_description: bool, files: Sequence[FileUpdate]
) -> Update:
    """The update, as far as it can be judged without the gist. Raises `InvalidArgument` with all
    faults.
    """
    faults = Faults()
    with faults.collected():
        check_description(description)
        if description and clear_description:
            raise InvalidArgument(
                "clear_description", "is true although a description is given; choose one."
            )
    with faults.collected():
        if not files and not description and not clear_description:
            raise InvalidArgument("files", "is empty, and so is description: nothing would change.")
        if len(files) > MAX_FILES:
            raise InvalidArgument("files", f"a gist holds at most {MAX_FILES} files.")
    faults.refuse()
    for number, file in enumerate(files):
        with faults.collected():
            _check_file(f"files[{number}]", file)
    with faults.collected():
        _check_names(files)
    faults.refuse()
    check_total_size([(f"files[{n}].content", file.content) for n, file in enumerate(files)])
    kept = None if not description and not clear_description else description
    return Update(description=kept, files=tuple(files))


def _check_file(field: str, file: FileUpdate) -> None:
    # The name of a file that is there need not be one that we would give.
    if not file.filename:
        raise InvalidArgument(f"{field}.filename", "is empty; name the file.")
    if file.delete:
        if file.content or file.new_filename:
            raise InvalidArgument(
                f"{field}.delete", "is true, but content or new_filename is given; choose one."
            )
        return
    if file.new_filename:
        check_file_name(f"{field}.new_filename", file.new_filename)
    if file.content:
        check_content(f"{field}.content", file.content)
    elif not file.new_filename:
        raise InvalidArgument(
            field, "says nothing to do; give content, new_filename or delete: true."
        )


def _check_names(files: Sequence[FileUpdate]) -> None:
    names = [file.filename for file in files]
    results = [file.new_filename or file.filename for file in files if not file.delete]
    for kind, given in (("files", names), ("files", results)):
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise InvalidArgument(kind, f"`{shown(twice)}` comes twice; each name only once.")


class UpdateGist(ChangeGist):
    """Carries an `Update` out."""

    def __init__(
        self, gist_id: str, update: Update, *, revision: str, user_id: GitHubUserId
    ) -> None:
        super().__init__(gist_id, revision=revision, user_id=user_id)
        self._update = update

    async def change_of(self, gist: Gist) -> GistChange:
        there = {file.filename for file in gist.files}
        faults = Faults()
        for number, file in enumerate(self._update.files):
            with faults.collected():
                _check_against(f"files[{number}]", file, there, gist)
        faults.refuse()
        left = there - {file.filename for file in self._update.files if file.delete}
        left |= {file.new_filename or file.filename for file in self._update.files if file.content}
        if not left:
            raise InvalidArgument(
                "files", "the last file cannot be deleted; delete_gist deletes the gist."
            )
        return GistChange(
            description=self._update.description,
            files={file.filename: _sent(file) for file in self._update.files},
        )


def _check_against(field: str, file: FileUpdate, there: set[str], gist: Gist) -> None:
    if file.filename not in there:
        if file.content and not file.new_filename:
            check_file_name(f"{field}.filename", file.filename)
            return
        if gist.truncated:
            # GitHub lists 300 files of a gist; there may be more.
            return
        raise InvalidArgument(
            f"{field}.filename", f"the gist has no file `{shown(file.filename)}`."
        )
    if file.new_filename in there and file.new_filename != file.filename:
        raise InvalidArgument(
            f"{field}.new_filename",
            f"the gist has a file `{shown(file.new_filename)}` already; delete or rename that "
            "first.",
        )


def _sent(file: FileUpdate) -> FileChange | None:
    if file.delete:
        return None
    return FileChange(content=file.content or None, new_filename=file.new_filename or None)
