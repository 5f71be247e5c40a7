"""The transport of the MCP SDK's own client, with headers or an authentication."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp.client.streamable_http import streamable_http_client

TIMEOUT = httpx.Timeout(30.0, read=300.0)
"""As the SDK's own: an event stream may be silent for long."""


@asynccontextmanager
async def sdk_streams(
    url: str, *, headers: Mapping[str, str] | None = None, auth: httpx.Auth | None = None
) -> AsyncIterator[tuple[Any, Any]]:
    """What a `ClientSession` reads from and writes to."""
    async with (
        httpx.AsyncClient(headers=headers, auth=auth, timeout=TIMEOUT) as http,
        streamable_http_client(url, http_client=http) as (reading, writing, _),
    ):
        yield reading, writing
