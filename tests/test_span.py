"""A span of time ends, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.span import Span

times = st.floats(-1e9, 1e9)
lengths = st.floats(0, 1e6)


@given(times, lengths, times)
def test_no_more_is_left_than_it_has(begins: float, seconds: float, now: float) -> None:
    left_seconds = Span(begins, seconds).left_seconds(now)

    assert 0 <= left_seconds <= seconds
    assert bool(left_seconds) == (0 <= now - begins < seconds)


def test_a_clock_that_is_set_back_ends_it() -> None:
    span = Span(86_400.0, 10.0)

    assert span.left_seconds(86_404.0) == 6.0
    assert span.left_seconds(60.0) == 0.0
