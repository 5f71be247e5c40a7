"""Clients of others come back for the result of a call whose server was killed."""

import asyncio
import contextlib
from pathlib import Path

from mcp import ClientSession
from mcp.shared.message import ClientMessageMetadata
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
)
from reboot.mcp.client import connect, reconnect

from tests.durability.stage import Player, stage

HELD_SECONDS = 20.0


class Caller:
    """`create_gist` through a `ClientSession` of the MCP SDK, with its resumption token."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.headers = player.client.headers
        self.headers.pop("Mcp-Session-Id")
        self.session_id = ""
        self.protocol_version: str | int = ""
        self.resumption_token = ""
        self.has_token = asyncio.Event()

    async def begin(self) -> None:
        """Calls, in a session of its own. Never returns: the server dies."""
        url = self.player.stage.server.mcp_url
        async with connect(url, headers=self.headers, terminate_on_close=False) as opened:
            session, self.session_id, self.protocol_version = opened
            await self._call(session, ClientMessageMetadata(on_resumption_token_update=self._note))

    async def come_back(self) -> CallToolResult:
        """Reconnects, and gets what the call ended with."""
        async with reconnect(
            self.player.stage.server.mcp_url,
            session_id=self.session_id,
            protocol_version=self.protocol_version,
            next_request_id=100,
            headers=self.headers,
        ) as session:
            metadata = ClientMessageMetadata(resumption_token=self.resumption_token)
            return await self._call(session, metadata)

    async def _note(self, token: str) -> None:
        self.resumption_token = token
        self.has_token.set()

    async def _call(
        self, session: ClientSession, metadata: ClientMessageMetadata
    ) -> CallToolResult:
        arguments = {
            "description": self.player.description,
            "filename": "notes.md",
            "content": "# Notes\n",
        }
        parameters = CallToolRequestParams(name="create_gist", arguments=arguments)
        request = ClientRequest(CallToolRequest(method="tools/call", params=parameters))
        result: CallToolResult = await session.send_request(
            request, CallToolResult, metadata=metadata
        )
        return result


def test_reboots_reconnect_gets_the_result_with_the_sdks_resumption(tmp_path: Path) -> None:
    with stage(tmp_path, servers=2, effect_validation="quiet") as built:
        player = built.player("reconnect")
        fault = player.fault("hang_after")

        result = asyncio.run(_killed_in_the_middle(Caller(player)))

        assert fault.fired == 1
        assert not result.isError
        assert result.structuredContent is not None
        assert [gist.gist_id for gist in player.gists()] == [result.structuredContent["id"]]


async def _killed_in_the_middle(caller: Caller) -> CallToolResult:
    calling = asyncio.create_task(caller.begin())
    async with asyncio.timeout(HELD_SECONDS):
        await caller.has_token.wait()
        github = caller.player.stage.github
        await asyncio.to_thread(github.wait_for_requests, method="POST", path="/gists")
    await asyncio.to_thread(caller.player.stage.server.restart)
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await calling
    async with asyncio.timeout(HELD_SECONDS):
        return await caller.come_back()
