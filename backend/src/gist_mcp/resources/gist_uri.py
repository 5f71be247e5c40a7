"""The URIs of resources: `gist://mine`, `gist://{gist_id}`, `gist://{gist_id}/{filename}`.

They name gists of the one GitHub that the server works with. Pure rules.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

MINE: Final = "gist://mine"
"""The list of the user's own gists. No gist has this id: GitHub's are hexadecimal or numbers."""

GIST_TEMPLATE: Final = "gist://{gist_id}"
FILE_TEMPLATE: Final = "gist://{gist_id}/{filename}"

MAX_URI_CHARACTERS: Final = 1_000
"""A file's name has 255 bytes, each of them `%XX` at worst."""

_URI: Final = re.compile(r"gist://([0-9A-Za-z]{1,64})(?:/(.*))?\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class GistUri:
    """What a URI names: a file of a gist, or with an empty `filename` the gist."""

    gist_id: str
    filename: str = ""


def gist_uri(gist_id: str) -> str:
    """The URI of a gist."""
    return f"gist://{gist_id}"


def file_uri(gist_id: str, filename: str) -> str:
    """The URI of a file, as `FILE_TEMPLATE` expands (RFC 6570, 3.2.2)."""
    return f"gist://{gist_id}/{quote(filename, safe='')}"


def parse_gist_uri(uri: str) -> GistUri | None:
    """What the URI names, `None` for what names nothing of ours. `gist://mine` is no gist."""
    if len(uri) > MAX_URI_CHARACTERS:
        return None
    found = _URI.match(uri)
    if found is None:
        return None
    try:
        filename = unquote(found[2] or "", errors="strict")
    except UnicodeDecodeError:
        return None
    return GistUri(gist_id=found[1], filename=filename)
