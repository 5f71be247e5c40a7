"""The objects that the tools of one server process share with its HTTP endpoints.

Reboot runs several server processes, each with the front door, the servicers and the tools in
one event loop. Tools are called by DurableMCP with their arguments only, so what else they need
is installed here when the process builds its front door, which is before Reboot dispatches any
task, resumed ones included.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from gist_mcp.config import Config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.gist_contents import GistContentCache
from gist_mcp.github.own_gists import OwnGists
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import Admission
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier


@dataclass(frozen=True, kw_only=True)
class ProcessServices:
    """The tools' side of a server process. `clock` gives Unix time in seconds, as which
    `started_at_seconds` says when the process began to serve.

    `reboot_secret` is what the application shows to Reboot (`servicers/authorizers.py`).
    """

    config: Config
    sealer: Sealer
    github: GitHubClient
    own_gists: OwnGists
    gist_contents: GistContentCache
    verifier: BearerVerifier
    vault: CredentialVault
    events: SessionEvents
    admission: Admission
    accounts: Accounts
    audit: AuditLogs
    reboot_secret: SecretStr
    clock: Callable[[], float]
    started_at_seconds: float


_installed: ProcessServices | None = None


def install(services: ProcessServices) -> None:
    """Makes `services` this process's own. Called once, by the front door."""
    global _installed
    _installed = services


def services() -> ProcessServices:
    """This process's services."""
    if _installed is None:
        raise RuntimeError("The front door of this process is not built yet")
    return _installed


_running: set[asyncio.Task[None]] = set()
"""The event loop keeps only weak references to tasks."""


def close_when_the_process_ends(*clients: httpx.AsyncClient) -> None:
    """Closes the clients when the running event loop shuts down.

    Reboot's web framework runs no lifespan events of a mounted application. But it runs each
    process under `asyncio.run`, which cancels the tasks that are left at the end and waits for
    them: a task that sleeps until then is our shutdown hook.
    """
    run_until_the_process_ends(_close_at_the_end(clients), name="close HTTP clients at the end")


def run_until_the_process_ends(work: Coroutine[Any, Any, None], *, name: str) -> None:
    """Runs `work` on the running event loop, until it ends or is cancelled with the process."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _close_at_the_end(clients: tuple[httpx.AsyncClient, ...]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        for client in clients:
            await client.aclose()
