"""The change that forks somebody else's gist.

After a doubt it is looked for among the forks of the gist: GitHub gives an account one fork of it.
"""

from typing import ClassVar

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.approval import (
    Claim,
    Proposal,
    approve,
    described,
    digest_of,
    publishing_is_asked_for,
    size_of,
)
from gist_mcp.changes.work import GIST_SCOPE, Look, Made, Words, Work
from gist_mcp.constants import LOOK_PAGES
from gist_mcp.errors import Conflict, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId


class ForkGist(Work):
    """`user_id`: whose fork it is to be. `confirm`: the call's argument of that name."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not forked.",
        made="The fork was made: {url}.",
        unknown="It is not known whether the gist was forked",
        advice="Look at list_my_gists before calling again.",
    )

    def __init__(self, gist_id: str, *, user_id: GitHubUserId, confirm: str = "") -> None:
        self._gist_id = gist_id
        self._user_id = user_id
        self._confirm = confirm

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        if not publishing_is_asked_for():
            return
        gist = await call.read(
            "Read the gist that is to be forked", self._original, scopes=(GIST_SCOPE,)
        )
        proposal = Proposal(
            tool="fork_gist",
            action=f"Make a copy in the person's account of {described(gist)}",
            is_public=gist.public,
            shown=[size_of(file) for file in gist.files],
            digest=digest_of(gist.id, gist.revision),
        )
        await approve(call, proposal, confirm=self._confirm, claim=claim)

    async def _original(self, token: GitHubToken) -> Gist:
        return await process.services().github.get_gist(token, self._gist_id)

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self._gist_id)
        if gist.owner_id == self._user_id:
            raise Conflict("This gist is your own. GitHub forks only those of others.")
        return ""

    async def send(self, token: GitHubToken, note: str) -> Made:
        try:
            fork = await process.services().github.fork_gist(token, self._gist_id)
        except Conflict as refused:
            earlier, _ = await self._own_fork(token)
            if earlier is None:
                raise
            text = f"You have a fork of it already: {earlier.html_url}"
            raise Conflict(text) from refused
        return Made(id=fork.id, url=fork.html_url, gist=fork)

    async def look(self, look: Look) -> Made | None:
        fork, is_whole = await self._own_fork(look.token)
        if fork is not None:
            return Made(id=fork.id, url=fork.html_url)
        if not is_whole:
            raise OutcomeUnknown("The gist has too many forks to look at all of them.")
        return None

    async def _own_fork(self, token: GitHubToken) -> tuple[Gist | None, bool]:
        """The user's fork, if it is found; and whether all forks were looked at."""
        github = process.services().github
        page = await github.list_forks(token, self._gist_id)
        for _ in range(LOOK_PAGES):
            own = next((fork for fork in page if fork.owner_id == self._user_id), None)
            if own is not None or page.next_url is None:
                return own, not page.unreadable
            page = await github.next_page(token, page.next_url)
        return None, False
