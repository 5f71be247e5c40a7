"""A started server with its GitHub and a token: what the measurements work on."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.github import CountedGitHub
from benchmarks.load import open_sessions
from benchmarks.mcp_session import McpSession
from benchmarks.server_process import ServerProcess
from benchmarks.servers import Place, Server
from tests.support.ports import free_port

SESSIONS_OPENED_AT_ONCE = 8


@dataclass(frozen=True)
class StartedServer:
    """A server that answers."""

    server: Server
    process: ServerProcess
    github: CountedGitHub
    token: str
    path: str
    start_seconds: float

    def session(self, token: str | None = None) -> McpSession:
        """A session that is not open yet."""
        return McpSession(self.process.port, token or self.token, self.path)

    def new_token(self) -> str:
        """A token that the server has not seen."""
        return self.server.new_token(self.process.port, self.github)

    async def open_sessions(self, count: int) -> list[McpSession]:
        """So many open sessions."""
        return await open_sessions(self.session, count, SESSIONS_OPENED_AT_ONCE)


@contextlib.asynccontextmanager
async def started(
    server: Server,
    github: CountedGitHub,
    server_processes: int,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[StartedServer]:
    """The server, on an empty state, until the end of the block. `settings` are environment
    variables for ours."""
    github.begin_anew()
    with TemporaryDirectory(prefix="benchmark-") as folder:
        place = Place(free_port(), Path(folder), server_processes, settings or {})
        command = server.command(place, github.address)
        process = ServerProcess(command, place.port, place.folder, place.state_folder)
        try:
            start_seconds = await process.start()
            token = server.new_token(place.port, github)
            with contextlib.closing(McpSession(place.port, token)) as session:
                path = await session.find_path()
            yield StartedServer(server, process, github, token, path, start_seconds)
        finally:
            process.kill()


def close_all(sessions: list[McpSession]) -> None:
    """Closes the connections; the sessions stay open at the server."""
    for session in sessions:
        session.close()
