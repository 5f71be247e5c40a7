"""The change that forks somebody else's gist.

After a doubt the fork is looked for among the forks of the gist; where these are too many to read,
among the gists that the user has made since the intent. An account has one fork of a gist: GitHub
refuses a second one. If it did not, a fork from before the intent would still not be taken.
"""

from datetime import datetime
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
from gist_mcp.changes.gist_revision import Approved, revision_of
from gist_mcp.changes.work import GIST_SCOPE, Look, Made, NeverMade, Words, Work
from gist_mcp.constants import LOOK_PAGES
from gist_mcp.errors import Conflict, NotFound, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId

FORKS_PER_PAGE = 100

MAX_CANDIDATES = 20
"""Gists of the user that one look opens at most, to see what they are forks of."""


class ForkGist(Work):
    """`user_id`: whose fork it is to be. `confirm`: the call's argument of that name."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not forked.",
        made="The fork was made: {url}.",
        unknown="It is not known whether the gist was forked",
        advice="Look at list_my_gists before calling again.",
    )

    def __init__(self, gist_id: str, *, user_id: GitHubUserId, confirm: str = "") -> None:
        self.gist_id = gist_id
        self._user_id = user_id
        self._confirm = confirm
        self._approved: Approved | None = None

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        if not publishing_is_asked_for():
            return
        gist, base = await call.read(
            "Read the gist that is to be forked", self._original, scopes=(GIST_SCOPE,)
        )
        proposal = Proposal(
            tool="fork_gist",
            action=f"Make a copy in the person's account of {described(gist)}",
            is_public=gist.public,
            shown=[size_of(file) for file in gist.files],
            digest=digest_of(gist.id, base),
        )
        is_asked = await approve(call, proposal, confirm=self._confirm, claim=claim)
        self._approved = Approved(base, gist.public, is_asked)

    async def _original(self, token: GitHubToken) -> tuple[Gist, str]:
        gist = await process.services().github.get_gist(token, self.gist_id)
        return gist, await revision_of(token, gist)

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self.gist_id)
        if gist.owner_id == self._user_id:
            raise Conflict(
                f"This gist is your own ({gist.html_url}). GitHub forks only those of others."
            )
        if await self._is_another_by_now(token, gist):
            raise Conflict(
                "Its owner has changed the gist in the meantime. Look with get_gist before calling "
                "again."
            )
        return ""

    async def _is_another_by_now(self, token: GitHubToken, gist: Gist) -> bool:
        """True if what would be copied now is not what was allowed: a fork of a public gist is
        public."""
        approved = self._approved
        if approved is None:
            return False
        if gist.public and not approved.is_public:
            return True
        return approved.is_asked and await revision_of(token, gist) != approved.base

    async def send(self, token: GitHubToken, note: str) -> Made:
        try:
            fork = await process.services().github.fork_gist(token, self.gist_id)
        except Conflict as refused:
            # GitHub's answer does not name the fork that there is.
            earlier, _ = await self._among_the_forks(token)
            if not earlier:
                raise
            raise Conflict(_exists_already(earlier[0])) from refused
        return Made(id=fork.id, url=fork.html_url, gist=fork)

    async def look(self, look: Look) -> Made | None:
        forks, is_whole = await self._among_the_forks(look.token)
        new = next((fork for fork in forks if _is_since(fork, look.since)), None)
        if new is None and not is_whole:
            new = await self._among_the_new_gists(look)
        if new is not None:
            return Made(id=new.id, url=new.html_url)
        if forks:
            # GitHub has refused to make a second one, and will again.
            raise NeverMade(_exists_already(forks[0]))
        return None

    async def _among_the_forks(self, token: GitHubToken) -> tuple[list[Gist], bool]:
        """The user's forks; and whether all forks were looked at."""
        github = process.services().github
        page = await github.list_forks(token, self.gist_id, per_page=FORKS_PER_PAGE)
        pages = [page]
        while page.next_url is not None and len(pages) < LOOK_PAGES:
            page = await github.next_page(token, page.next_url)
            pages.append(page)
        own = [fork for each in pages for fork in each if fork.owner_id == self._user_id]
        is_whole = page.next_url is None and not any(each.unreadable for each in pages)
        return own, is_whole

    async def _among_the_new_gists(self, look: Look) -> Gist | None:
        """The fork, if the user has made it since the intent.

        Raises `OutcomeUnknown` if there are more new gists than a look opens.
        """
        github = process.services().github
        page = await github.list_gists(look.token, since=look.since)
        candidates = [gist for gist in page.gists if _is_since(gist, look.since)]
        if page.unreadable or page.next_url is not None or len(candidates) > MAX_CANDIDATES:
            raise OutcomeUnknown(
                "The gist has too many forks, and the user too many new gists, to look at all."
            )
        for candidate in candidates:
            try:
                gist = await github.get_gist(look.token, candidate.id)
            except NotFound:
                continue
            if gist.fork_of == self.gist_id:
                return gist
        return None


def _is_since(gist: Gist, since: datetime) -> bool:
    return gist.created_at is None or gist.created_at >= since


def _exists_already(fork: Gist) -> str:
    return f"You have a fork of it already: {fork.html_url}"
