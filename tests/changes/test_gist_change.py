"""Changes of a gist against the simulated GitHub: what is sent, refused, and found again."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from gist_mcp.changes.gist_change import GITHUB_ENDS_REQUESTS_SECONDS, LOOK_REVISIONS
from gist_mcp.changes.sent_change import SentChange
from gist_mcp.changes.text_edits import Edit
from gist_mcp.changes.update_gist import FileUpdate
from gist_mcp.changes.whole_text import MAX_EDITED_BYTES
from gist_mcp.changes.work import NeverMade
from gist_mcp.constants import MAX_FILES
from gist_mcp.errors import Conflict, InvalidArgument, OutcomeUnknown
from gist_mcp.github.http import make_http_client
from tests.changes.owned_gist import OWNER, STRANGER, OwnedGist, owned_gist
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.anyio

FILES = {"notes.md": "one\ntwo\nthree\n", "other.txt": "something else\n"}
LARGE = "a line of some length\n" * 100_000


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The product runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with make_http_client() as client:
        yield client


@pytest.fixture
def here(simulator: GitHubSimulator, http: httpx.AsyncClient) -> OwnedGist:
    return owned_gist(simulator, http, FILES)


async def test_one_update_adds_changes_renames_and_deletes(here: OwnedGist) -> None:
    await here.somebody_writes(third_txt="3", fourth_txt="4")
    before = (await here.now()).revision
    work = here.update(
        FileUpdate(filename="new.py", content="print()\n"),
        FileUpdate(filename="notes.md", content="changed\n"),
        FileUpdate(filename="other.txt", new_filename="renamed.txt"),
        FileUpdate(filename="third.txt", content="3, changed", new_filename="third.md"),
        FileUpdate(filename="fourth.txt", delete=True),
        description="as it is",
    )

    made = await work.send(here.token, await work.prepare(here.token))

    assert here.files == {
        "new.py": "print()\n",
        "notes.md": "changed\n",
        "renamed.txt": FILES["other.txt"],
        "third.md": "3, changed",
    }
    assert here.description == "as it is"
    assert made.gist is not None
    assert made.gist.revision == (await here.now()).revision
    assert made.previous_revision == before


async def test_an_edit_leaves_everything_else_as_it_is(here: OwnedGist) -> None:
    work = here.edit("notes.md", Edit("two", "2"), Edit("2\nthree", "2\n3"), append="four")

    made = await work.send(here.token, await work.prepare(here.token))

    assert here.files == {**FILES, "notes.md": "one\n2\n3\nfour"}
    assert here.description == "as it was"
    assert made.note == ""


async def test_the_description_goes_only_where_that_is_said(here: OwnedGist) -> None:
    await here.sends(here.update(FileUpdate(filename="a", content="a")))
    kept = here.description

    await here.sends(here.update(clear_description=True))

    assert kept == "as it was"
    assert here.description == ""


@pytest.mark.parametrize("kind", ["update", "edit"])
async def test_a_gist_that_was_changed_since_it_was_read_is_left_alone(
    here: OwnedGist, kind: str
) -> None:
    read = (await here.now()).revision or ""
    await here.somebody_writes(notes_md="one\ntwo and a half\nthree\n", added_md="x")
    work = (
        here.update(FileUpdate(filename="notes.md", content="mine"), revision=read)
        if kind == "update"
        else here.edit("notes.md", Edit("one", "1"), revision=read)
    )

    with pytest.raises(Conflict) as refused:
        await work.prepare(here.token)

    newest = (await here.now()).revision
    text = str(refused.value)
    assert f"the gist is at {newest} now, not at {read}" in text
    assert f"Revision {newest} by {OWNER} at 20" in text
    assert "Added: added.md" in text
    assert "Changed: notes.md" in text
    assert "-two\n+two and a half" in text
    assert here.revisions == 2


async def test_a_revision_that_the_gist_never_had_is_refused(here: OwnedGist) -> None:
    work = here.edit("notes.md", append="x", revision="0" * 40)

    with pytest.raises(Conflict, match="The gist has no such revision"):
        await work.prepare(here.token)


async def test_the_newest_revision_is_the_right_one_also_without_a_history(
    here: OwnedGist,
) -> None:
    """As in the later version of GitHub's API."""
    read = (await here.now()).revision or ""
    here.simulator.show_gist_as(here.gist_id, history=None)

    await here.sends(here.edit("notes.md", append="x", revision=read))

    assert here.files["notes.md"].endswith("x")


