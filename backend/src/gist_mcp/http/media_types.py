"""Reads `Accept` and `Content-Type` (RFC 9110, 12.5.1 and 8.3), and checks those of `/mcp`.

MCP asks clients to list both of its types in `Accept`, and many do not: some send `*/*`, some
nothing. HTTP has rules for that, and they decide.

A POST without `Content-Type` is taken for JSON, as RFC 9110, 8.3 allows. The types that a browser
lets any page send without asking first (Fetch standard, 2.2.2: forms and plain text) are refused.
It also sends a body without a type, a `Blob`'s, but never without `Origin`, which is checked
before, and never with a token.
"""

import re
from typing import Final

from starlette.requests import HTTPConnection

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
HTML: Final = "text/html"

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
"""An element of a list. Its quoted strings may have commas in them (RFC 9110, 5.6.1, 5.6.4)."""

_RANGE = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+/[a-z0-9!#$%&'*+.^_`|~-]+|\*")


class MediaTypeRefused(Exception):
    """406 or 415: the text says what to send instead."""

    def __init__(self, status_code: int, text: str) -> None:
        super().__init__(text)
        self.status_code = status_code


def quality(accept: str, media_type: str) -> float:
    """How much a type is wanted, from 0 (not at all) to 1 (RFC 9110, 12.4.2 and 12.5.1).

    The most specific range decides. A header that names no range at all, an empty one too, says
    nothing, and then everything is wanted.
    """
    ranges: dict[str, float] = {}
    for element in _ELEMENT.findall(accept):
        name, weight = _weighted(element)
        if _RANGE.fullmatch(name):
            # Java's old client writes `*` for `*/*`.
            key = "*/*" if name == "*" else name
            ranges[key] = max(weight, ranges.get(key, 0.0))
    any_subtype = media_type.partition("/")[0] + "/*"
    found = (ranges[name] for name in (media_type, any_subtype, "*/*") if name in ranges)
    return next(found, 0.0 if ranges else 1.0)


def is_a_browser(connection: HTTPConnection) -> bool:
    """True for a client that prefers HTML to the types of `/mcp`, as browsers do."""
    accept = _accept(connection)
    others = max(quality(accept, JSON), quality(accept, EVENTS))
    return quality(accept, HTML) > others


def takes_events(connection: HTTPConnection) -> bool:
    """True for a client that accepts an event stream."""
    return quality(_accept(connection), EVENTS) > 0


def check_media_types(connection: HTTPConnection) -> None:
    """Raises `MediaTypeRefused` for a request to `/mcp` that cannot be read or answered."""
    method = connection.scope["method"]
    if method == "GET" and not takes_events(connection):
        raise MediaTypeRefused(406, f"Not Acceptable: a GET is answered with {EVENTS}")
    if method != "POST":
        return
    if not takes_events(connection) and quality(_accept(connection), JSON) == 0:
        raise MediaTypeRefused(406, f"Not Acceptable: the answer is {JSON} or {EVENTS}")
    content_type = connection.headers.get("content-type", "")
    if content_type.strip() and not _is_json(content_type):
        raise MediaTypeRefused(415, f"Unsupported Media Type: send {JSON}")


def _is_json(content_type: str) -> bool:
    """True for `application/json` with any parameters, also beside another type.

    Only what is before the first parameter counts: to a browser `text/plain; a, application/json`
    is plain text, which any page may send.
    """
    names = content_type.partition(";")[0].split(",")
    return JSON in {name.strip().lower() for name in names}


def _accept(connection: HTTPConnection) -> str:
    # Several lines are one list (RFC 9110, 5.3).
    return ",".join(connection.headers.getlist("accept"))


def _weighted(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            return name, _weight(value.strip())
    return name, 1.0


def _weight(text: str) -> float:
    """A weight between 0 and 1; 0 for text that is none."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
