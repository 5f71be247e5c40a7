"""Which gist is meant: from an id, or from any address of the gist that people copy. Pure rules.

Addresses of a gist at GitHub: its page, with or without the owner, a revision or a section of the
page; its file at a line (`#file-notes-md-L3`); its raw files; its clone, embed and API addresses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from gist_mcp.errors import InvalidArgument
from gist_mcp.github_address import PUBLIC_WEB_URL

MAX_CHARACTERS = 2_000
"""Longer than the address of any file: a name has 255 bytes, each of them `%XX` at worst."""

_ID = re.compile(r"[0-9A-Za-z]{1,64}\Z")
_USUAL_ID = re.compile(r"(?:[0-9a-f]{20}|[0-9a-f]{32}|[0-9]{1,10})\Z")
"""What GitHub's ids look like. It promises a string only, so an id alone may look otherwise."""

_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_BEGINNINGS = frozenset({"gist", "gists", "gist.github.com", "gist.githubusercontent.com"})
"""Of the paths of gists on a host that has other things too: an Enterprise Server's, the API's and,
with names of hosts, the simulator's."""

_ENDINGS = (".git", ".js", ".json", ".pibb")


@dataclass(frozen=True, kw_only=True)
class GistReference:
    """A gist, and what else its address names: a `revision` (SHA) and a raw file's `filename`.

    Both are empty where the address does not name them.
    """

    gist_id: str
    revision: str = ""
    filename: str = ""


def gist_hosts(web_url: str, api_url: str) -> frozenset[str]:
    """The hosts, with ports, on which a GitHub with these addresses has its gists.

    GitHub Enterprise Server has them below `/gist` or, with subdomain isolation, on `gist.HOST`
    (GitHub Docs, enabling subdomain isolation).
    """
    web, api = (urlsplit(url).netloc.lower() for url in (web_url, api_url))
    hosts = {web, f"gist.{web}", api}
    if web_url == PUBLIC_WEB_URL:
        hosts.add("gist.githubusercontent.com")
    else:
        hosts.add(f"raw.{web}")
    return frozenset(hosts)


def gist_reference(text: str, hosts: frozenset[str], *, field: str = "gist_id") -> GistReference:
    """The gist that `text` names. Raises `InvalidArgument` if it names none on these hosts."""
    text = text.strip()
    if not text:
        raise InvalidArgument(field, "is empty; give a gist's id or its URL.")
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument(field, f"has {len(text):,} characters, more than any gist's URL.")
    if _ID.match(text):
        return GistReference(gist_id=text)
    if "/" not in text:
        raise InvalidArgument(field, "is no gist's id: that is letters and digits, as in its URL.")
    return _of_address(text, hosts, field)


def _of_address(text: str, hosts: frozenset[str], field: str) -> GistReference:
    try:
        # People copy addresses without their beginning.
        url = urlsplit(text if "://" in text else f"https://{text}")
        host = url.netloc.lower()
    except ValueError:
        raise InvalidArgument(field, "is no URL that can be read; give the gist's id.") from None
    if url.scheme not in ("http", "https") or host not in hosts:
        raise InvalidArgument(
            field, "is no URL of a gist at GitHub; give the URL of the gist's page, or its id."
        )
    parts = [unquote(part) for part in url.path.split("/") if part]
    found = _in_path(parts if host.startswith("gist.") else _below_gists(parts))
    if found is None:
        raise InvalidArgument(
            field, "is a URL of GitHub, but of no gist; give the URL of the gist's page, or its id."
        )
    return found


def _below_gists(parts: Sequence[str]) -> Sequence[str]:
    """What is left of a path on a host that has more than gists; nothing if it leads elsewhere.

    An issue's number on such a host looks like the id of an old gist.
    """
    if tuple(parts[:2]) == ("api", "v3"):
        parts = parts[2:]
    return parts[1:] if parts and parts[0] in _BEGINNINGS else ()


def _in_path(parts: Sequence[str]) -> GistReference | None:
    # A raw file's name can look like an id, so these come first.
    for place, part in enumerate(parts[1:], start=1):
        if part == "raw" and _USUAL_ID.match(parts[place - 1]):
            return _raw(parts[place - 1], parts[place + 1 :])
    # So can an owner's name, which comes before the id.
    for place in range(len(parts) - 1, -1, -1):
        candidate = _without_ending(parts[place])
        if _USUAL_ID.match(candidate):
            after = parts[place + 1] if place + 1 < len(parts) else ""
            revision = after if _REVISION.match(after) else ""
            return GistReference(gist_id=candidate, revision=revision)
    return None


def _raw(gist_id: str, rest: Sequence[str]) -> GistReference:
    # The SHA names the content of the file (a blob of git) or a commit: it is no revision to go by.
    names = rest[1:] if rest and _REVISION.match(rest[0]) else rest
    return GistReference(gist_id=gist_id, filename="/".join(names))


def _without_ending(part: str) -> str:
    for ending in _ENDINGS:
        if part.endswith(ending):
            return part.removesuffix(ending)
    return part
