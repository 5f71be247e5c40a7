"""Changes of a gist that is there: of its description and of its files.

Right before the send the gist is read again. It must be at the revision from which the change
starts, and what the change makes of it is noted. After a doubt the gist is looked at: it is as
noted, then the change was made; it is as before, then not; or somebody has changed it since, and
the revisions in between tell. GitHub has no conditional PATCH (it answers `If-Match` with 400), so
what somebody else writes between that reading and the send is overwritten where both change the
same file.
"""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from gist_mcp import process
from gist_mcp.changes.what_changed import what_changed
from gist_mcp.changes.work import Look, Made, NeverMade, Words, Work
from gist_mcp.errors import Conflict, NotFound, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import FileChange, Gist
from gist_mcp.principal import GitHubUserId

LOOK_REVISIONS: Final = 20
"""Revisions since the send that a look reads at most."""

_ABSENT: Final = "absent"
_PRESENT: Final = "present"
"""Whatever its content: a file that only gets another name."""


@dataclass(frozen=True, kw_only=True)
class GistChange:
    """What is sent: as `GitHubClient.update_gist` takes it. `description`: `None` stays."""

    description: str | None
    files: Mapping[str, FileChange | None]


@dataclass(frozen=True, kw_only=True)
class _Target:
    """What the gist is after the change, as far as the change says: digests, no contents."""

    base: str
    description: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, base: str, change: GistChange) -> "_Target":
        files: dict[str, str] = {}
        for name, file in change.files.items():
            if file is None or (file.new_filename or name) != name:
                files[_digest(name)] = _ABSENT
        for name, file in change.files.items():
            if file is not None:
                state = _PRESENT if file.content is None else _digest(file.content)
                files[_digest(file.new_filename or name)] = state
        description = "" if change.description is None else _digest(change.description)
        return cls(base=base, description=description, files=files)

    def note(self) -> str:
        return json.dumps(vars(self), separators=(",", ":"))

    @classmethod
    def read(cls, note: str) -> "_Target":
        return cls(**json.loads(note))

    def is_reached_by(self, gist: Gist, *, has_description: bool = True) -> bool:
        """Whether the gist is as the change would leave it.

        Of a revision the description is not known: GitHub shows today's.
        """
        description = _digest(gist.description or "")
        if has_description and self.description not in ("", description):
            return False
        states = {
            _digest(file.filename): None if file.content is None else _digest(file.content)
            for file in gist.files
        }
        return all(
            (name not in states) if state == _ABSENT else _is(states, name, state)
            for name, state in self.files.items()
        )


def _is(states: Mapping[str, str | None], name: str, state: str) -> bool:
    return name in states and state in (_PRESENT, states[name])


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

    def __init__(self, gist_id: str, *, revision: str, user_id: GitHubUserId) -> None:
        self._gist_id = gist_id
        self._revision = revision
        self._user_id = user_id
        self._change: GistChange | None = None

    @abstractmethod
    async def change_of(self, gist: Gist) -> GistChange:
        """What is to be sent for the gist as it is now. Raises what refuses it."""

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self._gist_id)
        if gist.owner_id != self._user_id:
            raise Conflict(
                "This gist belongs to somebody else. Only its owner can change it; fork_gist makes "
                "a copy that is yours."
            )
        if self._revision and gist.revision != self._revision:
            raise Conflict(await what_changed(token, gist, since=self._revision))
        self._change = await self.change_of(gist)
        return _Target.of(gist.revision or "", self._change).note()

    async def send(self, token: GitHubToken, note: str) -> Made:
        assert self._change is not None
        gist = await process.services().github.update_gist(
            token,
            self._gist_id,
            description=self._change.description,
            files=self._change.files,
        )
        return Made(id=gist.id, url=gist.html_url, gist=gist)

    async def look(self, look: Look) -> Made | None:
        target = _Target.read(look.note)
        try:
            gist = await process.services().github.get_gist(look.token, self._gist_id)
        except NotFound:
            raise OutcomeUnknown("The gist is not there any more.") from None
        if target.is_reached_by(gist):
            return Made(id=gist.id, url=gist.html_url, gist=gist)
        if gist.revision == target.base:
            return None
        if await self._was_reached(look.token, gist, target):
            return Made(id=gist.id, url=gist.html_url, gist=gist)
        raise NeverMade(await what_changed(look.token, gist, since=target.base))

    async def _was_reached(self, token: GitHubToken, gist: Gist, target: _Target) -> bool:
        """Whether a revision between the one before the send and today's is what was sent."""
        github = process.services().github
        page = await github.list_revisions(token, gist.id, per_page=LOOK_REVISIONS)
        versions = [revision.version for revision in page.items]
        if target.base not in versions or page.unreadable:
            raise OutcomeUnknown("The gist was changed too often since then to look at all of it.")
        # Newest first; today's was looked at already.
        for version in versions[1 : versions.index(target.base)]:
            revision = await github.get_revision(token, gist.id, version)
            if target.is_reached_by(revision, has_description=False):
                return True
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
