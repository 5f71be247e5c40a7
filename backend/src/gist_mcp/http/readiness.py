"""What this server needs to be ready: durable state, and GitHub."""

import asyncio
import functools
import secrets
import time
from typing import Final

import httpx

from gist_mcp.config import Config
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.reachable import is_reachable
from gist_mcp.http.health import PROBE_SECONDS, Part, Readiness
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.known_tokens import KnownTokens

STATE_SECONDS: Final = 5.0
GITHUB_SECONDS: Final = 60.0
"""How long a yes counts."""

NO_SECONDS: Final = 5.0
"""How long a no does."""


def readiness(config: Config, http: httpx.AsyncClient, known_tokens: KnownTokens) -> Readiness:
    """The endpoint `/readyz` of one server process."""
    github = functools.partial(
        is_reachable, http, config.github_api_url, timeout_seconds=PROBE_SECONDS
    )
    parts = {
        "state": (functools.partial(state_answers, known_tokens), STATE_SECONDS),
        "github": (github, GITHUB_SECONDS),
    }
    return Readiness(
        {
            name: Part(ask, time.monotonic, yes_seconds=seconds, no_seconds=NO_SECONDS)
            for name, (ask, seconds) in parts.items()
        }
    )


async def state_answers(known_tokens: KnownTokens) -> bool:
    """True if durable state answers a read, in time."""
    # A token that nobody has. Its digest leads to one of many states, which belong to all server
    # processes, so that each of them is asked now and then.
    nobodys = GitHubToken(secrets.token_hex())
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await known_tokens.look_up(nobodys)
    except (StateUnavailable, TimeoutError):
        return False
    return True
