"""A token that GitHub has refused is refused for a while without asking."""

import pytest

from gist_mcp.tokens.refused_tokens import MAX_REFUSED_SECONDS, REFUSED_SECONDS, RefusedTokens


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def questions_in(hours: float, *, may_heal: bool) -> int:
    """How often GitHub is asked for a client that repeats a dead token each second."""
    clock = Clock()
    refused, count = RefusedTokens(10, clock), 0
    while clock.now < hours * 3600:
        if refused.reason("digest") is None:
            count += 1
            refused.add("digest", "dead", may_heal=may_heal)
        clock.now += 1
    return count


def test_it_is_refused_for_a_short_time_at_first() -> None:
    clock = Clock()
    refused = RefusedTokens(10, clock)
    refused.add("digest", "dead", may_heal=False)

    assert refused.reason("digest") == "dead"
    assert refused.reason("another") is None
    clock.now = REFUSED_SECONDS
    assert refused.reason("digest") is None


@pytest.mark.parametrize(("hours", "most"), [(1, 9), (24, 9 + 24)])
def test_a_client_that_repeats_a_dead_token_costs_ever_fewer_questions(
    hours: float, most: int
) -> None:
    assert questions_in(hours, may_heal=False) <= most


def test_an_account_that_is_served_again_is_let_in_soon() -> None:
    assert questions_in(1, may_heal=True) == 3600 / REFUSED_SECONDS


def test_memory_is_bounded() -> None:
    refused = RefusedTokens(10, Clock())

    for number in range(1000):
        refused.add(str(number), "dead", may_heal=False)

    assert len(refused) == 10
    assert refused.reason("999") == "dead"
    assert MAX_REFUSED_SECONDS >= REFUSED_SECONDS


def test_a_clock_that_was_ahead_for_a_moment_refuses_nothing_for_long() -> None:
    clock = Clock()
    refused = RefusedTokens(10, clock)
    clock.now = 86_400.0
    refused.add("digest", "dead", may_heal=True)

    clock.now = 60.0

    assert refused.reason("digest") is None
