"""The change that creates a gist.

After a doubt it is looked for by what it is: a gist of this user, created since the intent, with
the same description, visibility and files, which no other call has claimed.
"""

from datetime import datetime
from typing import ClassVar

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.approval import Claim, Proposal, approve, digest_of, new_texts, sized
from gist_mcp.changes.new_gist import NewGist
from gist_mcp.changes.work import Look, Made, Words, Work
from gist_mcp.constants import LOOK_PAGES
from gist_mcp.errors import NotFound, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId


class CreateGist(Work):
    """`user_id`: whose gist it is to be. `confirm`: the call's argument of that name."""

    words: ClassVar[Words] = Words(
        not_made="The gist was not made.",
        made="The gist was made: {url}.",
        unknown="It is not known whether the gist was made",
        advice="Look at list_my_gists before calling again; a call with the same idempotency_key "
        "looks by itself.",
    )

    def __init__(self, gist: NewGist, *, user_id: GitHubUserId, confirm: str = "") -> None:
        self._gist = gist
        self._user_id = user_id
        self._confirm = confirm

    def digests(self) -> dict[str, str]:
        return self._gist.digests()

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        gist = self._gist
        proposal = Proposal(
            tool="create_gist",
            action=f"Create a {'public' if gist.public else 'secret'} gist",
            is_public=gist.public,
            texts=[("description", gist.description), *new_texts(gist.files.items())],
            shown=[sized(name, content) for name, content in gist.files.items()],
            digest=digest_of(gist.digests()),
        )
        await approve(call, proposal, confirm=self._confirm, claim=claim)

    def claim_name(self, made: Made) -> str:
        return made.id

    async def send(self, token: GitHubToken, note: str) -> Made:
        gist = await process.services().github.create_gist(
            token,
            description=self._gist.description,
            public=self._gist.public,
            files=self._gist.files,
        )
        return Made(id=gist.id, url=gist.html_url, gist=gist)

    async def look(self, look: Look) -> Made | None:
        """The oldest gist that can be the result of this call and that no other call has claimed.

        Raises `OutcomeUnknown` if there may be one among the gists that could not be read.
        """
        token, since = look.token, look.since
        github = process.services().github
        page = await github.list_gists(token, since=since)
        candidates = [gist for gist in page.gists if self._could_be_ours(gist, since)]
        unreadable = list(page.unreadable)
        for _ in range(LOOK_PAGES - 1):
            if page.next_url is None:
                break
            page = await github.next_page(token, page.next_url)
            candidates += [gist for gist in page.gists if self._could_be_ours(gist, since)]
            unreadable += page.unreadable
        doubts = sum(each.created_at is None or each.created_at >= since for each in unreadable)
        candidates.sort(key=lambda gist: gist.created_at or since)
        # An interrupted look, or the first run of a step that Reboot validates, may have claimed a
        # gist that is not the oldest now. With a second claim another call would lose its gist.
        for candidate in candidates:
            if await look.has_claimed(candidate.id):
                return Made(id=candidate.id, url=candidate.html_url)
        for candidate in candidates:
            is_ours = await self._has_our_files(token, candidate.id)
            if is_ours and await look.claim(candidate.id):
                return Made(id=candidate.id, url=candidate.html_url)
            doubts += is_ours is None
        if page.next_url is not None:
            raise OutcomeUnknown("Too many gists were changed since then to look at all of them.")
        if doubts:
            raise OutcomeUnknown(
                "GitHub lists a gist that this server cannot read, and it may be this one."
            )
        return None

    def _could_be_ours(self, gist: Gist, since: datetime) -> bool:
        """Compares what a listing shows: everything but the contents.

        What it does not show counts as equal.
        """
        listed = {file.filename: file.size_bytes for file in gist.files}
        sizes = {name: len(content.encode()) for name, content in self._gist.files.items()}
        return (
            (gist.created_at is None or gist.created_at >= since)
            and gist.owner_id in (None, self._user_id)
            and (gist.description or "") == self._gist.description
            and gist.public == self._gist.public
            and listed.keys() == sizes.keys()
            and all(listed[name] in (None, size) for name, size in sizes.items())
        )

    async def _has_our_files(self, token: GitHubToken, gist_id: str) -> bool | None:
        """`None` if GitHub does not show every content, and those that it shows are equal."""
        try:
            gist = await process.services().github.get_gist(token, gist_id)
        except NotFound:
            return False
        contents = {file.filename: file.content for file in gist.files}
        if contents.keys() != self._gist.files.keys():
            return False
        if any(contents[name] not in (None, text) for name, text in self._gist.files.items()):
            return False
        return None if None in contents.values() else True
