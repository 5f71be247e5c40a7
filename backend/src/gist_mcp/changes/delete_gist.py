"""The change that deletes a gist.

After a doubt, a gist that is not there any more was deleted by this call: it was there right before
the send. A gist that is not there before any send is an error.
"""

from typing import ClassVar

from gist_mcp import process
from gist_mcp.changes.work import Look, Made, Words, Work
from gist_mcp.errors import Conflict, NotFound
from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId


class DeleteGist(Work):
    """`user_id`: whose gist it must be."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not deleted.",
        made="The gist was deleted: {url}.",
        unknown="It is not known whether the gist was deleted",
        advice="Look with get_gist before calling again.",
    )
    # A delete that is sent twice does what one does.
    look_delays_seconds: ClassVar[tuple[float, ...]] = (0.5,)

    def __init__(self, gist_id: str, *, user_id: GitHubUserId) -> None:
        self._gist_id = gist_id
        self._user_id = user_id

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self._gist_id)
        if gist.owner_id != self._user_id:
            raise Conflict("This gist belongs to somebody else. Only its owner can delete it.")
        return gist.html_url

    async def send(self, token: GitHubToken, note: str) -> Made:
        await process.services().github.delete_gist(token, self._gist_id)
        return Made(id=self._gist_id, url=note)

    async def look(self, look: Look) -> Made | None:
        try:
            await process.services().github.get_gist(look.token, self._gist_id)
        except NotFound:
            return Made(id=self._gist_id, url=look.note)
        return None
