# mypy: ignore-errors
# Runs on other versions of the packages than the checker sees.
"""A desktop client that reaches us through mcp-remote, run by `tests.mcp_clients.driver`.

Arguments: the MCP URL, a folder for what it keeps, and `call` or `whole`.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from stages import run, told, wait_for_the_test

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
PROGRAM = "node_modules/mcp-remote/dist/proxy.js"
AUTHORIZE = re.compile(r"https?://\S+/oauth/authorize\?\S+")
CALL_SECONDS = 40


class Terminal:
    """What mcp-remote prints, and a person who reads it.

    The package that mcp-remote opens a browser with brings an `xdg-open` of its own, which knows
    desktops only; so the person opens the address, and not before mcp-remote waits for an answer,
    as nobody agrees within a second: an answer that comes before that is lost.
    """

    def __init__(self):
        self.lines = []
        read_end, write_end = os.pipe()
        self.file = os.fdopen(write_end, "w")
        threading.Thread(target=self._read, args=(read_end,), daemon=True).start()

    def _read(self, read_end):
        url = None
        with os.fdopen(read_end, errors="replace") as printed:
            for line in printed:
                self.lines.append(line)
                sys.stderr.write(line)
                url = line.strip() if AUTHORIZE.fullmatch(line.strip()) else url
                if url is not None and "Waiting for authorization" in line:
                    subprocess.run(["xdg-open", url], check=True)
                    url = None


def tokens_file():
    return next((FOLDER / ".mcp-auth").rglob("*tokens.json"))


def tokens():
    return json.loads(tokens_file().read_text())


@contextlib.asynccontextmanager
async def connected(terminal):
    server = StdioServerParameters(
        command="node", args=[PROGRAM, URL, "--transport", "http-only"], env=dict(os.environ)
    )
    async with (
        stdio_client(server, errlog=terminal.file) as (read, write),
        ClientSession(read, write) as session,
    ):
        async with asyncio.timeout(CALL_SECONDS):
            await session.initialize()
        yield session


async def login(session):
    async with asyncio.timeout(CALL_SECONDS):
        result = await session.call_tool("get_my_profile", {})
    return json.loads(result.content[0].text)["login"]


async def main():
    terminal = Terminal()
    try:
        async with connected(terminal) as session:
            told["called"] = await login(session)
            before = tokens()
            told["scope"] = before["scope"]
            if STEP == "call":
                return
            await asyncio.to_thread(wait_for_the_test, FOLDER)
            told["after_the_kill"] = await login(session)
        # It refreshes when it starts.
        tokens_file().write_text(json.dumps({**before, "access_token": "run-out"}))
        async with connected(terminal) as session:
            told["after_an_hour"] = await login(session)
        told["refreshed"] = before["access_token"] != tokens()["access_token"]
    except BaseException as failed:
        failed.add_note("".join(terminal.lines[-40:]))
        raise


run(main)