async def test_somebody_else_s_gist_is_refused(here: OwnedGist) -> None:
    (foreign,) = here.simulator.create_gists(STRANGER, FILES, public=True)
    here.gist_id = foreign.gist_id

    with pytest.raises(Conflict, match="belongs to somebody else"):
        await here.edit("notes.md", append="x").prepare(here.token)


@pytest.mark.parametrize(
    ("update", "fault"),
    [
        (FileUpdate(filename="no.md", new_filename="a.md"), "the gist has no file `no.md`"),
        (FileUpdate(filename="no.md", delete=True), "the gist has no file `no.md`"),
        (FileUpdate(filename=".git", content="x"), "is a name that git keeps for itself"),
        (FileUpdate(filename="notes.md", new_filename="other.txt"), "has a file `other.txt` alre"),
        (
            FileUpdate(filename="new.md", new_filename="other.txt", content="x"),
            "the gist has no file `new.md`",
        ),
    ],
)
async def test_what_the_gist_does_not_allow_is_refused_with_the_place(
    here: OwnedGist, update: FileUpdate, fault: str
) -> None:
    work = here.update(FileUpdate(filename="first.md", content="fine"), update)

    with pytest.raises(InvalidArgument) as refused:
        await work.prepare(here.token)

    assert str(refused.value).startswith("files[1].")
    assert fault in str(refused.value)
    assert here.files == FILES


async def test_a_name_that_the_same_call_sets_free_is_not_free_yet(here: OwnedGist) -> None:
    work = here.update(
        FileUpdate(filename="other.txt", delete=True),
        FileUpdate(filename="notes.md", new_filename="other.txt"),
    )

    with pytest.raises(InvalidArgument, match="in a call of its own first"):
        await work.prepare(here.token)


async def test_names_that_differ_by_case_are_two_files(here: OwnedGist) -> None:
    await here.sends(here.update(FileUpdate(filename="NOTES.md", content="loud")))

    assert here.files == {**FILES, "NOTES.md": "loud"}


async def test_the_last_file_stays(here: OwnedGist) -> None:
    work = here.update(*(FileUpdate(filename=name, delete=True) for name in FILES))

    with pytest.raises(InvalidArgument, match="delete_gist deletes the gist"):
        await work.prepare(here.token)


async def test_a_gist_gets_no_more_files_than_github_lists(here: OwnedGist) -> None:
    names = [f"{number}.txt" for number in range(MAX_FILES)]
    work = here.update(*(FileUpdate(filename=name, content=name) for name in names))

    with pytest.raises(InvalidArgument, match="would have 302 files"):
        await work.prepare(here.token)


async def test_of_a_gist_with_more_files_than_github_lists_others_can_be_changed(
    simulator: GitHubSimulator, http: httpx.AsyncClient
) -> None:
    here = owned_gist(simulator, http, {f"{n:03}.txt": str(n) for n in range(MAX_FILES + 5)})
    work = here.update(FileUpdate(filename="304.txt", content="changed"))

    note = await here.sends(work)

    assert here.files["304.txt"] == "changed"
    with pytest.raises(OutcomeUnknown, match="does not show all files"):
        await work.look(here.look(note))


async def test_the_note_of_many_files_is_short(
    simulator: GitHubSimulator, http: httpx.AsyncClient
) -> None:
    files = {f"{n}.txt": "x" * 1_000 for n in range(MAX_FILES)}
    here = owned_gist(simulator, http, files)
    work = here.update(*(FileUpdate(filename=name, content="changed") for name in files))

    note = await here.sends(work)

    assert len(note) < 500
    assert "changed" not in note
    assert await work.look(here.look(note)) is not None


