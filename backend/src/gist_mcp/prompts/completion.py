"""What may complete what a person has typed so far (MCP, utilities, completion).

The values come from the person's own gists, as they were listed last.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from gist_mcp.calls.foreign_text import without_hidden
from gist_mcp.github.models import Gist

MAX_VALUES: Final = 100
"""MCP, completion: a response has 100 values at most."""

MAX_VALUE_CHARACTERS: Final = 255

_TAG: Final = re.compile(r"#[\w-]+")
"""A `#tag` of a description, as search_my_gists takes it."""


def matching(values: Iterable[str], typed: str) -> list[str]:
    """The values that begin with what is typed, then those that have it inside; each once.

    Letters of both cases are the same.
    """
    asked = typed.casefold()
    distinct = [value for value in dict.fromkeys(values) if value]
    first: list[str] = []
    inside: list[str] = []
    for value in distinct:
        folded = value.casefold()
        if folded.startswith(asked):
            first.append(value)
        elif asked in folded:
            inside.append(value)
    return first + inside


def gist_ids(gists: Sequence[Gist], typed: str) -> list[str]:
    """Ids of the gists whose id begins with what is typed, or whose description or a file name
    has it: nobody knows an id by heart."""
    asked = typed.casefold()
    by_id = [gist.id for gist in gists if gist.id.casefold().startswith(asked)]
    by_text = [
        gist.id
        for gist in gists
        if any(asked in text.casefold() for text in (gist.description or "", *_names(gist)))
    ]
    return list(dict.fromkeys(by_id + by_text))


def filenames(gists: Sequence[Gist], typed: str, *, gist_id: str | None = None) -> list[str]:
    """Names of files: of the gist with that id, without one of all gists."""
    chosen = [gist for gist in gists if gist_id is None or gist.id == gist_id]
    return matching((name for gist in chosen for name in _names(gist)), typed)


def topics(gists: Sequence[Gist], typed: str) -> list[str]:
    """Tags of descriptions, and languages of files."""
    tags = [tag for gist in gists for tag in _TAG.findall(without_hidden(gist.description or ""))]
    languages = [file.language for gist in gists for file in gist.files if file.language]
    values = [value for value in (*tags, *languages) if len(value) <= MAX_VALUE_CHARACTERS]
    return matching(values, typed)


def _names(gist: Gist) -> list[str]:
    return [file.filename for file in gist.files]
