"""Where an authorization response may be sent. Pure rules, no I/O.

Accepted are https, http on loopback (RFC 8252, 7.3) and schemes of native apps (RFC 8252, 7.1), as
`app_scheme` knows them.
"""

import re
from typing import Final
from urllib.parse import SplitResult, unquote_plus, urlsplit

from gist_mcp.clients.app_scheme import is_app_scheme
from gist_mcp.origin import LOOPBACK_HOSTS

MAX_REDIRECT_URI_CHARACTERS: Final = 512

_ANSWER_NAMES: Final = frozenset({"code", "state", "iss", "error"})

# Printable ASCII but for what a URI must not have (RFC 3986, 2), and the backslash, which
# browsers read as a slash.
_URI = re.compile(r"[!#-;=?-\[\]_a-z~]+\Z")
# A host is a name or a bracketed address, and nothing else (RFC 3986, 3.2.2, allows more): it goes
# into the header with the page's policy, where a semicolon or a comma would begin another rule.
_NETLOC = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])?(:[0-9]{1,5})?\Z")


def is_acceptable(uri: str) -> bool:
    """True for a redirect URI that a client may register."""
    parts = _split(uri)
    if parts is None or _has_an_answer(parts.query):
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in LOOPBACK_HOSTS
    return is_app_scheme(parts.scheme) and _has_a_slash_after_its_scheme(uri)


def is_loopback(uri: str) -> bool:
    """True for an acceptable http URI on this machine."""
    parts = _split(uri)
    return parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS


def matches(registered: str, given: str) -> bool:
    """True if `given` is the registered URI, on any port if that is on loopback.

    Otherwise character by character (RFC 9700, 4.1.3); an absent path is the root.
    """
    if registered == given:
        return True
    if not (is_loopback(registered) and is_loopback(given)):
        return False
    return _without_port(registered) == _without_port(given)


def destination(uri: str) -> str:
    """What a person is told about where they will be sent: the host, or the app's scheme."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return f"the app behind {parts.scheme}://"
    return "this computer" if is_loopback(uri) else parts.netloc


def form_action_source(uri: str) -> str:
    """The CSP source expression that covers the URI."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def form_action(github_web_url: str, uri: str) -> list[str]:
    """Everywhere that the redirects after our form may lead: Chromium checks each of them.

    GitHub redirects at once where the person agreed before, then we do, to the client. An
    Enterprise Server may go by the sign-in page of the company first.
    """
    sources = ["'self'", github_web_url, form_action_source(uri)]
    return sources if github_web_url == "https://github.com" else [*sources, "https:"]


def _split(uri: str) -> SplitResult | None:
    """The parts of a well-formed URI without fragment and user, else `None`."""
    if len(uri) > MAX_REDIRECT_URI_CHARACTERS or not _URI.match(uri.lower()) or "#" in uri:
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    if not _NETLOC.match(parts.netloc.lower()) or not (parts.netloc or parts.path.strip("/")):
        return None
    return parts


def _has_a_slash_after_its_scheme(uri: str) -> bool:
    """As RFC 8252, 7.1, has it. What has none is no address: `localhost:8080/cb`, which lacks its
    `http://`, or text that its scheme interprets."""
    return uri.partition(":")[2].startswith("/")


def _has_an_answer(query: str) -> bool:
    """True if a client could take the URI's own query for our answer, whichever of two parameters
    with one name it reads, and wherever it splits."""
    names = (unquote_plus(each.partition("=")[0]) for each in re.split("[&;]", query))
    return any(name in _ANSWER_NAMES or name.startswith("error_") for name in names)


def _without_port(uri: str) -> tuple[str | None, str, str]:
    parts = urlsplit(uri)
    return parts.hostname, parts.path or "/", parts.query
