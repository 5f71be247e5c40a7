"""Changes of a gist that is there: of its description and of its files.

Right before the send the gist is read again. It must be at the revision that the caller has read,
and what the change makes of it is noted. After a doubt the gist is looked at: it is as noted, then
the change was made; it is as before, then not; or somebody has changed it since, and the revisions
in between tell. A change is sent again only from where the first send started: text that is
appended would come twice otherwise.

GitHub has no conditional PATCH (it answers `If-Match` with 400). So what somebody else writes
between the reading and the send is overwritten where both change the same file. GitHub's answer
names the revision before the new one, so the caller is told when that has happened.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Final

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.approval import (
    Claim,
    Proposal,
    approve,
    holds_secret,
    publishing_is_asked_for,
)
from gist_mcp.changes.gist_revision import Approved, revision_of
from gist_mcp.changes.gist_turns import turn
from gist_mcp.changes.proposed_change import proposed_change
from gist_mcp.changes.sent_change import GistChange, SentChange, digest, files_digest, sent_change
from gist_mcp.changes.what_changed import what_changed
from gist_mcp.changes.work import GIST_SCOPE, Look, Made, NeverMade, Words, Work
from gist_mcp.errors import Conflict, NotFound, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId

LOOK_REVISIONS: Final = 20
"""Revisions since the send that a look reads at most."""

GITHUB_ENDS_REQUESTS_SECONDS: Final = 15
"""So long after a send it is made or never will be: GitHub ends a request after 10 seconds, and
clocks of the processes of a deployment may differ a little."""

_REPLACED: Final = (
    "Without `revision`, files were replaced as they were then. If somebody else has changed them "
    "since you read them, their text is in previous_revision."
)
_OVERTAKEN: Final = (
    "Somebody else changed the gist in the moment of this change. Of the files that both have "
    "changed, their text is in previous_revision: compare, and bring back what is missing."
)


class ChangeGist(Work):
    """A change of the gist `gist_id`, which `user_id` must own.

    `revision`: the one that the caller has read, or empty. The gist must still be at it.
    """

    words: ClassVar[Words] = Words(
        not_made="The gist was not changed.",
        made="The gist was changed: {url}.",
        unknown="It is not known whether the gist was changed",
        advice="Look with get_gist before calling again.",
    )
    # The same change twice does what one does: two looks see whether somebody is in between.
    look_delays_seconds: ClassVar[tuple[float, ...]] = (0.5, 2.0)

    tool: ClassVar[str]
    """The tool that makes it."""

    def __init__(
        self, gist_id: str, *, revision: str, user_id: GitHubUserId, confirm: str = ""
    ) -> None:
        self.gist_id = gist_id
        self._revision = revision
        self._user_id = user_id
        self._confirm = confirm
        self._approved: Approved | None = None
        self._change: GistChange | None = None
        self._found: Made | None = None

    @abstractmethod
    async def change_of(self, gist: Gist) -> GistChange:
        """What is to be sent for the gist as it is now. Raises what refuses it."""

    @abstractmethod
    def watched(self) -> Mapping[str, bool]:
        """The files that the change names, before and after it: as `files_digest` takes them."""

    def turn(self) -> AbstractAsyncContextManager[object]:
        return turn(self.gist_id)

    def known_texts(self) -> Sequence[tuple[str, str]] | None:
        """The texts that go into the gist, `None` if they depend on what is in it."""
        return None

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        known = self.known_texts()
        is_free = known is not None and not publishing_is_asked_for()
        if known is not None and is_free and not await holds_secret(known):
            return
        proposal, base = await call.read(
            "Read the gist that is to be changed", self._proposal, scopes=(GIST_SCOPE,)
        )
        is_asked = await approve(call, proposal, confirm=self._confirm, claim=claim)
        self._approved = Approved(base, proposal.is_public, is_asked)

    async def _proposal(self, token: GitHubToken) -> tuple[Proposal, str]:
        gist = await self._own_gist(token)
        base = await self._base(token, gist)
        change = await self.change_of(gist)
        return proposed_change(self.tool, gist, base, change), base

    async def prepare(self, token: GitHubToken) -> str:
        gist = await self._own_gist(token)
        return await self._prepare(token, gist)

    async def prepare_again(self, token: GitHubToken, note: str) -> str:
        # The send that was looked for may have been made since the look. What it has appended must
        # not be appended to.
        gist = await self._own_gist(token)
        self._found = await self._find(token, gist, SentChange.of_note(note))
        return note if self._found is not None else await self._prepare(token, gist)

    async def _own_gist(self, token: GitHubToken) -> Gist:
        gist = await process.services().github.get_gist(token, self.gist_id)
        if gist.owner_id != self._user_id:
            raise Conflict(
                "This gist belongs to somebody else. Only its owner can change it; fork_gist makes "
                "a copy that is yours."
            )
        return gist

    async def _base(self, token: GitHubToken, gist: Gist) -> str:
        """The revision at which the gist is. Raises `Conflict` if the caller has read another."""
        base = await revision_of(token, gist)
        if self._revision and base != self._revision:
            raise Conflict(await self._what_changed(token, gist, self._revision))
        return base

    async def _prepare(self, token: GitHubToken, gist: Gist) -> str:
        base = await self._base(token, gist)
        self._change = await self.change_of(gist)
        if await self._needs_another_look(gist, base, self._change):
            raise Conflict(
                "Somebody else has changed the gist in the meantime. Look with get_gist before "
                "calling again."
            )
        sent = await sent_change(
            gist,
            self._change,
            base=base,
            watched=self.watched(),
            at_seconds=int(process.services().clock()),
        )
        return sent.note()

    async def _needs_another_look(self, gist: Gist, base: str, change: GistChange) -> bool:
        """True if what would be sent now is not what was looked at, and calls for a look."""
        approved = self._approved
        if approved is None or (approved.base, approved.is_public) == (base, gist.public):
            return False
        if approved.is_asked or (gist.public and publishing_is_asked_for()):
            return True
        return await holds_secret(proposed_change(self.tool, gist, base, change).texts)

    async def send(self, token: GitHubToken, note: str) -> Made:
        if self._found is not None:
            return self._found
        assert self._change is not None
        gist = await process.services().github.update_gist(
            token,
            self.gist_id,
            description=self._change.description,
            files=self._change.files,
        )
        base = SentChange.of_note(note).base
        is_overtaken = gist.revision != base and gist.previous_revision not in (None, base)
        notes = [_OVERTAKEN] if is_overtaken else []
        if self._change.replaces and not self._revision:
            notes.append(_REPLACED)
        before = gist.previous_revision if is_overtaken else base
        return Made(
            id=gist.id,
            url=gist.html_url,
            gist=gist,
            previous_revision=before,
            note=" ".join(notes),
        )

    async def look(self, look: Look) -> Made | None:
        if not look.note:
            # It is kept from before each send, so nothing was sent.
            return None
        try:
            gist = await process.services().github.get_gist(look.token, self.gist_id)
        except NotFound:
            raise OutcomeUnknown("The gist is not there any more.") from None
        return await self._find(look.token, gist, SentChange.of_note(look.note))

    async def _find(self, token: GitHubToken, gist: Gist, sent: SentChange) -> Made | None:
        """What `sent` has led to, if it was made; `None` if not, and nothing is in its way.

        Raises `NeverMade` if somebody has changed the gist since, and `OutcomeUnknown`.
        """
        made = Made(id=gist.id, url=gist.html_url, gist=gist, previous_revision=sent.base or None)
        description = digest(gist.description or "")
        lacks_description = bool(sent.description) and description == sent.old_description
        if not sent.files:
            if sent.description and description not in (sent.description, sent.old_description):
                # GitHub keeps no versions of it.
                raise OutcomeUnknown("Somebody else has changed the description since then.")
            return None if lacks_description else made
        files = await files_digest(gist, self.watched())
        if files is None:
            raise OutcomeUnknown("GitHub does not show all files of the gist.")
        if files == sent.files:
            return None if lacks_description else made
        revision = await revision_of(token, gist)
        if revision == sent.base:
            return None
        if await self._was_made(token, gist, sent):
            return made
        changed = await self._what_changed(token, gist, sent.base)
        if process.services().clock() < sent.at_seconds + GITHUB_ENDS_REQUESTS_SECONDS:
            raise OutcomeUnknown(changed)
        raise NeverMade(changed)

    async def _was_made(self, token: GitHubToken, gist: Gist, sent: SentChange) -> bool:
        """Whether a revision between the one before the send and today's is what was sent."""
        github = process.services().github
        page = await github.list_revisions(token, gist.id, per_page=LOOK_REVISIONS)
        versions = [revision.version for revision in page.items]
        if sent.base not in versions or page.unreadable:
            raise OutcomeUnknown("The gist was changed too often since then to look at all of it.")
        # Newest first; today's was looked at already.
        for version in versions[1 : versions.index(sent.base)]:
            revision = await github.get_revision(token, gist.id, version)
            files = await files_digest(revision, self.watched())
            if files is None:
                raise OutcomeUnknown("GitHub does not show all files of the gist.")
            if files == sent.files:
                return True
        return False

    async def _what_changed(self, token: GitHubToken, gist: Gist, since: str) -> str:
        return await what_changed(token, gist, since=since, concerned=self.watched())
