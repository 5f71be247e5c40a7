"""A gist at a simulated GitHub, and the changes of it, step by step: without a call or a ledger."""

from dataclasses import dataclass

import httpx

from gist_mcp import process
from gist_mcp.changes.edit_file import EditFile
from gist_mcp.changes.gist_change import ChangeGist
from gist_mcp.changes.text_edits import Edit
from gist_mcp.changes.update_gist import FileUpdate, UpdateGist, checked_update
from gist_mcp.changes.work import Look
from gist_mcp.config_source import parse_config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import FileChange, Gist
from gist_mcp.principal import GitHubUserId
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.session_world import process_services

OWNER, OWNER_ID = "octocat", GitHubUserId(583231)
STRANGER = "hubot"
NOW = 1_800_000_000.0


@dataclass
class OwnedGist:
    """`now_seconds` is the clock of this process."""

    simulator: GitHubSimulator
    gist_id: str
    token: GitHubToken
    now_seconds: float = NOW

    @property
    def github(self) -> GitHubClient:
        return process.services().github

    def update(
        self,
        *files: FileUpdate,
        description: str = "",
        clear_description: bool = False,
        revision: str = "",
    ) -> UpdateGist:
        update = checked_update(
            description=description, clear_description=clear_description, files=files
        )
        return UpdateGist(self.gist_id, update, revision=revision, user_id=OWNER_ID)

    def edit(self, filename: str, *edits: Edit, append: str = "", revision: str = "") -> EditFile:
        return EditFile(
            self.gist_id,
            filename,
            edits=edits,
            append=append,
            revision=revision,
            user_id=OWNER_ID,
        )

    def look(self, note: str) -> Look:
        async def never(name: str) -> bool:
            raise AssertionError(f"Changes of a gist claim nothing, but {name} was asked for")

        return Look(
            token=self.token,
            intended_at_seconds=int(self.now_seconds),
            note=note,
            has_claimed=never,
            claim=never,
        )

    async def sends(self, work: ChangeGist) -> str:
        """The note of a change that GitHub has made, and of whose answer nothing is known."""
        note = await work.prepare(self.token)
        await work.send(self.token, note)
        return note

    async def somebody_writes(self, description: str | None = None, **files: str) -> None:
        """The owner, with another program. Names are `notes_md` for `notes.md`."""
        changes = {name.replace("_", "."): FileChange(content=text) for name, text in files.items()}
        await self.github.update_gist(
            self.token, self.gist_id, description=description, files=changes
        )

    async def now(self) -> Gist:
        return await self.github.get_gist(self.token, self.gist_id)

    @property
    def files(self) -> dict[str, str]:
        return self._stored.files

    @property
    def description(self) -> str | None:
        return self._stored.description

    @property
    def revisions(self) -> int:
        return self._stored.revisions

    @property
    def _stored(self) -> StoredGist:
        (stored,) = [each for each in self.simulator.gists(OWNER) if each.gist_id == self.gist_id]
        return stored


def owned_gist(
    simulator: GitHubSimulator, http: httpx.AsyncClient, files: dict[str, str]
) -> OwnedGist:
    """A new gist with these files, in a process of its own."""
    config = parse_config({"GITHUB_API_URL": simulator.url}, production=False)
    (stored,) = simulator.create_gists(OWNER, files, description="as it was")
    token = GitHubToken(simulator.create_token(OWNER, ("gist",)))
    here = OwnedGist(simulator, stored.gist_id, token)
    process.install(process_services(config, http, lambda: here.now_seconds))
    return here
