"""The change that deletes a gist.

After a doubt, a gist that is not there any more was deleted by this call: it was there right before
the send. A gist that is not there before any send is an error.
"""

from typing import ClassVar

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.approval import Claim, Proposal, approve, described, digest_of, size_of
from gist_mcp.changes.gist_revision import Approved, revision_of
from gist_mcp.changes.work import GIST_SCOPE, Look, Made, Words, Work
from gist_mcp.errors import Conflict, NotFound
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId


class DeleteGist(Work):
    """`user_id`: whose gist it must be. `confirm`: the call's argument of that name."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not deleted.",
        made="The gist was deleted: {url}.",
        unknown="It is not known whether the gist was deleted",
        advice="Look with get_gist before calling again.",
    )
    # A delete that is sent twice does what one does.
    look_delays_seconds: ClassVar[tuple[float, ...]] = (0.5,)

    def __init__(self, gist_id: str, *, user_id: GitHubUserId, confirm: str = "") -> None:
        self.gist_id = gist_id
        self._user_id = user_id
        self._confirm = confirm
        self._approved: Approved | None = None

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        gist, base = await call.read(
            "Read the gist that is to be deleted", self._at_its_revision, scopes=(GIST_SCOPE,)
        )
        proposal = Proposal(
            tool="delete_gist",
            action=f"Delete {described(gist)}, with its files, revisions and comments, for ever",
            is_public=False,
            always_asks=True,
            shown=[size_of(file) for file in gist.files],
            digest=digest_of(gist.id, base),
        )
        is_asked = await approve(call, proposal, confirm=self._confirm, claim=claim)
        self._approved = Approved(base, gist.public, is_asked)

    async def prepare(self, token: GitHubToken) -> str:
        gist, base = await self._at_its_revision(token)
        if self._approved is not None and base != self._approved.base:
            raise Conflict(
                "The gist was changed while the person was asked. Look with get_gist before "
                "calling again."
            )
        return gist.html_url

    async def _at_its_revision(self, token: GitHubToken) -> tuple[Gist, str]:
        gist = await self._own_gist(token)
        return gist, await revision_of(token, gist)

    async def _own_gist(self, token: GitHubToken) -> Gist:
        gist = await process.services().github.get_gist(token, self.gist_id)
        if gist.owner_id != self._user_id:
            raise Conflict("This gist belongs to somebody else. Only its owner can delete it.")
        return gist

    async def send(self, token: GitHubToken, note: str) -> Made:
        await process.services().github.delete_gist(token, self.gist_id)
        return Made(id=self.gist_id, url=note)

    async def look(self, look: Look) -> Made | None:
        try:
            await process.services().github.get_gist(look.token, self.gist_id)
        except NotFound:
            return Made(id=self.gist_id, url=look.note)
        return None
