"""Signs in and calls a tool for real, and prints which files of `gist_mcp` were entered.

A program, because it changes its process: it records every function that is called, and Reboot's
gateway is set up in it. The application, DurableMCP and all, runs in this one process behind a
real Envoy; GitHub is the simulator. The output is one line of JSON: for each walk its files, in
the order in which a function of theirs was called first.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from urllib.parse import parse_qs, urlsplit

import httpx
from reboot.aio.tests import Reboot
from rebootdev.aio.contexts import EffectValidation

import gist_mcp
from gist_mcp.app import build_application
from gist_mcp.config_source import parse_config
from tests.mcp_clients.person import read_form
from tests.support.github_simulator import GitHubSimulator
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient
from tests.support.ports import free_port
from tests.support.sign_in import sign_in
from tests.support.world import CLIENT_ID, TOKEN_KEY

PACKAGE = Path(gist_mcp.__file__).parent
BACKGROUND_TASKS = frozenset(
    {"forget idle sessions", "sweep over all sessions", "tell what is open"}
)
"""They run every few seconds, so a walk on a slow machine meets them. They are part of no walk."""

WALKS_SECONDS = 120.0
BROWSER = {"Accept": "text/html"}


class Recorder:
    """The files of `gist_mcp` in which a function was called, in the order of the first calls."""

    def __init__(self) -> None:
        self._files: dict[str, None] = {}
        self._caller: int | None = None
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.PROFILER_ID, "walks")
        monitoring.register_callback(
            monitoring.PROFILER_ID, monitoring.events.PY_START, self._entered
        )
        monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.PY_START)

    def files_of(self, walk: Callable[[], None]) -> list[str]:
        """What was entered meanwhile, as paths below `gist_mcp`.

        The walk runs in a thread of its own. What the caller borrows of `gist_mcp` there, as to
        make its `code_challenge`, is not part of the server's work.
        """
        self._files = {}
        self._caller = threading.get_ident()
        walk()
        return list(self._files)

    def _entered(self, code: CodeType, _offset: int) -> None:
        if threading.get_ident() == self._caller or _task_name() in BACKGROUND_TASKS:
            return
        file = Path(code.co_filename)
        if file.is_relative_to(PACKAGE):
            self._files.setdefault(str(file.relative_to(PACKAGE)), None)


def _task_name() -> str:
    """The name of the running task; empty if none runs."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return "" if task is None else task.get_name()


class Walks:
    """What callers do, each step once."""

    def __init__(self, url: str, github: GitHubSimulator) -> None:
        self._url = url
        self._github = github
        self._access_token = ""

    def tutorial_sign_in(self) -> None:
        """A person signs in and gets a token on a page, or a program as JSON."""
        sign_in(self._url, self._github)

    def client_sign_in(self) -> None:
        """An OAuth client finds us, registers, has its user sign in, redeems, refreshes."""
        with httpx.Client(
            base_url=self._url, headers=BROWSER, trust_env=False, timeout=30
        ) as browser:
            for document in ("oauth-protected-resource/mcp", "oauth-authorization-server"):
                assert browser.get(f"/.well-known/{document}").status_code == 200
            client = OAuthClient(self._url)
            page = browser.get(client.authorize_url)
            form = {**read_form(page.text), "decision": "approve"}
            to_github = browser.post("/oauth/consent", data=form, headers={"Origin": self._url})
            back = self._github.approve(to_github.headers["location"])
            to_client = browser.get(back)
        code = parse_qs(urlsplit(to_client.headers["location"]).query)["code"][0]
        tokens = client.redeem(code).json()
        tokens = client.refresh(tokens["refresh_token"]).json()
        self._access_token = tokens["access_token"]

    def tool_call(self) -> None:
        """The client opens a session and calls the tool that makes a gist."""
        session = McpClient(f"{self._url}/mcp", self._access_token).open()
        call = session.call("create_gist", description="", filename="a.txt", content="a")
        result = call.wait()
        assert not result.is_error, result.text


async def record() -> dict[str, list[str]]:
    """The files of each walk."""
    port = free_port()
    url = f"http://localhost:{port}"
    callback_urls = [f"{url}/oauth/callback"]
    with GitHubSimulator(client_id=CLIENT_ID, callback_urls=callback_urls) as github:
        settings = {
            "PORT": str(port),
            "GITHUB_CLIENT_ID": CLIENT_ID,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.url,
            "TOKEN_KEYS": TOKEN_KEY,
            # The tool call asks GitHub about its token, as if this were another process than the
            # one that has refreshed it.
            "TOKEN_REVALIDATE_SECONDS": "0",
        }
        rbt = Reboot()
        await rbt.start()
        try:
            await rbt.up(
                build_application(parse_config(settings, production=False), incarnation="walks"),
                in_process=True,
                local_envoy=True,
                local_envoy_port=port,
                # More would share what belongs to one process, as the memory of credentials.
                servers=1,
                effect_validation=EffectValidation.DISABLED,
            )
            recorder, walks = Recorder(), Walks(url, github)
            return {
                walk.__name__: await asyncio.to_thread(recorder.files_of, walk)
                for walk in (walks.tutorial_sign_in, walks.client_sign_in, walks.tool_call)
            }
        finally:
            # Envoy ends with it.
            await rbt.stop()


async def main() -> None:
    """Prints what `record` returns."""
    async with asyncio.timeout(WALKS_SECONDS):
        sys.stdout.write(f"{json.dumps(await record())}\n")
    sys.stdout.flush()
    # Some of DurableMCP's tasks in this process do not end when they are cancelled.
    os._exit(0)


if __name__ == "__main__":
    os.environ["REBOOT_LOCAL_ENVOY_MODE"] = "executable"
    asyncio.run(main())
