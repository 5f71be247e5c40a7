# mypy: ignore-errors
# ruff: noqa: T201
# Runs on other versions of the packages than the checker sees.
"""One `create_gist` call with the Python SDK, 1.x or 2.x, its settings as they come.

Arguments: the MCP URL, a token and the gist's description. Prints `BEGUN` at the first event, which
a client can come back with, `LOG MESSAGE` for each of those, and `RESULT` with the gist's id.
"""

import asyncio
import sys

from mcp import ClientSession
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.message import ClientMessageMetadata
from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

URL, TOKEN, DESCRIPTION = sys.argv[1:]


class FirstEvent:
    """Says once that there was an event: the last line has to be the result."""

    def __init__(self) -> None:
        self._is_told = False

    async def __call__(self, _: str) -> None:
        if not self._is_told:
            self._is_told = True
            print("BEGUN", flush=True)


async def logged(_: object) -> None:
    print("LOG MESSAGE", flush=True)


async def main() -> None:
    arguments = {"description": DESCRIPTION, "filename": "notes.md", "content": "# Notes\n"}
    parameters = CallToolRequestParams(name="create_gist", arguments=arguments)
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        streamable_http_client(URL, http_client=http) as streams,
        ClientSession(streams[0], streams[1], logging_callback=logged) as session,
    ):
        await session.initialize()
        # `call_tool` sends the same and cannot tell of a priming event, which has no message.
        result = await session.send_request(
            CallToolRequest(method="tools/call", params=parameters),
            CallToolResult,
            metadata=ClientMessageMetadata(on_resumption_token_update=FirstEvent()),
        )
        shown = result.model_dump(by_alias=True)
        print("RESULT", (shown["structuredContent"] or {}).get("id", shown), flush=True)


asyncio.run(main())
