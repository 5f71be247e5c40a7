# mypy: ignore-errors
# ruff: noqa: T201, BLE001
# Runs on other versions of the packages than the checker sees.
"""What the Python scripts here have in common: how they wait, and what they tell in the end."""

import asyncio
import json
import os
import traceback

told = {}
"""What has been seen so far."""


def wait_for_the_test(folder):
    """Returns when `tests.mcp_clients.driver` says so: meanwhile it may have killed the server."""
    (folder / "go-on").read_text()


def run(main):
    """Runs the coroutine `main()`, and prints what it told, or how it failed."""
    try:
        asyncio.run(main())
    except BaseException as failed:
        told["error"] = "".join(traceback.format_exception(failed))[-6000:]
    print("RESULT " + json.dumps(told), flush=True)
    # FastMCP's little web server would keep the process.
    os._exit(0)
