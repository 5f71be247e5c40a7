"""The change that `update_gist` makes: description, and files added, replaced, renamed, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gist_mcp.calls.argument_names import shown
from gist_mcp.calls.file_names import check_file_name
from gist_mcp.calls.text import check_length, check_text
from gist_mcp.changes.approval import new_texts
from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.new_gist import Faults, check_content, check_description, check_total_size
from gist_mcp.changes.sent_change import GistChange
from gist_mcp.constants import MAX_FILES, MAX_PRESENT_NAME_CHARACTERS
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

    @property
    def result_name(self) -> str:
        """Its name afterwards; empty if it is deleted."""
        return "" if self.delete else self.new_filename or self.filename

    @property
    def leaves_its_name(self) -> bool:
        """True if no file has its name afterwards, unless another one gets it."""
        return self.result_name != self.filename


@dataclass(frozen=True, kw_only=True)
class Update:
    """What `update_gist` is asked for, checked. `description`: `None` stays, empty clears it."""

    description: str | None
    files: tuple[FileUpdate, ...]


def checked_update(
    *,
    description: str,
    clear_description: bool,
    files: Sequence[FileUpdate],
    faults: Faults | None = None,
) -> Update:
    """The update, as far as it can be judged without the gist. Raises `InvalidArgument` with all
    faults. `faults` are those that were found before.
    """
    faults = faults or Faults()
    with faults.collected():
        check_description(description)
        if description and clear_description:
            raise InvalidArgument(
                "clear_description", "is true although a description is given; choose one."
            )
    with faults.collected():
        if not files and not description and not clear_description:
            raise InvalidArgument(
                "files",
                "is empty, and so is description: nothing would change. To take the description "
                "away, set clear_description to true.",
            )
        if len(files) > MAX_FILES:
            raise InvalidArgument("files", f"a gist holds at most {MAX_FILES} files.")
    for number, file in enumerate(files[:MAX_FILES]):
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
    check_text(f"{field}.filename", file.filename)
    check_length(f"{field}.filename", file.filename, MAX_PRESENT_NAME_CHARACTERS)
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
    elif not file.leaves_its_name:
        raise InvalidArgument(
            field, "says nothing to do; give content, another new_filename or delete: true."
        )


def _check_names(files: Sequence[FileUpdate]) -> None:
    """Raises `InvalidArgument` where two entries are about the same file, before or afterwards."""
    names: set[str] = set()
    results: set[str] = set()
    for number, file in enumerate(files):
        if file.filename in names:
            raise InvalidArgument(
                f"files[{number}].filename",
                f"`{shown(file.filename)}` comes twice; each file only once.",
            )
        if file.result_name in results:
            raise InvalidArgument(
                f"files[{number}]",
                f"another entry gives a file the name `{shown(file.result_name)}` too.",
            )
        names.add(file.filename)
        results |= {file.result_name} - {""}


class UpdateGist(ChangeGist):
    """Carries an `Update` out."""

    tool: ClassVar[str] = "update_gist"

    def __init__(
        self,
        gist_id: str,
        update: Update,
        *,
        revision: str,
        user_id: GitHubUserId,
        confirm: str = "",
    ) -> None:
        super().__init__(gist_id, revision=revision, user_id=user_id, confirm=confirm)
        self._update = update

    def known_texts(self) -> Sequence[tuple[str, str]]:
        files = [(file.result_name, file.content) for file in self._update.files]
        return [("description", self._update.description or ""), *new_texts(files)]

    def watched(self) -> Mapping[str, bool]:
        left = {file.filename: True for file in self._update.files if file.leaves_its_name}
        return left | {
            file.result_name: bool(file.content) for file in self._update.files if not file.delete
        }

    async def change_of(self, gist: Gist) -> GistChange:
        return change_of(self._update, gist)


def change_of(update: Update, gist: Gist) -> GistChange:
    """What is to be sent. Raises `InvalidArgument` with all that this gist does not allow."""
    there = {file.filename for file in gist.files}
    faults = Faults()
    for number, file in enumerate(update.files):
        with faults.collected():
            _check_against(f"files[{number}]", file, there, update, gist)
    faults.refuse()
    left = there - {file.filename for file in update.files if file.leaves_its_name}
    left |= {file.result_name for file in update.files if not file.delete}
    if not gist.truncated:
        _check_number(left)
    return GistChange(
        description=update.description,
        files={file.filename: _sent(file) for file in update.files},
        replaces=any(
            file.filename in there and (file.content or file.delete) for file in update.files
        ),
    )


def _check_number(names: set[str]) -> None:
    if not names:
        raise InvalidArgument(
            "files", "the last file cannot be deleted; delete_gist deletes the gist."
        )
    if len(names) > MAX_FILES:
        # GitHub would not list them all, and a look could not see what became of them.
        raise InvalidArgument(
            "files", f"the gist would have {len(names)} files; it holds at most {MAX_FILES}."
        )


def _check_against(
    field: str, file: FileUpdate, there: set[str], update: Update, gist: Gist
) -> None:
    if file.filename not in there:
        if file.content and not file.new_filename:
            check_file_name(f"{field}.filename", file.filename)
        elif not gist.truncated:
            # GitHub lists 300 files of a gist; a file that is not listed may be there.
            raise InvalidArgument(
                f"{field}.filename", f"the gist has no file `{shown(file.filename)}`."
            )
    if file.leaves_its_name and file.result_name in there:
        raise InvalidArgument(f"{field}.new_filename", _why_taken(file.result_name, update))


def _why_taken(name: str, update: Update) -> str:
    text = f"the gist has a file `{shown(name)}` already; "
    if any(each.filename == name and each.leaves_its_name for each in update.files):
        # GitHub does not say in which order it takes the files of one change.
        return f"{text}delete or rename that in a call of its own first."
    return f"{text}delete or rename that first."


def _sent(file: FileUpdate) -> FileChange | None:
    if file.delete:
        return None
    new_filename = file.new_filename if file.leaves_its_name else ""
    return FileChange(content=file.content or None, new_filename=new_filename or None)