async def test_a_file_over_a_megabyte_is_edited_as_a_whole(
    simulator: GitHubSimulator, http: httpx.AsyncClient
) -> None:
    here = owned_gist(simulator, http, {"large.txt": f"{LARGE}the end\n"})
    work = here.edit("large.txt", Edit("the end", "THE END"))

    note = await here.sends(work)

    assert here.files == {"large.txt": f"{LARGE}THE END\n"}
    assert await work.look(here.look(note)) is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x" * (MAX_EDITED_BYTES + 1), "clone the gist to edit it"),
        ("\x00\x01binary", "binary"),
    ],
)
async def test_what_cannot_be_edited_as_a_whole_is_not_edited(
    simulator: GitHubSimulator, http: httpx.AsyncClient, content: str, reason: str
) -> None:
    here = owned_gist(simulator, http, {"file": content})

    with pytest.raises(Conflict, match=reason):
        await here.edit("file", append="x").prepare(here.token)


@pytest.mark.parametrize(
    ("edit", "append", "fault"),
    [
        (Edit("nowhere", "x"), "", r"edits\[0\]\.old_text: is not in the file"),
        (Edit("one\ntwo\nthree\n", " \n"), "", "nothing would be left of the file"),
    ],
)
async def test_an_edit_that_cannot_be_made_changes_nothing(
    here: OwnedGist, edit: Edit, append: str, fault: str
) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        await here.edit("notes.md", edit, append=append).prepare(here.token)

    assert here.files == FILES


async def test_edits_that_take_each_other_back_are_refused(here: OwnedGist) -> None:
    with pytest.raises(InvalidArgument, match="leave the file as it is"):
        await here.edit("notes.md", Edit("two", "2"), Edit("2", "two")).prepare(here.token)


async def test_a_file_that_is_not_there_is_refused_with_those_that_are(here: OwnedGist) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await here.edit("Notes.md", append="x").prepare(here.token)

    assert "filename: the gist has no file `Notes.md`. It has `notes.md`, `other.txt`." in str(
        refused.value
    )


async def test_who_replaces_without_a_revision_is_told_where_the_old_text_is(
    here: OwnedGist,
) -> None:
    before = (await here.now()).revision or ""
    replacing, adding, careful = (
        here.update(FileUpdate(filename="notes.md", content="changed")),
        here.update(FileUpdate(filename="new.md", content="new")),
        here.update(FileUpdate(filename="notes.md", content="again"), revision=before),
    )

    with_revision = await careful.send(here.token, await careful.prepare(here.token))
    without = await replacing.send(here.token, await replacing.prepare(here.token))
    added = await adding.send(here.token, await adding.prepare(here.token))

    assert "previous_revision" in without.note
    assert with_revision.gist is not None
    assert without.previous_revision == with_revision.gist.revision
    assert (with_revision.note, added.note) == ("", "")


async def test_what_somebody_writes_between_the_reading_and_the_write_is_not_lost_silently(
    here: OwnedGist,
) -> None:
    work = here.edit("notes.md", append="mine")
    note = await work.prepare(here.token)
    await here.somebody_writes(notes_md="theirs\n")
    theirs = (await here.now()).revision

    made = await work.send(here.token, note)

    assert "Somebody else changed the gist in the moment of this change" in made.note
    assert made.previous_revision == theirs


# A doubt: the send's answer is lost, and a look must find out.


@pytest.mark.parametrize("is_made", [True, False])
async def test_a_look_sees_whether_a_change_was_made(here: OwnedGist, is_made: bool) -> None:
    for work in (
        here.edit("notes.md", append="x"),
        here.update(FileUpdate(filename="notes.md", new_filename="renamed.md")),
        here.update(FileUpdate(filename="other.txt", content="x"), description="b"),
        here.update(FileUpdate(filename="other.txt", delete=True)),
        here.update(description="c"),
    ):
        before = (await here.now()).revision
        note = await work.prepare(here.token)
        if is_made:
            await work.send(here.token, note)

        made = await work.look(here.look(note))

        assert (made is not None) == is_made
        assert made is None or made.previous_revision == before


async def test_nothing_is_looked_for_of_what_was_never_sent(here: OwnedGist) -> None:
    assert await here.edit("notes.md", append="x").look(here.look("")) is None


