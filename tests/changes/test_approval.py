"""What a person is asked for before a change is made, and what lets it be made."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from gist_mcp import process
from gist_mcp.calls.call import RunningCall, ToolCall
from gist_mcp.calls.question import MAX_QUESTION_CHARACTERS
from gist_mcp.changes.add_comment import AddComment
from gist_mcp.changes.approval import Proposal, _message, new_texts, sized
from gist_mcp.changes.create_gist import CreateGist
from gist_mcp.changes.delete_gist import DeleteGist
from gist_mcp.changes.edit_file import EditFile
from gist_mcp.changes.fork_gist import ForkGist
from gist_mcp.changes.new_gist import NewGist
from gist_mcp.changes.secret_scan import found_secrets
from gist_mcp.changes.text_edits import Edit
from gist_mcp.changes.update_gist import FileUpdate, Update, UpdateGist
from gist_mcp.changes.work import Work
from gist_mcp.config_source import parse_config
from gist_mcp.constants import CONFIRM_LIFETIME_SECONDS
from gist_mcp.errors import ConfirmationNeeded, Conflict
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.github.http import make_http_client
from gist_mcp.github.models import FileChange
from gist_mcp.principal import GitHubUserId, McpSessionId
from tests.support.confirm import confirm_token
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.session_world import process_services

pytestmark = pytest.mark.anyio

USER, USER_ID = "octocat", GitHubUserId(583231)
STRANGER = "hubot"
NOW = 1_800_000_000
FILES = {"notes.md": "one\ntwo\n"}
SECRET = "ghp_" + "a1" * 18
SESSION = McpSessionId("session")


async def _not_cancelled() -> str | None:
    return None


@dataclass
class Asking:
    """Calls of one user, whose client cannot ask them. `claims` has who has claimed what."""

    simulator: GitHubSimulator
    token: GitHubToken
    claims: dict[str, int] = dataclasses.field(default_factory=dict)
    calls: int = 0
    now_seconds: float = NOW

    def call(self, **more: Any) -> ToolCall:
        running = RunningCall(
            session_id=SESSION,
            request_id="r",
            issuer="https://github.com",
            user_id=USER_ID,
            login=USER,
            can_be_asked=False,
            runner="r",
            is_adopted=False,
            begun_at_seconds=int(self.now_seconds),
            # Neither durable state nor the client is reached where nobody can be asked.
            reboot=cast(Any, None),
            cancelled=_not_cancelled,
            steps={},
        )
        return ToolCall(dataclasses.replace(running, **more), cast(Any, None))

    async def approve(self, work: Work, **more: Any) -> None:
        """As a new call does before it sends."""
        self.calls += 1
        number = self.calls

        async def claim(name: str) -> bool:
            return self.claims.setdefault(name, number) == number

        await work.approve(self.call(**more), claim)

    async def asks(self, work: Work, **more: Any) -> str:
        """The error that asks for a confirmation."""
        with pytest.raises(ConfirmationNeeded) as needed:
            await self.approve(work, **more)
        return str(needed.value)

    def gist(self, owner: str = USER, *, public: bool = True) -> str:
        (stored,) = self.simulator.create_gists(owner, FILES, public=public)
        return stored.gist_id


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture
def policy() -> str:
    return "allow"


@pytest.fixture
async def here(simulator: GitHubSimulator, policy: str) -> AsyncIterator[Asking]:
    simulator.reset()
    settings = {"GITHUB_API_URL": simulator.url, "PUBLIC_GISTS": policy}
    token = GitHubToken(simulator.create_token(USER, ("gist",)))
    asking = Asking(simulator, token)
    async with make_http_client() as http:
        config = parse_config(settings, production=False)
        process.install(process_services(config, http, lambda: asking.now_seconds))
        process.services().vault.put(
            SESSION,
            GitHubCredential(token=token, user_id=USER_ID, login=USER, scopes=frozenset({"gist"})),
        )
        yield asking


def create(content: str = "x", *, public: bool = True, confirm: str = "") -> CreateGist:
    gist = NewGist(description="d", public=public, files={"a.txt": content})
    return CreateGist(gist, user_id=USER_ID, confirm=confirm)


def update(gist_id: str, content: str = "x", *, confirm: str = "") -> UpdateGist:
    files = (FileUpdate(filename="a.txt", content=content),)
    return UpdateGist(
        gist_id,
        Update(description=None, files=files),
        revision="",
        user_id=USER_ID,
        confirm=confirm,
    )


def edit(gist_id: str, new_text: str, *, confirm: str = "") -> EditFile:
    return EditFile(
        gist_id,
        "notes.md",
        edits=[Edit("two", new_text)],
        append="",
        revision="",
        user_id=USER_ID,
        confirm=confirm,
    )


def delete(gist_id: str, *, confirm: str = "") -> DeleteGist:
    return DeleteGist(gist_id, user_id=USER_ID, confirm=confirm)


def every_change(here: Asking) -> dict[str, Work]:
    """Harmless changes."""
    return {
        "public create": create(),
        "secret create": create(public=False),
        "public update": update(here.gist()),
        "secret update": update(here.gist(public=False)),
        "public edit": edit(here.gist(), "three"),
        "secret edit": edit(here.gist(public=False), "three"),
        "public fork": ForkGist(here.gist(STRANGER), user_id=USER_ID),
        "secret fork": ForkGist(here.gist(STRANGER, public=False), user_id=USER_ID),
        "comment": AddComment(here.gist(public=False), "Well done.", user_id=USER_ID),
        "delete": delete(here.gist()),
    }


PUBLISHED = {"public create", "public update", "public edit", "public fork", "comment"}


@pytest.mark.parametrize(
    ("policy", "asked", "refused"),
    [
        ("allow", {"delete"}, set()),
        ("ask", {"delete", *PUBLISHED}, set()),
        ("never", {"delete"}, PUBLISHED),
    ],
)
async def test_what_becomes_public_is_allowed_asked_for_or_refused(
    here: Asking, asked: set[str], refused: set[str]
) -> None:
    outcomes: dict[str, set[str]] = {"asked": set(), "refused": set()}
    for name, work in every_change(here).items():
        try:
            await here.approve(work)
        except ConfirmationNeeded:
            outcomes["asked"].add(name)
        except Conflict as refusal:
            assert "PUBLIC_GISTS=never" in str(refusal)
            outcomes["refused"].add(name)

    assert outcomes == {"asked": asked, "refused": refused}


async def test_a_secret_is_asked_about_wherever_it_would_go(here: Asking) -> None:
    gist_id = here.gist(public=False)
    half, other_half = SECRET[:10], SECRET[10:]
    works: list[Work] = [
        create(f"x\nkey = {SECRET}"),
        create(SECRET, public=False),
        update(gist_id, SECRET),
        edit(gist_id, SECRET),
        AddComment(gist_id, f"See {SECRET}", user_id=USER_ID),
        CreateGist(
            NewGist(description=SECRET, public=False, files={"a.txt": "x"}), user_id=USER_ID
        ),
        CreateGist(
            NewGist(description="", public=False, files={f"{SECRET}.txt": "x"}), user_id=USER_ID
        ),
    ]

    told = [await here.asks(work) for work in works]

    assert "- `a.txt`, line 2: GitHub Token" in told[0]
    assert all("GitHub Token" in text and "nothing was changed" in text for text in told)
    assert all(SECRET not in text for text in told)
    assert "- a file with a secret in its name, 1 bytes" in told[-1]
    # Neither half is a secret, what the edit makes of them is.
    await here.approve(edit(gist_id, half))
    await here.asks(edit(here.gist(), half + other_half))


async def test_the_question_shows_names_and_sizes_and_no_content(here: Asking) -> None:
    gist_id = here.gist()

    text = await here.asks(delete(gist_id))

    assert f"{gist_id}, with its files, revisions and comments, for ever." in text
    assert "- `notes.md`, 8 bytes" in text
    assert "two" not in text


async def test_a_token_lets_one_call_do_exactly_what_was_shown(here: Asking) -> None:
    gist_id, other_id = here.gist(), here.gist()
    confirm = confirm_token(await here.asks(delete(gist_id)))

    other = await here.asks(delete(other_id, confirm=confirm))
    other_tool = await here.asks(create(SECRET, confirm=confirm))
    await here.approve(delete(gist_id, confirm=confirm))
    again = await here.asks(delete(gist_id, confirm=confirm))

    assert "not for exactly this" in other
    assert "not for exactly this" in other_tool
    assert "used already" in again
    assert confirm not in again


async def test_another_account_cannot_use_it(here: Asking) -> None:
    confirm = confirm_token(await here.asks(create(SECRET)))

    told = await here.asks(create(SECRET, confirm=confirm), user_id=GitHubUserId(1))

    assert "not for exactly this" in told
    await here.approve(create(SECRET, confirm=confirm))


async def test_it_expires_but_not_for_a_call_that_has_begun(here: Asking) -> None:
    confirm = confirm_token(await here.asks(create(SECRET)))
    begun_at_seconds = int(here.now_seconds)
    here.now_seconds += CONFIRM_LIFETIME_SECONDS + 1

    late = await here.asks(create(SECRET, confirm=confirm))
    # A restart has held this one up.
    await here.approve(create(SECRET, confirm=confirm), begun_at_seconds=begun_at_seconds)

    assert "has expired" in late


@pytest.mark.parametrize("changed", ["content", "description", "visibility", "name"])
async def test_whatever_is_changed_has_to_be_confirmed_anew(here: Asking, changed: str) -> None:
    gist = NewGist(description="d", public=True, files={"a.txt": SECRET})
    others = {
        "content": {"files": {"a.txt": SECRET + " "}},
        "description": {"description": "e"},
        "visibility": {"public": False},
        "name": {"files": {"b.txt": SECRET}},
    }
    confirm = confirm_token(await here.asks(CreateGist(gist, user_id=USER_ID)))

    other = dataclasses.replace(gist, **cast(Any, others[changed]))

    assert "not for exactly this" in await here.asks(
        CreateGist(other, user_id=USER_ID, confirm=confirm)
    )


@pytest.mark.parametrize(
    "work", [delete, lambda gist_id, confirm="": edit(gist_id, SECRET, confirm=confirm)]
)
async def test_a_gist_that_changes_meanwhile_is_left_alone(here: Asking, work: Any) -> None:
    gist_id = here.gist()
    confirm = confirm_token(await here.asks(work(gist_id)))
    approved = work(gist_id, confirm=confirm)
    await here.approve(approved)
    await process.services().github.update_gist(
        here.token, gist_id, description=None, files={"new.md": FileChange(content="new")}
    )

    with pytest.raises(Conflict, match="changed"):
        await approved.prepare(here.token)
    assert "used already" not in await here.asks(work(gist_id, confirm=confirm))


@pytest.mark.parametrize("policy", ["ask", "never"])
async def test_a_gist_that_becomes_public_meanwhile_is_not_forked(here: Asking) -> None:
    gist_id = here.gist(STRANGER, public=False)
    approved = ForkGist(gist_id, user_id=USER_ID)
    await here.approve(approved)
    here.simulator.show_gist_as(gist_id, public=True)

    with pytest.raises(Conflict, match="in the meantime"):
        await approved.prepare(here.token)


@pytest.mark.parametrize("policy", ["ask"])
async def test_a_gist_that_its_owner_changes_meanwhile_is_not_forked(here: Asking) -> None:
    gist_id = here.gist(STRANGER)
    confirm = confirm_token(await here.asks(ForkGist(gist_id, user_id=USER_ID)))
    approved = ForkGist(gist_id, user_id=USER_ID, confirm=confirm)
    await here.approve(approved)
    owner = GitHubToken(here.simulator.create_token(STRANGER, ("gist",)))
    await process.services().github.update_gist(
        owner, gist_id, description=None, files={"new.md": FileChange(content="new")}
    )

    with pytest.raises(Conflict, match="in the meantime"):
        await approved.prepare(here.token)


async def test_a_gist_without_history_is_known_by_its_list_of_revisions(here: Asking) -> None:
    gist_id = here.gist()
    here.simulator.show_gist_as(gist_id, history=None)
    confirm = confirm_token(await here.asks(delete(gist_id)))
    approved = delete(gist_id, confirm=confirm)
    await here.approve(approved)
    await approved.prepare(here.token)
    await process.services().github.update_gist(
        here.token, gist_id, description=None, files={"new.md": FileChange(content="new")}
    )

    with pytest.raises(Conflict, match="changed"):
        await approved.prepare(here.token)


@pytest.mark.parametrize("policy", ["ask"])
async def test_many_files_are_counted(here: Asking) -> None:
    files = {f"{number}.txt": "x" for number in range(300)}
    gist = NewGist(description="", public=True, files=files)

    text = await here.asks(CreateGist(gist, user_id=USER_ID))

    assert "- `19.txt`, 1 bytes\n- and 280 more\n" in text


@pytest.mark.parametrize("policy", ["ask"])
async def test_a_name_cannot_write_lines_of_its_own_into_the_question(here: Asking) -> None:
    name = "a\u2028- it is harmless\u202etxt"
    gist = NewGist(description="", public=True, files={name: "x"})

    text = await here.asks(CreateGist(gist, user_id=USER_ID))

    assert "`aU+2028- it is harmlessU+202Etxt`, 1 bytes" in text


@pytest.mark.parametrize(
    "name", ["n" * 250, "\u200d" * 85, "\U000e0041" * 63], ids=["long", "joiners", "tags"]
)
def test_no_file_name_pushes_a_finding_out_of_a_question(name: str) -> None:
    files = [(f"{number}{name}", SECRET) for number in range(300)]
    proposal = Proposal(
        tool="create_gist",
        action="Create a public gist",
        is_public=True,
        shown=[sized(*file) for file in files],
        digest="",
        texts=new_texts(files),
    )

    message = _message(proposal, found_secrets(proposal.texts))

    assert "It seems to hold secrets (at least 20)" in message
    assert len(message) < MAX_QUESTION_CHARACTERS - len("\n\nShall this be done?")
