"""The changes that star a gist and take the star off it. Each can be sent any number of times."""

from typing import ClassVar

from gist_mcp import process
from gist_mcp.changes.work import Look, Made, Words, Work
from gist_mcp.github.credential import GitHubToken


class StarGist(Work):
    """Stars a gist, anybody's."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not starred.",
        made="The gist is starred: {url}.",
        unknown="It is not known whether the gist was starred",
        advice="Calling again does no harm.",
    )
    look_delays_seconds: ClassVar[tuple[float, ...]] = (0.0,)

    def __init__(self, gist_id: str) -> None:
        self.gist_id = gist_id

    async def prepare(self, token: GitHubToken) -> str:
        # GitHub has the same answer to an unknown gist as to a token without the scope.
        gist = await process.services().github.get_gist(token, self.gist_id)
        return gist.html_url

    async def send(self, token: GitHubToken, note: str) -> Made:
        await process.services().github.star(token, self.gist_id)
        return Made(id=self.gist_id, url=note)

    async def look(self, look: Look) -> Made | None:
        if await process.services().github.is_starred(look.token, self.gist_id):
            return Made(id=self.gist_id, url=look.note)
        return None


class UnstarGist(StarGist):
    """Takes the star off a gist."""

    words: ClassVar[Words] = Words(
        not_made="The star was not taken off the gist.",
        made="The gist is not starred any more: {url}.",
        unknown="It is not known whether the star was taken off the gist",
        advice="Calling again does no harm.",
    )

    async def send(self, token: GitHubToken, note: str) -> Made:
        await process.services().github.unstar(token, self.gist_id)
        return Made(id=self.gist_id, url=note)

    async def look(self, look: Look) -> Made | None:
        if await process.services().github.is_starred(look.token, self.gist_id):
            return None
        return Made(id=self.gist_id, url=look.note)
