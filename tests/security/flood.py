"""Many requests of strangers at the same time."""

import asyncio
import secrets
from collections.abc import Sequence

import httpx

from gist_mcp.tokens.token_checksum import checksum
from tests.security.mcp_client import mcp_headers


def flood(requests: Sequence[httpx.Request], at_once: int = 16) -> list[httpx.Response]:
    """The answers, in the order of the requests."""
    return asyncio.run(flooding(requests, at_once))


async def flooding(requests: Sequence[httpx.Request], at_once: int = 16) -> list[httpx.Response]:
    """The same on the loop that runs."""
    gate = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def one(request: httpx.Request) -> httpx.Response:
            async with gate:
                return await client.send(request)

        return await asyncio.gather(*(one(request) for request in requests))


def made_up_token(*, is_plausible: bool = True) -> str:
    """A token of nobody, with the checksum that GitHub's tokens have, or without."""
    body = secrets.token_hex(15)
    return f"gho_{body}{checksum(body) if is_plausible else 'x' * 6}"


def guess(mcp_url: str, token: str, address: str = "192.0.2.1") -> httpx.Request:
    """A request with a token, from an address."""
    headers = {**mcp_headers(token), "X-Forwarded-For": address}
    return httpx.Request("POST", mcp_url, headers=headers)
