"""Tokens that GitHub has refused, in the memory of one process: they are refused without asking.

A client with a dead token may repeat it for ever, and each question costs the OAuth App one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from gist_mcp.span import Span

REFUSED_SECONDS: Final = 10.0
"""For so long a token is refused the first time. Short, because GitHub may need a moment to know a
token that it has just made."""

MAX_REFUSED_SECONDS: Final = 3600.0
"""Each time that GitHub refuses it again the time doubles, up to this."""


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    reason: str
    span: Span


class RefusedTokens:
    """The last `max_tokens` refused tokens, by digest. `clock` gives seconds."""

    def __init__(self, max_tokens: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refusals: LRUCache[str, _Refusal] = LRUCache(max_tokens)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._refusals)

    def reason(self, digest: str) -> str | None:
        """Why the token is refused without asking; `None` if GitHub is to be asked."""
        known = self._refusals.get(digest)
        return known.reason if known and known.span.left_seconds(self._clock()) else None

    def add(self, digest: str, reason: str, *, may_heal: bool) -> None:
        """GitHub has just refused it. `may_heal`: the token lives, and its account may be served
        again."""
        known = self._refusals.get(digest)
        if known is None or may_heal:
            seconds = REFUSED_SECONDS
        else:
            seconds = min(2 * known.span.seconds, MAX_REFUSED_SECONDS)
        self._refusals[digest] = _Refusal(reason=reason, span=Span(self._clock(), seconds))
