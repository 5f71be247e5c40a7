"""Whether a caller wants a page or JSON (RFC 9110, 12.5.1)."""

from typing import Final

MAX_ACCEPT_CHARACTERS: Final = 1024
"""Browsers send about 150. Beyond this nobody is choosing, and the answer is JSON."""


def prefers_html(accept: str) -> bool:
    """True if the `Accept` header ranks HTML above JSON.

    Browsers do; `*/*`, an absent header and whatever cannot be understood are JSON.
    """
    if len(accept) > MAX_ACCEPT_CHARACTERS:
        return False
    return _quality(accept, "text/html") > _quality(accept, "application/json")


def _quality(accept: str, media_type: str) -> float:
    """The weight of the most specific range that covers the type, 0 without one."""
    ranges = dict(_weighted(each) for each in accept.split(","))
    any_subtype = media_type.partition("/")[0] + "/*"
    for name in (media_type, any_subtype, "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


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
