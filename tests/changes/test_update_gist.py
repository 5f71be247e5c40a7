"""Updates of a gist: what is refused, and that what is sent makes what was asked for."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.sent_change import SentChange, files_digest, sent_change
from gist_mcp.changes.update_gist import FileUpdate, UpdateGist, change_of, checked_update
from gist_mcp.constants import MAX_GIST_CONTENT_BYTES
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.gist_calls import _file_change
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId
from github_simulator.rest.answers import ApiError
from github_simulator.rest.gist_rules import changed_files, parse_changes

OWNER_ID = GitHubUserId(1)


def fault_of(*files: FileUpdate, description: str = "", clear_description: bool = False) -> str:
    with pytest.raises(InvalidArgument) as refused:
        checked_update(description=description, clear_description=clear_description, files=files)
    return str(refused.value)


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        (FileUpdate(filename=""), "files[0].filename: is empty"),
        (FileUpdate(filename="\ud800", delete=True), "files[0].filename: has U+D800"),
        (FileUpdate(filename="a"), "files[0]: says nothing to do"),
        (FileUpdate(filename="a", new_filename="a"), "files[0]: says nothing to do"),
        (FileUpdate(filename="a", content=" \n"), "files[0].content: is white space only"),
        (FileUpdate(filename="a", content="\x00"), "files[0].content: has the NUL character"),
        (FileUpdate(filename="a", new_filename="b/c"), "files[0].new_filename: has a slash"),
        (FileUpdate(filename="a", content="x", delete=True), "files[0].delete: is true, but"),
        (FileUpdate(filename="a", new_filename="b", delete=True), "files[0].delete: is true, but"),
    ],
)
def test_an_entry_that_is_not_right_is_refused_with_its_place(file: FileUpdate, fault: str) -> None:
    assert fault_of(file).startswith(fault)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ([FileUpdate(filename="a", content="x")] * 2, "files[1].filename: `a` comes twice"),
        (
            [
                FileUpdate(filename="a", new_filename="c"),
                FileUpdate(filename="b", new_filename="c"),
            ],
            "files[1]: another entry gives a file the name `c` too",
        ),
        (
            [FileUpdate(filename="a", new_filename="b"), FileUpdate(filename="b", content="x")],
            "files[1]: another entry gives a file the name `b` too",
        ),
    ],
)
def test_a_file_is_named_once(files: list[FileUpdate], fault: str) -> None:
    assert fault_of(*files).startswith(fault)


def test_all_faults_are_named_at_once() -> None:
    text = fault_of(
        FileUpdate(filename=""),
        FileUpdate(filename="a", new_filename="/"),
        description="x",
        clear_description=True,
    )

    assert text.startswith("clear_description: ")
    assert "files[0].filename" in text
    assert "files[1].new_filename" in text


def test_there_is_something_to_do_and_not_too_much() -> None:
    large = "x" * (MAX_GIST_CONTENT_BYTES // 2 + 1)

    assert "nothing would change" in fault_of()
    assert "at most 300 files" in fault_of(
        *[FileUpdate(filename=str(number), delete=True) for number in range(301)]
    )
    assert "one call takes 900,000 at most" in fault_of(
        FileUpdate(filename="a", content=large), FileUpdate(filename="b", content=large)
    )


def test_an_empty_description_stays_unless_it_is_cleared() -> None:
    file = FileUpdate(filename="a", content="x")

    kept = checked_update(description="", clear_description=False, files=[file])
    cleared = checked_update(description="", clear_description=True, files=[])

    assert (kept.description, cleared.description) == (None, "")


NAMES = st.sampled_from(["a", "b", "c", "A"])
TEXTS = st.sampled_from(["1", "2", "3\n"])
GISTS = st.dictionaries(NAMES, TEXTS, min_size=1)
UPDATES = st.lists(
    st.builds(
        FileUpdate,
        filename=NAMES,
        content=st.just("") | TEXTS,
        new_filename=st.just("") | NAMES,
        delete=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def gist_with(files: dict[str, str]) -> Gist:
    return Gist(
        id="1",
        html_url="https://gist.github.com/1",
        description=None,
        public=False,
        files=tuple(
            GistFile(
                filename=name,
                size_bytes=len(text),
                language=None,
                type=None,
                raw_url=None,
                content=text,
                truncated=False,
                encoding="utf-8",
            )
            for name, text in files.items()
        ),
        owner_id=OWNER_ID,
        owner_login="octocat",
        created_at=None,
        updated_at=None,
        truncated=False,
        comments=0,
        revision="0" * 40,
    )


def asked_for(files: dict[str, str], updates: list[FileUpdate]) -> dict[str, str]:
    """The files afterwards, as the arguments say it."""
    left = {name: text for name, text in files.items() if name not in {u.filename for u in updates}}
    for update in updates:
        if not update.delete:
            text = update.content or files[update.filename]
            left[update.new_filename or update.filename] = text
    return left


def noted(work: ChangeGist, gist: Gist, updates: list[FileUpdate]) -> SentChange:
    update = checked_update(description="", clear_description=False, files=updates)
    change = change_of(update, gist)
    return asyncio.run(
        sent_change(gist, change, base="0" * 40, watched=work.watched(), at_seconds=0)
    )


@given(GISTS, UPDATES, GISTS)
def test_what_is_sent_makes_what_was_asked_for_and_is_told_from_everything_else(
    files: dict[str, str], updates: list[FileUpdate], other: dict[str, str]
) -> None:
    gist = gist_with(files)
    try:
        update = checked_update(description="", clear_description=False, files=updates)
        change = change_of(update, gist)
    except InvalidArgument:
        return

    body = {name: _file_change(file) for name, file in change.files.items()}
    after = changed_files(files, parse_changes({"files": body}))

    assert after == asked_for(files, updates)
    work = UpdateGist("1", update, revision="", user_id=OWNER_ID)
    sent = noted(work, gist, updates)
    assert (sent.files == "") == (after == files)
    assert sent.files in ("", asyncio.run(files_digest(gist_with(after), work.watched())))
    # A gist in which a file has another text, or is missing, is not taken for the result.
    if sent.files and sent.files == asyncio.run(files_digest(gist_with(other), work.watched())):
        for each in updates:
            assert not each.leaves_its_name or each.filename not in other
            assert not each.content or other[each.result_name] == each.content
            assert each.delete or each.result_name in other


@given(GISTS, UPDATES)
def test_github_would_refuse_what_is_refused(
    files: dict[str, str], updates: list[FileUpdate]
) -> None:
    """Or take it in an order that it does not promise: a name that is set free and taken again."""
    try:
        update = checked_update(description="", clear_description=False, files=updates)
    except InvalidArgument:
        return
    try:
        change_of(update, gist_with(files))
        return
    except InvalidArgument as refused:
        reason = str(refused)
    body = {
        file.filename: None
        if file.delete
        else {
            **({"content": file.content} if file.content else {}),
            **({"filename": file.new_filename} if file.new_filename else {}),
        }
        for file in updates
    }
    try:
        changed_files(files, parse_changes({"files": body}))
    except ApiError:
        return
    missing = [f.filename for f in updates if f.filename not in files]
    assert missing or "in a call of its own" in reason
