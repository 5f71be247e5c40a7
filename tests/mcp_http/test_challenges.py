"""A refusal of `/mcp` that time heals says when, by `Retry-After`, and its text names that time."""

import pytest
from starlette.requests import Request

from gist_mcp.config_source import parse_config
from gist_mcp.errors import GitHubUnavailable, LimitReached, RateLimited
from gist_mcp.github.refusals import unavailable
from gist_mcp.mcp_http import challenges

CONFIG = parse_config({"TOKEN_KEYS": "k" * 40}, production=False)
REQUEST = Request({"type": "http", "method": "POST", "path": "/mcp", "headers": []})


@pytest.mark.parametrize(
    ("reason", "status_code"),
    [
        (RateLimited(3586), 503),
        (RateLimited(60, kind="secondary rate limit"), 503),
        (unavailable("status 502"), 503),
        (unavailable("status 503", 120), 503),
        (LimitReached("Enough.", 7), 429),
    ],
)
def test_text_and_header_have_one_source(
    reason: RateLimited | GitHubUnavailable | LimitReached, status_code: int
) -> None:
    answer = challenges.refusal(CONFIG, REQUEST, reason)

    seconds = answer.headers["retry-after"]
    assert answer.status_code == status_code
    assert seconds == str(reason.retry_after_seconds)
    assert f"in {seconds} seconds" in bytes(answer.body).decode()
