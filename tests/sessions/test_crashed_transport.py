"""DurableMCP keeps a transport that has crashed, so we take it away; a working one stays."""

import asyncio
from typing import Any

from gist_mcp.config import parse_config
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.durable_mcp import ClosedDurableMCP, drop_crashed_transport, mcp_app

CRASHED, WORKING, UNKNOWN = map(McpSessionId, ("crashed", "working", "unknown"))


def no_context(_: object) -> Any:
    raise AssertionError("nothing is called here")


async def crash() -> None:
    raise RuntimeError


def test_a_crashed_transport_is_dropped_and_no_other() -> None:
    async def play() -> tuple[list[bool], list[str]]:
        mcp = ClosedDurableMCP(parse_config({"TOKEN_KEYS": "k" * 40}, production=False))
        app: Any = mcp_app(mcp.streamable_http_app_factory, "secret", no_context)
        (route,) = app.routes
        endpoint = route.app.app
        crashed = asyncio.create_task(crash())
        working = asyncio.create_task(asyncio.Event().wait())
        await asyncio.wait([crashed])
        assert crashed.exception() is not None
        endpoint._connect_tasks = {CRASHED: crashed, WORKING: working}
        endpoint._http_transports = {CRASHED: object(), WORKING: object()}

        dropped = [drop_crashed_transport(app, each) for each in (CRASHED, WORKING, UNKNOWN)]

        left = sorted(endpoint._http_transports.keys() & endpoint._connect_tasks.keys())
        working.cancel()
        return dropped, left

    dropped, left = asyncio.run(play())

    assert dropped == [True, False, False]
    assert left == [WORKING]
