"""Whether GitHub answers at all, for whoever asks whether this server is ready."""

from typing import Final

import httpx

from gist_mcp.errors import GitHubUnavailable
from gist_mcp.github.answer import Asker, Call
from gist_mcp.github.client import USER_AGENT
from gist_mcp.github.http import exchange

_ANY: Final = Call(success=frozenset(), asker=Asker.NOBODY)
_MAX_BYTES: Final = 64 * 1024


async def is_reachable(http: httpx.AsyncClient, api_url: str, *, timeout_seconds: float) -> bool:
    """True if GitHub's API answers, whatever it says, except with a fault of its own."""
    # The one request that counts for nobody (GitHub, rate limit endpoints), so that neither a user
    # nor the app nor this server's address pays for it. A GitHub Enterprise Server without limits
    # answers 404, which is an answer too.
    request = http.build_request(
        "GET",
        f"{api_url.rstrip('/')}/rate_limit",
        headers={"Accept": "application/vnd.github+json", "User-Agent": USER_AGENT},
    )
    try:
        answer = await exchange(
            http, _ANY, request, timeout_seconds=timeout_seconds, max_bytes=_MAX_BYTES
        )
    except GitHubUnavailable:
        return False
    return answer.status < 500
