"""Which budget pays for which request, and a log that is read in parts."""

import pytest

from benchmarks.load_run.github_requests import (
    APP,
    BROWSERS,
    OTHERS,
    TOKEN_ENDPOINT,
    USERS,
    USERS_FREE,
    GitHubTally,
    budget_of,
)
from tests.support.github_simulator import SeenRequest


@pytest.mark.parametrize(
    ("path", "status", "is_users", "budget"),
    [
        ("/applications/an-app/token", 404, False, APP),
        ("/login/oauth/access_token", 200, False, TOKEN_ENDPOINT),
        ("/login/oauth/authorize", 302, False, BROWSERS),
        ("/user", 200, True, USERS),
        ("/gists", None, True, USERS),
        ("/user", 304, True, USERS_FREE),
        ("/versions", 200, False, OTHERS),
    ],
)
def test_a_request_is_paid_for_by_its_budget(
    path: str, status: int | None, is_users: bool, budget: str
) -> None:
    assert budget_of(path, status, is_users=is_users) == budget


def seen(number: int, status: int | None = 200) -> SeenRequest:
    return SeenRequest(number, "GET", "/user", "", 0.0, "digest", None, False, status)


def test_what_has_no_answer_yet_is_left_for_the_next_time() -> None:
    tally = GitHubTally(read_to=6)

    tally.add([seen(7), seen(8, None), seen(9)])
    assert (tally.read_to, tally.counts[USERS]) == (7, 1)
    tally.add([seen(8, 304), seen(9)])

    assert (tally.counts[USERS], tally.counts[USERS_FREE], tally.missed) == (2, 1, 0)


def test_the_last_time_all_are_counted() -> None:
    tally = GitHubTally()

    tally.add([seen(1, None), seen(2)], is_last=True)

    assert tally.counts[USERS] == 2


def test_what_had_left_the_log_is_told() -> None:
    tally = GitHubTally(read_to=1)

    tally.add([seen(4), seen(5)])

    assert tally.missed == 2