async def test_a_change_that_somebody_has_built_upon_is_found_in_the_revisions(
    here: OwnedGist,
) -> None:
    work = here.edit("notes.md", append="mine")
    note = await here.sends(work)
    await here.somebody_writes(notes_md="theirs\n")
    await here.somebody_writes(other_txt="theirs\n")

    made = await work.look(here.look(note))

    assert made is not None
    assert here.files["notes.md"] == "theirs\n"


async def test_a_change_is_found_although_somebody_has_changed_the_description_since(
    here: OwnedGist,
) -> None:
    work = here.update(FileUpdate(filename="notes.md", content="mine"), description="mine")
    note = await here.sends(work)
    await here.somebody_writes(description="theirs")

    assert await work.look(here.look(note)) is not None
    assert here.description == "theirs"


async def test_a_description_of_somebody_else_is_not_overwritten_in_doubt(
    here: OwnedGist,
) -> None:
    work = here.update(description="mine")
    note = await work.prepare(here.token)
    await here.somebody_writes(description="theirs")

    with pytest.raises(OutcomeUnknown, match="description"):
        await work.look(here.look(note))


async def test_where_somebody_has_changed_the_gist_a_lost_change_is_not_sent_again(
    here: OwnedGist,
) -> None:
    work = here.update(FileUpdate(filename="notes.md", content="mine"))
    note = await work.prepare(here.token)
    await here.somebody_writes(notes_md="theirs\n")

    with pytest.raises(OutcomeUnknown, match=r"\+theirs"):
        await work.look(here.look(note))
    here.now_seconds += GITHUB_ENDS_REQUESTS_SECONDS
    with pytest.raises(NeverMade, match=r"\+theirs"):
        await work.look(here.look(note))

    assert here.files["notes.md"] == "theirs\n"


async def test_a_gist_that_was_changed_too_often_since_leaves_a_doubt(here: OwnedGist) -> None:
    work = here.edit("notes.md", append="mine")
    note = await work.prepare(here.token)
    for number in range(LOOK_REVISIONS):
        await here.somebody_writes(notes_md=str(number))

    with pytest.raises(OutcomeUnknown, match="too often"):
        await work.look(here.look(note))


async def test_a_gist_that_is_gone_leaves_a_doubt(here: OwnedGist) -> None:
    work = here.edit("notes.md", append="mine")
    note = await here.sends(work)
    await here.github.delete_gist(here.token, here.gist_id)

    with pytest.raises(OutcomeUnknown, match="not there any more"):
        await work.look(here.look(note))


async def test_what_arrives_late_is_not_made_twice(here: OwnedGist) -> None:
    """GitHub makes the change after the look that did not see it, before the next send."""
    work = here.edit("notes.md", append="mine")
    note = await work.prepare(here.token)
    seen = await work.look(here.look(note))
    await work.send(here.token, note)

    again = here.edit("notes.md", append="mine")
    made = await again.send(here.token, await again.prepare_again(here.token, note))

    assert seen is None
    assert made.id == here.gist_id
    assert here.files["notes.md"] == f"{FILES['notes.md']}mine"
    assert here.revisions == 2


async def test_what_was_lost_is_sent_again_as_if_for_the_first_time(here: OwnedGist) -> None:
    note = await here.edit("notes.md", append="mine").prepare(here.token)

    again = here.edit("notes.md", append="mine")
    await again.send(here.token, await again.prepare_again(here.token, note))

    assert here.files["notes.md"] == f"{FILES['notes.md']}mine"


async def test_a_change_that_changes_nothing_is_made_already(here: OwnedGist) -> None:
    work = here.update(
        FileUpdate(filename="notes.md", content=FILES["notes.md"]), description="as it was"
    )
    note = await here.sends(work)

    sent = SentChange.of_note(note)

    assert (sent.files, sent.description) == ("", "")
    assert await work.look(here.look(note)) is not None
    assert here.revisions == 1


async def test_a_note_holds_digests_and_a_time_only(here: OwnedGist) -> None:
    work = here.update(FileUpdate(filename="notes.md", content="my secret"), description="mine")

    fields = json.loads(await work.prepare(here.token))

    assert fields.pop("at_seconds") == int(here.now_seconds)
    assert {len(text) for text in fields.values()} == {40, 64}
