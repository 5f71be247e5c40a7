# mypy: ignore-errors
# ruff: noqa: T201, BLE001
# Runs on other versions of the packages than the checker sees.
"""A program on FastMCP, 3.x or 4.x, run by `tests.clients.driver`.

Arguments: the MCP URL, a folder for what it keeps, and `call` or `refresh`.
"""

import asyncio
import json
import os
import pathlib
import sys

from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.filetree import (
    FileTreeStore,
    FileTreeV1CollectionSanitizationStrategy,
    FileTreeV1KeySanitizationStrategy,
)

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]


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
        before = await auth.token_storage_adapter.get_tokens()
        if STEP == "refresh":
            # As it is an hour later.
            auth.context.token_expiry_time = 1
        result = await client.call_tool("get_my_profile", {})
        profile = json.loads(result.content[0].text)
    after = await auth.token_storage_adapter.get_tokens()
    refreshed = before.access_token != after.access_token
    return {"login": profile["login"], "refreshed": refreshed, "scope": after.scope}


def reason(error):
    """An error and what led to it, in words."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or error.__context__
    return " < ".join(texts)


try:
    result = asyncio.run(main())
except BaseException as failed:
    result = {"error": reason(failed)}
print("RESULT " + json.dumps(result), flush=True)
# Its little web server would keep the process.
os._exit(0)
