"""What would tell that a change of a gist was made: a note, kept durably from before each send.

It holds digests and no contents. What the named files are after the change is one digest, so that
the note of 300 files is as short as that of one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from gist_mcp.changes.whole_text import whole_text
from gist_mcp.errors import Conflict
from gist_mcp.github.models import FileChange, Gist

ABSENT: Final = "absent"
PRESENT: Final = "present"
"""Whatever its content: a file that only gets another name."""


@dataclass(frozen=True, kw_only=True)
class GistChange:
    """What is sent: as `GitHubClient.update_gist` takes it. `description`: `None` stays.

    `replaces`: whole files of the gist are replaced or deleted, whatever they hold.
    """

    description: str | None
    files: Mapping[str, FileChange | None]
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class SentChange:
    """One send of a change. Digests are of SHA-256.

    `base`: the revision from which it starts. `at_seconds`: Unix time right before the send.
    `files`: what the files that it names are after it; empty if they are so already.
    `description`: after it; empty if it is so already. `old_description`: before it.
    """

    base: str
    at_seconds: int
    files: str
    description: str
    old_description: str

    def note(self) -> str:
        """The form in which it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of_note(cls, note: str) -> "SentChange":
        """What `note` has made."""
        return cls(**json.loads(note))


async def sent_change(
    gist: Gist, change: GistChange, *, base: str, watched: Mapping[str, bool], at_seconds: int
) -> SentChange:
    """The send of `change` to a gist as it is at `base`. `watched` is as in `files_digest`."""
    target = _digest_of(_states_after(change))
    now = await files_digest(gist, watched)
    old_description = digest(gist.description or "")
    description = "" if change.description is None else digest(change.description)
    return SentChange(
        base=base,
        at_seconds=at_seconds,
        files="" if target == now else target,
        description="" if description == old_description else description,
        old_description=old_description,
    )


def _states_after(change: GistChange) -> dict[str, str]:
    states: dict[str, str] = {}
    for name, file in change.files.items():
        if file is None or (file.new_filename or name) != name:
            states[name] = ABSENT
    for name, file in change.files.items():
        if file is not None:
            state = PRESENT if file.content is None else digest(file.content)
            states[file.new_filename or name] = state
    return states


async def files_digest(gist: Gist, watched: Mapping[str, bool]) -> str | None:
    """What these files are in a gist; `None` if GitHub does not show it.

    `watched` has the names of all files that a change names, before and after it. True: the content
    counts; false: only whether there is such a file.
    """
    states: dict[str, str] = {}
    for name, content_counts in watched.items():
        file = gist.file(name)
        if file is None and gist.truncated:
            return None
        if file is None:
            states[name] = ABSENT
        elif not content_counts:
            states[name] = PRESENT
        else:
            try:
                states[name] = digest(await whole_text(file))
            except Conflict:
                # What cannot be read as text is nothing that a change has written.
                states[name] = "other"
    return _digest_of(states)


def digest(text: str) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of(states: Mapping[str, str]) -> str:
    return digest(json.dumps(sorted(states.items())))
