"""The text of a refusal: what somebody else has changed in a gist since a revision."""

import difflib
from typing import Final

from gist_mcp import process
from gist_mcp.errors import GistMcpError
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistFile

MAX_DIFF_CHARACTERS: Final = 4_000
"""Of all differences together. The caller reads the gist again anyway."""

MAX_DIFF_FILE_BYTES: Final = 100_000
"""Larger files are only named: comparing takes time with the square of the lines."""


async def what_changed(token: GitHubToken, gist: Gist, *, since: str) -> str:
    """Why a change that starts from the revision `since` is refused, and how to go on."""
    try:
        old = await process.services().github.get_revision(token, gist.id, since)
        told = _differences(old, gist)
    except GistMcpError:
        # Such as a revision that this gist never had.
        told = "GitHub does not show that revision of it."
    return (
        f"revision: the gist is at {gist.revision or 'another revision'} now, not at {since}. "
        f"{told}\nRead it with get_gist, and call again with its revision."
    )


def _differences(old: Gist, new: Gist) -> str:
    before = {file.filename: file for file in old.files}
    after = {file.filename: file for file in new.files}
    lines = [f"Deleted: {name}" for name in before if name not in after]
    lines += [f"Added: {name}" for name in after if name not in before]
    changed = [name for name in after if name in before and _differ(before[name], after[name])]
    lines += [f"Changed: {name}" for name in changed]
    if not lines:
        return "The files are the same."
    lines += _shown(before, after, changed)
    return "\n".join(["Since then:", *lines])


def _differ(old: GistFile, new: GistFile) -> bool:
    # `raw_url` holds the SHA of the content, also where the content itself is cut.
    return (old.raw_url, old.size_bytes) != (new.raw_url, new.size_bytes) or (
        old.content != new.content
    )


def _shown(before: dict[str, GistFile], after: dict[str, GistFile], names: list[str]) -> list[str]:
    shown: list[str] = []
    left = MAX_DIFF_CHARACTERS
    for name in names:
        old, new = before[name], after[name]
        if not _can_be_compared(old) or not _can_be_compared(new):
            continue
        difference = "\n".join(
            difflib.unified_diff(
                (old.content or "").splitlines(),
                (new.content or "").splitlines(),
                f"{name} as you have read it",
                f"{name} now",
                lineterm="",
                n=1,
            )
        )
        if len(difference) > left:
            shown.append(difference[:left] + "\n(the rest is left out)")
            break
        left -= len(difference)
        shown.append(difference)
    return shown


def _can_be_compared(file: GistFile) -> bool:
    is_small = (file.size_bytes or 0) <= MAX_DIFF_FILE_BYTES
    return is_small and file.content is not None and not file.truncated
