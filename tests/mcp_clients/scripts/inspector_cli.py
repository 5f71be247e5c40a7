# mypy: ignore-errors
"""The CLI of MCP Inspector, run by `tests.mcp_clients.driver`.

Arguments: the MCP URL, a folder (its home), and `call` or `whole`. It connects anew for each call.
"""

import json
import os
import pathlib
import subprocess
import sys

from stages import run, told, wait_for_the_test

sys.path.append(str(pathlib.Path(__file__).parents[3]))

from tests.support.ports import free_port

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
PROGRAM = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
SECRETS = FOLDER / ".mcp-inspector" / "secrets.json"
CALL_SECONDS = 50
ENVIRONMENT = {
    **os.environ,
    # There is no keychain here.
    "MCP_INSPECTOR_SECRET_STORE": "file",
    # It opens a browser without a terminal too.
    "MCP_AUTO_OPEN_ENABLED": "true",
}
# On a desktop it would ask that for the browser, instead of `BROWSER`.
ENVIRONMENT.pop("DISPLAY", None)


def login():
    callback_url = f"http://127.0.0.1:{free_port()}/oauth/callback"
    options = ["--transport", "http", "--callback-url", callback_url, "--format", "json"]
    call = ["--method", "tools/call", "--tool-name", "get_my_profile"]
    done = subprocess.run(
        ["node", PROGRAM, "--cli", URL, *options, *call],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout)["result"]["structuredContent"]["login"]


def tokens(secrets):
    """Its entry in the file, which is JSON as text."""
    ((name, value),) = secrets["secrets"].items()
    return name, json.loads(value)


async def main():
    told["called"] = login()
    secrets = json.loads(SECRETS.read_text())
    name, before = tokens(secrets)
    told["scope"] = before["scope"]
    if STEP == "call":
        return
    wait_for_the_test(FOLDER)
    told["after_the_kill"] = login()
    # The server answers 401, as it does once the token has run out.
    secrets["secrets"][name] = json.dumps({**before, "access_token": "run-out"})
    SECRETS.write_text(json.dumps(secrets))
    told["after_an_hour"] = login()
    _, after = tokens(json.loads(SECRETS.read_text()))
    told["refreshed"] = before["access_token"] != after["access_token"]


run(main)
