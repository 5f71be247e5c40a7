"""The limits on strangers, with a clock of our own."""

import pytest
from starlette.datastructures import Headers

from gist_mcp.http.limits import (
    ALL_GUESSES_BURST,
    GUESSES_BURST,
    MAX_ADDRESSES,
    OWNERS_GUESSES_BURST,
    RateLimit,
    TokenGuessLimit,
    client_address,
    session_owner_key,
)
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.verifier import TooManyGuesses


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def guesses_until_refused(limit: TokenGuessLimit, address: str) -> int:
    for count in range(10_000):
        try:
            limit.take(address)
        except TooManyGuesses:
            return count
    raise AssertionError("never refused")


def test_a_burst_then_a_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(burst=3, per_second=0.5, clock=clock)
    for _ in range(3):
        assert limit.wait_seconds("a") == 0
        limit.take("a")

    assert limit.wait_seconds("a") == 2
    clock.now = 2.0
    assert limit.wait_seconds("a") == 0
    clock.now = 1.0
    assert limit.wait_seconds("a") == 0


def test_addresses_do_not_use_up_each_others_budget() -> None:
    limit = TokenGuessLimit(Clock())

    assert guesses_until_refused(limit, "192.0.2.1") == GUESSES_BURST
    assert guesses_until_refused(limit, "192.0.2.2") == GUESSES_BURST


def test_all_addresses_together_are_limited_too() -> None:
    limit = TokenGuessLimit(Clock())

    taken = sum(guesses_until_refused(limit, f"192.0.2.{n}") for n in range(200))

    assert taken == ALL_GUESSES_BURST


def test_good_tokens_use_up_nothing() -> None:
    limit = TokenGuessLimit(Clock())

    for _ in range(10 * ALL_GUESSES_BURST):
        limit.take("192.0.2.1")
        limit.give_back("192.0.2.1")


def owner(number: int) -> str:
    return session_owner_key("https://github.com", GitHubUserId(number))


def test_an_owner_of_sessions_has_a_budget_apart_from_strangers() -> None:
    limit = TokenGuessLimit(Clock())
    for number in range(200):
        guesses_until_refused(limit, f"192.0.2.{number}")

    assert guesses_until_refused(limit, owner(1)) == GUESSES_BURST


def test_all_owners_together_are_limited_too_and_strangers_apart_from_them() -> None:
    limit = TokenGuessLimit(Clock())

    taken = sum(guesses_until_refused(limit, owner(number)) for number in range(200))

    assert taken == OWNERS_GUESSES_BURST
    assert guesses_until_refused(limit, "192.0.2.1") == GUESSES_BURST


def test_a_refusal_says_when_to_come_back() -> None:
    clock = Clock()
    limit = TokenGuessLimit(clock)
    guesses_until_refused(limit, "192.0.2.1")
    with pytest.raises(TooManyGuesses) as refused:
        limit.take("192.0.2.1")

    clock.now += refused.value.retry_after_seconds

    limit.take("192.0.2.1")


def test_memory_is_bounded_whatever_the_addresses() -> None:
    limit = RateLimit(burst=1, per_second=1, clock=Clock())

    for number in range(2 * MAX_ADDRESSES):
        limit.take(str(number))

    assert len(limit) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("values", "proxies", "expected"),
    [
        (["192.0.2.1"], 0, ""),
        (["made-up, 192.0.2.1"], 1, "192.0.2.1"),
        (["made-up", "192.0.2.1"], 1, "192.0.2.1"),
        (["192.0.2.9, 192.0.2.1, 10.0.0.1"], 2, "192.0.2.1"),
        (["192.0.2.1"], 2, ""),
        ([], 1, ""),
        (["192.0.2.1:5555"], 1, "192.0.2.1"),
        (["2001:db8::1"], 1, "2001:db8::/64"),
        (["[2001:db8:0:0:ffff::2]:443"], 1, "2001:db8::/64"),
        (["::ffff:192.0.2.1"], 1, "192.0.2.1"),
        (["unknown"], 1, ""),
    ],
)
def test_the_address_is_what_our_own_proxy_saw(
    values: list[str], proxies: int, expected: str
) -> None:
    raw = [(b"x-forwarded-for", value.encode()) for value in values]

    assert client_address(Headers(raw=raw), proxies) == expected
