# mypy: ignore-errors
"""Claude Code, with a scripted model behind it, run by `tests.clients.driver`.

Arguments: the MCP URL, a folder (its home), and `call` or `whole`. Everything that would leave the
machine is switched off, and what still tried would meet a closed port.
"""

import contextlib
import json
import os
import pathlib
import pty
import subprocess
import sys

from scripted_model import TOOL, ScriptedModel
from stages import run, told, wait_for_the_test

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
PROGRAM = next(
    path
    for path in pathlib.Path("node_modules/@anthropic-ai").resolve().glob("claude-code-*/claude*")
    if path.name in ("claude", "claude.exe")
)
PROJECT = FOLDER / "project"
CREDENTIALS = FOLDER / ".claude" / ".credentials.json"
NAME = "github-gist-mcp"
CALL_SECONDS = 50
CLOSED = "http://127.0.0.1:9"
ENVIRONMENT = {
    **os.environ,
    "CLAUDE_CONFIG_DIR": str(FOLDER / ".claude"),
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "ANTHROPIC_API_KEY": "none",
    "HTTPS_PROXY": CLOSED,
    "HTTP_PROXY": CLOSED,
    "NO_PROXY": "localhost,127.0.0.1",
}


def claude(*arguments):
    """What a command prints."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.stdout}\n{done.stderr}")
    return done.stdout


def sign_in():
    """`claude mcp login`, in a terminal: without one it does not open a browser."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, "mcp", "login", NAME],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdin=end,
        stdout=end,
        stderr=end,
    ) as process:
        os.close(end)
        with os.fdopen(terminal, "rb", buffering=0) as screen:
            printed = _read_all(screen)
    if process.returncode != 0:
        raise PermissionError(printed)


def _read_all(screen):
    """All that is printed to a terminal, which ends with an error."""
    printed = b""
    with contextlib.suppress(OSError):
        while chunk := screen.read(65536):
            printed += chunk
    return printed.decode(errors="replace")


def ask(*before_call):
    """A conversation in which the model calls the tool as often as there are `before_call`s;
    the logins that the tool answered."""
    model = ScriptedModel(before_call)
    ENVIRONMENT["ANTHROPIC_BASE_URL"] = model.url
    options = ["--allowedTools", TOOL, "--output-format", "stream-json", "--verbose"]
    printed = claude("-p", "Who am I at GitHub?", *options)
    messages = [json.loads(line) for line in printed.splitlines()]
    results = [each["tool_use_result"] for each in messages if "tool_use_result" in each]
    # A failed call has a text in the place of a result.
    answered = [result for result in results if isinstance(result, dict)]
    return [result["structuredContent"]["login"] for result in answered]


def stored():
    return json.loads(CREDENTIALS.read_text())


def own(credentials):
    """The entry of our server, the only one."""
    (entry,) = credentials["mcpOAuth"].values()
    return entry


def nothing():
    """Before a call for which nothing has to happen."""


async def main():
    PROJECT.mkdir(exist_ok=True)
    if not CREDENTIALS.exists():
        claude("mcp", "add", "--transport", "http", NAME, URL)
        sign_in()
    if STEP == "call":
        (told["called"],) = ask(nothing)
        told["scope"] = own(stored())["scope"]
        return
    told["called"], told["after_the_kill"] = ask(nothing, lambda: wait_for_the_test(FOLDER))
    before = own(stored())
    told["scope"] = before["scope"]
    changed = stored()
    # As it is an hour later.
    own(changed)["expiresAt"] = 1
    CREDENTIALS.write_text(json.dumps(changed))
    (told["after_an_hour"],) = ask(nothing)
    told["refreshed"] = before["accessToken"] != own(stored())["accessToken"]


run(main)
