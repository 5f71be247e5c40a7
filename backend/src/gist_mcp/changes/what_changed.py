"""The text of a refusal: what somebody else has changed in a gist since a revision."""

import difflib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gist_mcp import process
from gist_mcp.calls.argument_names import shown
from gist_mcp.changes.whole_text import shown_text
from gist_mcp.errors import GistMcpError, NotFound
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistFile, Revision

MAX_DIFF_CHARACTERS: Final = 4_000
"""Of all differences together. The caller reads the gist again anyway."""

MAX_DIFF_LINES: Final = 500
"""In the part of a file that differs. To compare takes time with the square of the lines."""

MAX_NAMES: Final = 20
"""Of files that were added, deleted or changed, for each of these."""

MAX_REVISIONS: Final = 5
"""Of which it is said who made them, and when."""


async def what_changed(
    token: GitHubToken, gist: Gist, *, since: str, concerned: Collection[str]
) -> str:
    """Why a change that starts from the revision `since` is refused, and how to go on.

    `gist` is as it is now. Of the files in `concerned` it shows how their texts differ.
    """
    github = process.services().github
    try:
        old = await github.get_revision(token, gist.id, since)
        page = await github.list_revisions(token, gist.id, per_page=MAX_REVISIONS)
        told = "\n".join(["Since then:", *_revisions(page.items, since), *changed_files(old, gist)])
        told += "".join(f"\n{each}" for each in differences(old, gist, concerned))
    except NotFound:
        told = "The gist has no such revision."
    except GistMcpError:
        told = "GitHub does not show now what has changed."
    return (
        f"revision: the gist is at {gist.revision or 'another revision'} now, not at {since}. "
        f"{told}\nRead it with get_gist, and call again with its revision."
    )


def _revisions(newest_first: Sequence[Revision], since: str) -> list[str]:
    told: list[str] = []
    for revision in newest_first:
        if revision.version == since:
            return told
        who = f" by {shown(revision.login)}" if revision.login else ""
        at = f" at {revision.committed_at:%Y-%m-%dT%H:%M:%SZ}" if revision.committed_at else ""
        told.append(f"Revision {revision.version}{who}{at}")
    return [*told, "and earlier ones"]


def changed_files(old: Gist, new: Gist) -> list[str]:
    """Which files were renamed, deleted, added or changed: a line for each of these."""
    before = {file.filename: file for file in old.files}
    after = {file.filename: file for file in new.files}
    renamed = _renamed(before, after)
    lines = [
        *_named("Renamed", [f"{old} to {new}" for old, new in renamed.items()]),
        *_named("Deleted", [name for name in before if name not in {*after, *renamed}]),
        *_named("Added", [name for name in after if name not in {*before, *renamed.values()}]),
        *_named("Changed", _changed(before, after)),
    ]
    if old.truncated or new.truncated:
        lines.append("GitHub lists 300 files of the gist only; others may have changed too.")
    return lines or ["The files are the same."]


def _renamed(before: Mapping[str, GistFile], after: Mapping[str, GistFile]) -> dict[str, str]:
    """Old names with new ones, where the text is the same and no other file has it."""
    gone = {file.content: name for name, file in before.items() if name not in after}
    came = {file.content: name for name, file in after.items() if name not in before}
    texts = Counter(file.content for file in (*before.values(), *after.values()))
    return {
        gone[text]: came[text]
        for text in gone
        if text in came
        and text is not None
        and texts[text] == 2
        and not before[gone[text]].truncated
    }


def _named(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [f"{what}: {', '.join(map(shown, names[:MAX_NAMES]))}{more}"]


def _changed(before: dict[str, GistFile], after: dict[str, GistFile]) -> list[str]:
    return [name for name in after if name in before and _differ(before[name], after[name])]


def _differ(old: GistFile, new: GistFile) -> bool:
    # `raw_url` holds the SHA of the content, also where the content itself is cut.
    return (old.raw_url, old.size_bytes) != (new.raw_url, new.size_bytes) or (
        old.content != new.content
    )


def differences(old: Gist, new: Gist, concerned: Collection[str]) -> list[str]:
    """The differences between the texts of these files, in the form of `diff -u`, up to
    `MAX_DIFF_CHARACTERS` together. Files of which GitHub shows a part only have none.
    """
    before = {file.filename: file for file in old.files}
    after = {file.filename: file for file in new.files}
    told: list[str] = []
    left = MAX_DIFF_CHARACTERS
    for name in _changed(before, after):
        old_text, new_text = shown_text(before[name]), shown_text(after[name])
        if name not in concerned or old_text is None or new_text is None:
            continue
        difference = _difference(name, old_text, new_text)
        if len(difference) > left:
            told.append(f"{difference[:left]}\n(the rest is left out)")
            break
        left -= len(difference)
        told.append(difference)
    return told


def _difference(name: str, old_text: str, new_text: str) -> str:
    # Not `splitlines`: it takes U+2028 and others for line breaks, and CR LF for LF.
    old, new = old_text.split("\n"), new_text.split("\n")
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    parts = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(map(len, parts)) > MAX_DIFF_LINES:
        return (
            f"{shown(name)}: the lines {head + 1} to {head + len(parts[0])} as you have read them "
            f"are now the lines {head + 1} to {head + len(parts[1])}, too many to show."
        )
    # One line around the part shows where it is.
    first = max(0, head - 1)
    old_part = old[first : len(old) - max(0, tail - 1)]
    new_part = new[first : len(new) - max(0, tail - 1)]
    lines = [f"--- {shown(name)} as you have read it", f"+++ {shown(name)} now"]
    for group in difflib.SequenceMatcher(None, old_part, new_part).get_grouped_opcodes(1):
        lines.append(_place(group, first))
        for what, old_from, old_to, new_from, new_to in group:
            if what == "equal":
                lines += [f" {line}" for line in old_part[old_from:old_to]]
                continue
            lines += [f"-{line}" for line in old_part[old_from:old_to]]
            lines += [f"+{line}" for line in new_part[new_from:new_to]]
    return "\n".join(lines)


def _place(group: Sequence[tuple[str, int, int, int, int]], lines_before: int) -> str:
    """Where in the file a part of a difference is: its first line, from 1, and how many."""
    (_, old_from, _, new_from, _), (_, _, old_to, _, new_to) = group[0], group[-1]
    old_place = f"{lines_before + old_from + 1},{old_to - old_from}"
    new_place = f"{lines_before + new_from + 1},{new_to - new_from}"
    return f"@@ -{old_place} +{new_place} @@"


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
