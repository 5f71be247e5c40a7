"""Out of which of GitHub's budgets requests go. Pure.

GitHub counts requests in the app's name for the app (5,000 an hour), those to its token endpoint
for the app as well (2,000 an hour), and those with a user's token for that user (5,000 an hour). An
answer of 304 is free (GitHub Docs, rate limits and conditional requests).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.github_simulator import SeenRequest

APP = "the app's questions and revocations"
TOKEN_ENDPOINT = "the app's token endpoint"
USERS = "users' own requests"
USERS_FREE = "users' own requests, answered 304 (free)"
BROWSERS = "pages in people's browsers"
OTHERS = "others"

BUDGETS = (APP, TOKEN_ENDPOINT, USERS, USERS_FREE, BROWSERS, OTHERS)

NOT_MODIFIED = 304


def budget_of(path: str, status: int | None, *, is_users: bool) -> str:
    """The budget that pays for a request. `is_users`: it carries a user's token."""
    if path.startswith("/applications/"):
        return APP
    if path == "/login/oauth/access_token":
        return TOKEN_ENDPOINT
    if path.startswith("/login/"):
        return BROWSERS
    if not is_users:
        return OTHERS
    return USERS_FREE if status == NOT_MODIFIED else USERS


@dataclass
class GitHubTally:
    """Requests by budget, added up from a log that is read in parts."""

    read_to: int = 0
    """The number of the last request that was added: the log is read on behind it."""
    counts: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    """So many requests had left the log before it was read."""

    def add(self, requests: Iterable[SeenRequest], *, is_last: bool = False) -> None:
        """The next requests, by their numbers. Those from the first one without an answer on are
        left for the next time, because the answer decides; the last time all are added."""
        for each in requests:
            if each.status is None and not is_last:
                break
            self.missed += each.number - self.read_to - 1
            self.read_to = each.number
            is_users = each.token_sha256 is not None
            self.counts[budget_of(each.path, each.status, is_users=is_users)] += 1
