"""The rules of a token bucket, and the rate limit in memory that is made of them."""

from hypothesis import example, given
from hypothesis import strategies as st

from gist_mcp import token_bucket
from gist_mcp.rate_limit import MAX_KEYS, RateLimit
from gist_mcp.token_bucket import Bucket, Rate

NOW = 1_800_000_000.0

rates = st.builds(Rate, burst=st.floats(1, 1000), per_second=st.floats(1 / 3600, 100))
costs = st.floats(0.5, 5)
pauses = st.lists(st.floats(0, 7200), max_size=60)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def taken_of(bucket: Bucket, rate: Rate, cost: float, now: float) -> tuple[Bucket, bool]:
    there = token_bucket.refilled(bucket, rate, now_seconds=now)
    if token_bucket.wait_seconds(there, rate, cost=cost):
        return there, False
    return token_bucket.less(there, cost=cost), True


@given(rate=rates, cost=costs, pauses=pauses)
def test_nobody_gets_more_than_the_burst_and_what_has_come_since(
    rate: Rate, cost: float, pauses: list[float]
) -> None:
    bucket = token_bucket.full(rate, now_seconds=NOW)
    now, taken = NOW, 0.0

    for pause in [0.0, *pauses]:
        now += pause
        for _ in range(3):
            bucket, is_taken = taken_of(bucket, rate, cost, now)
            taken += cost * is_taken

    allowed = rate.burst + (now - NOW) * rate.per_second
    assert taken <= allowed + 0.01


@given(rate=rates, cost=costs, jumps=st.lists(st.floats(-60, 60), max_size=60))
def test_a_clock_that_goes_to_and_fro_gives_nothing_twice(
    rate: Rate, cost: float, jumps: list[float]
) -> None:
    """As those of two processes do, and one that is set."""
    bucket = token_bucket.full(rate, now_seconds=NOW)
    # Far more than the jumps, so that none of them is taken for a clock that was wrong.
    rate = Rate(burst=rate.burst, per_second=min(rate.per_second, rate.burst / 3600))
    latest, taken = NOW, 0.0

    for jump in jumps:
        latest = max(latest, NOW + jump)
        for _ in range(3):
            bucket, is_taken = taken_of(bucket, rate, cost, NOW + jump)
            taken += cost * is_taken

    assert taken <= rate.burst + (latest - NOW) * rate.per_second + 0.01


@given(rate=rates, cost=costs, spent=st.floats(0, 1), later=st.floats(0, 7200))
@example(rate=Rate(burst=1.0, per_second=24.0), cost=1.0, spent=0.5, later=0.0)
def test_the_wait_that_is_told_is_enough(
    rate: Rate, cost: float, spent: float, later: float
) -> None:
    cost = min(cost, rate.burst)
    bucket = Bucket(units=rate.burst * (1 - spent), updated_at_seconds=NOW)
    there = token_bucket.refilled(bucket, rate, now_seconds=NOW + later)
    wait_seconds = token_bucket.wait_seconds(there, rate, cost=cost)

    _, is_taken = taken_of(there, rate, cost, NOW + later + wait_seconds)

    assert is_taken


@given(rate=rates, cost=costs)
def test_what_is_given_back_can_be_taken_again_and_fills_nothing_beyond_the_burst(
    rate: Rate, cost: float
) -> None:
    bucket = token_bucket.full(rate, now_seconds=NOW)

    back = token_bucket.given_back(token_bucket.less(bucket, cost=cost), rate, cost=cost)

    assert abs(back.units - rate.burst) < 0.01
    assert token_bucket.given_back(bucket, rate, cost=cost).units == rate.burst


def test_a_time_that_was_far_ahead_is_not_waited_for() -> None:
    rate = Rate(burst=10, per_second=1)
    wrong = Bucket(units=0, updated_at_seconds=NOW + 1_000_000)

    there = token_bucket.refilled(wrong, rate, now_seconds=NOW)
    later = token_bucket.refilled(there, rate, now_seconds=NOW + 5)

    assert (there.units, later.units) == (0, 5)


def test_a_burst_then_a_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(Rate(burst=3, per_second=0.5), clock)
    for _ in range(3):
        assert limit.wait_seconds("a") == 0
        limit.take("a")

    assert limit.wait_seconds("a") == 2
    assert limit.wait_seconds("b") == 0
    clock.now += 2
    assert limit.wait_seconds("a") == 0


def test_memory_is_bounded_whatever_the_keys() -> None:
    limit = RateLimit(Rate(burst=1, per_second=1), Clock())

    for number in range(2 * MAX_KEYS):
        limit.take(str(number))

    assert len(limit) == MAX_KEYS
