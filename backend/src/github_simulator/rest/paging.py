"""Pages of a list: `per_page`, `page` and the Link header."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from github_simulator.rest.call import Call

DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 100


@dataclass(frozen=True)
class Page[T]:
    """The items of one page, and the headers that lead to the others."""

    items: Sequence[T]
    headers: dict[str, str]


def paged[T](call: Call, path: str, items: Sequence[T]) -> Page[T]:
    """The page that the call asks for; `path` is the list's own, for the links."""
    per_page = min(_positive(call.query.get("per_page"), DEFAULT_PER_PAGE), MAX_PER_PAGE)
    number = _positive(call.query.get("page"), 1)
    last = max(1, -(-len(items) // per_page))
    targets: dict[str, int] = {}
    if number > 1:
        targets["first"], targets["prev"] = 1, min(number - 1, last)
    if number < last:
        targets["next"], targets["last"] = number + 1, last
    links = [
        f'<{call.api_url}{path}?{urlencode({**call.query, "page": target})}>; rel="{name}"'
        for name, target in targets.items()
    ]
    start = (number - 1) * per_page
    headers = {"link": ", ".join(links)} if links else {}
    return Page(items[start : start + per_page], headers)


def _positive(text: str | None, default: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return default
    return int(text) or default
