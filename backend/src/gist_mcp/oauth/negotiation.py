"""Whether a caller wants a page or JSON (RFC 9110, 12.5.1)."""

from typing import Final

from gist_mcp.http.media_types import HTML, JSON, quality

MAX_ACCEPT_CHARACTERS: Final = 1024
"""Browsers send about 150. Beyond this nobody is choosing, and the answer is JSON."""


def prefers_html(accept: str) -> bool:
    """True if the `Accept` header ranks HTML above JSON.

    Browsers do; `*/*`, an absent header and whatever cannot be understood are JSON.
    """
    if len(accept) > MAX_ACCEPT_CHARACTERS:
        return False
    return quality(accept, HTML) > quality(accept, JSON)
