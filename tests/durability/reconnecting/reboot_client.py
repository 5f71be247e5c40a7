"""One `create_gist` call with Reboot's client, which comes back by hand: `reconnect`.

Arguments: the MCP URL, a token and the gist's description. Prints `BEGUN` at the first event and
`RESULT` with the gist's id. A line on standard input says that the connection was lost: the SDK
below does not tell.
"""

import asyncio
import contextlib
import sys

from mcp import ClientSession
from mcp.shared.message import ClientMessageMetadata
from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest
from reboot.mcp.client import connect, reconnect

URL, TOKEN, DESCRIPTION = sys.argv[1:]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Caller:
    """The call, with what it takes to come back for its result."""

    def __init__(self) -> None:
        self.session_id = ""
        self.protocol_version: str | int = ""
        self.resumption_token = ""

    async def begin(self) -> None:
        """Calls, in a session of its own. Never returns: the connection is lost."""
        async with connect(URL, headers=HEADERS, terminate_on_close=False) as opened:
            session, self.session_id, self.protocol_version = opened
            await self._call(session, ClientMessageMetadata(on_resumption_token_update=self._note))

    async def come_back(self) -> CallToolResult:
        """Reconnects, and gets what the call ended with."""
        async with reconnect(
            URL,
            session_id=self.session_id,
            protocol_version=self.protocol_version,
            next_request_id=100,
            headers=HEADERS,
        ) as session:
            metadata = ClientMessageMetadata(resumption_token=self.resumption_token)
            return await self._call(session, metadata)

    async def _note(self, token: str) -> None:
        self.resumption_token = token
        print("BEGUN", flush=True)  # noqa: T201

    async def _call(
        self, session: ClientSession, metadata: ClientMessageMetadata
    ) -> CallToolResult:
        arguments = {"description": DESCRIPTION, "filename": "notes.md", "content": "# Notes\n"}
        parameters = CallToolRequestParams(name="create_gist", arguments=arguments)
        request = ClientRequest(CallToolRequest(method="tools/call", params=parameters))
        result: CallToolResult = await session.send_request(
            request, CallToolResult, metadata=metadata
        )
        return result


async def main() -> None:
    """Calls, loses the connection, and comes back."""
    caller = Caller()
    calling = asyncio.create_task(caller.begin())
    await asyncio.to_thread(sys.stdin.readline)
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await calling
    result = await caller.come_back()
    print("RESULT", (result.structuredContent or {}).get("id", result))  # noqa: T201


asyncio.run(main())
