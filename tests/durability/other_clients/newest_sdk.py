"""One create_gist call with the newest Python SDK, which reconnects by itself.

Runs in a virtual environment of its own, so it imports nothing of this repository.
"""

import asyncio
import importlib
import sys
from typing import Any

import mcp

streamable_http: Any = importlib.import_module("mcp.client.streamable_http")
# Its default of two tries gives up before a server is back that takes seconds to start.
streamable_http.MAX_RECONNECTION_ATTEMPTS = 30


async def main(url: str, token: str, description: str) -> None:
    """Prints the id of the gist."""
    library = streamable_http.httpx if hasattr(streamable_http, "httpx") else __import__("httpx2")
    headers = {"Authorization": f"Bearer {token}"}
    arguments = {"description": description, "filename": "notes.md", "content": "# Notes\n"}
    async with (
        library.AsyncClient(headers=headers, timeout=300) as http,
        streamable_http.streamable_http_client(url, http_client=http) as streams,
        mcp.ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        result = await session.call_tool("create_gist", arguments)
        print(result.model_dump(by_alias=True)["structuredContent"]["id"])  # noqa: T201


asyncio.run(main(*sys.argv[1:]))
