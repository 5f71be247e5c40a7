# mypy: ignore-errors
# ruff: noqa: T201
# Runs on other versions of the packages than the checker sees.
"""One `create_gist` call with the Python SDK, 1.x or 2.x, its settings as they come.

Arguments: the MCP URL, a token and the gist's description. Prints `BEGUN` at the first event and
`RESULT` with the gist's id.
"""

import asyncio
import sys

from mcp import ClientSession
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

URL, TOKEN, DESCRIPTION = sys.argv[1:]


async def begun(_: object) -> None:
    print("BEGUN", flush=True)


async def main() -> None:
    arguments = {"description": DESCRIPTION, "filename": "notes.md", "content": "# Notes\n"}
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        streamable_http_client(URL, http_client=http) as streams,
        ClientSession(streams[0], streams[1], logging_callback=begun) as session,
    ):
        await session.initialize()
        result = await session.call_tool("create_gist", arguments)
        shown = result.model_dump(by_alias=True)
        print("RESULT", (shown["structuredContent"] or {}).get("id", shown), flush=True)


asyncio.run(main())
