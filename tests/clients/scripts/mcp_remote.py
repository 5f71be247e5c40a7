# mypy: ignore-errors
# ruff: noqa: T201, BLE001
# Runs on other versions of the packages than the checker sees.
"""A desktop client that reaches us through mcp-remote, run by `tests.clients.driver`.

Arguments: mcp-remote's program, the MCP URL, a folder for what it keeps, and `call` or `refresh`.
"""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

PROGRAM, URL, FOLDER, STEP = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4]


def tokens_file():
    return next((FOLDER / ".mcp-auth").rglob("*tokens.json"))


def tokens():
    return json.loads(tokens_file().read_text())


async def open_what_it_shows(log):
    """The person opens the address from the terminal: the package that mcp-remote opens a browser
    with brings an `xdg-open` of its own, which knows desktops only."""
    opened = set()
    while True:
        for url in re.findall(
            r"^https?://\S+/oauth/authorize\?\S+$", log.read_text(), re.MULTILINE
        ):
            if url not in opened:
                opened.add(url)
                await asyncio.to_thread(subprocess.run, ["xdg-open", url], check=True)
        await asyncio.sleep(0.1)


async def profile():
    log = FOLDER / "proxy.log"
    log.write_text("")
    opening = asyncio.create_task(open_what_it_shows(log))
    try:
        return await connected_profile()
    finally:
        opening.cancel()


async def connected_profile():
    server = StdioServerParameters(
        command="node", args=[PROGRAM, URL, "--transport", "http-only"], env=dict(os.environ)
    )
    with (FOLDER / "proxy.log").open("a") as log:
        async with (
            asyncio.timeout(20),
            stdio_client(server, errlog=log) as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            result = await session.call_tool("get_my_profile", {})
            return json.loads(result.content[0].text)


async def main():
    answer = await profile()
    before = tokens()
    if STEP == "refresh":
        tokens_file().write_text(json.dumps({**before, "access_token": "run-out"}))
        answer = await profile()
    after = tokens()
    refreshed = before["access_token"] != after["access_token"]
    return {"login": answer["login"], "refreshed": refreshed, "scope": after["scope"]}


try:
    result = asyncio.run(main())
except BaseException as failed:
    log = (FOLDER / "proxy.log").read_text()
    result = {"error": f"{type(failed).__name__}: {failed}\n{log[-3000:]}"}
print("RESULT " + json.dumps(result))
