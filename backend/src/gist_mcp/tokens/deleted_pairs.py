"""GitHub tokens that this process has deleted at GitHub, so that it asks for that once.

Deleting is asked out of the OAuth App's one budget, and whoever has a token of ours, a dead one
too, can send it for ever.
"""

from typing import Final

from cachetools import LRUCache

from gist_mcp.tokens.github_tokens import GitHubPair

MAX_PAIRS: Final = 10_000


class DeletedPairs:
    """The last `MAX_PAIRS` of them, by digest."""

    def __init__(self) -> None:
        self._digests: LRUCache[str, bool] = LRUCache(MAX_PAIRS)

    def __contains__(self, pair: GitHubPair) -> bool:
        return pair.access.digest() in self._digests

    def add(self, pair: GitHubPair) -> None:
        """GitHub has deleted it, or has said that it is dead."""
        self._digests[pair.access.digest()] = True
