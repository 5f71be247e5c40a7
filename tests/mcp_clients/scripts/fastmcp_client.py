# mypy: ignore-errors
# Runs on other versions of the packages than the checker sees.
"""A program on FastMCP, 3.x or 4.x, run by `tests.mcp_clients.driver`.

Arguments: the MCP URL, a folder for what it keeps, and `call` or `whole`.
"""

import asyncio
import json
import pathlib
import sys

from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.filetree import (
    FileTreeStore,
    FileTreeV1CollectionSanitizationStrategy,
    FileTreeV1KeySanitizationStrategy,
)
from stages import run, told, wait_for_the_test

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]


async def login(client):
    result = await client.call_tool("get_my_profile", {})
    return json.loads(result.content[0].text)["login"]


async def main():
    folder = FOLDER / "tokens"
    folder.mkdir(exist_ok=True)
    store = FileTreeStore(
        data_directory=folder,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(folder),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(folder),
    )
    auth = OAuth(URL, client_name="FastMCP", token_storage=store, callback_timeout=50)
    async with Client(URL, auth=auth) as client:
        told["called"] = await login(client)
        before = await auth.token_storage_adapter.get_tokens()
        told["scope"] = before.scope
        if STEP == "call":
            return
        await asyncio.to_thread(wait_for_the_test, FOLDER)
        told["after_the_kill"] = await login(client)
        # As it is an hour later.
        auth.context.token_expiry_time = 1
        told["after_an_hour"] = await login(client)
        after = await auth.token_storage_adapter.get_tokens()
        told["refreshed"] = before.access_token != after.access_token


run(main)
