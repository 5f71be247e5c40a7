"""A client of a misbehaving server, and each call that it can make, for tables of tests."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from tests.github.raw_server import (
    RawServer,
    Step,
    raw_server,
)

GIST_ID = "aa5a315d61ae9438b18d"
REVISION = "57a7f021a713b1c5a6a199b54cc514735d2d462f"
CLIENT_ID = "Iv1.app"
SECRET = SecretStr("the-secret-of-the-app")
APP_CREDENTIALS = base64.b64encode(f"{CLIENT_ID}:{SECRET.get_secret_value()}".encode()).decode()
CHECK = {"scopes": ["gist"], "app": {"client_id": CLIENT_ID}, "user": {"id": 7, "login": "x"}}

Use = Callable[[GitHubClient, GitHubToken], Awaitable[object]]


async def no_pause(seconds: float) -> None:
    """Between attempts: the next one at once."""


@asynccontextmanager
async def github(
    http: httpx.AsyncClient, *steps: Step, timeout_seconds: float = 5
) -> AsyncIterator[tuple[GitHubClient, RawServer]]:
    async with raw_server(*steps) as server:
        client = GitHubClient(
            http, server.url, sleep=no_pause, clock=lambda: 0.0, timeout_seconds=timeout_seconds
        )
        yield client, server


def create(client: GitHubClient, token: GitHubToken) -> Awaitable[object]:
    return client.create_gist(token, description="d", public=False, files={"a.txt": "hello"})


WRITES: dict[str, Use] = {
    "create": create,
    "update": lambda client, token: client.update_gist(token, GIST_ID, description="new"),
    "delete": lambda client, token: client.delete_gist(token, GIST_ID),
    "star": lambda client, token: client.star(token, GIST_ID),
    "unstar": lambda client, token: client.unstar(token, GIST_ID),
    "fork": lambda client, token: client.fork_gist(token, GIST_ID),
    "comment": lambda client, token: client.create_comment(token, GIST_ID, "hello"),
    "revoke": lambda client, token: client.delete_token(token, CLIENT_ID, SECRET),
}
READS: dict[str, Use] = {
    "user": lambda client, token: client.get_user(token),
    "list": lambda client, token: client.list_gists(token),
    "gist": lambda client, token: client.get_gist(token, GIST_ID),
    "gist unless same": lambda client, token: client.get_gist_unless_same(
        token, GIST_ID, etag='W/"1"'
    ),
    "revision": lambda client, token: client.get_revision(token, GIST_ID, REVISION),
    "revisions": lambda client, token: client.list_revisions(token, GIST_ID),
    "comments": lambda client, token: client.list_comments(token, GIST_ID),
    "forks": lambda client, token: client.list_forks(token, GIST_ID),
    "list starred": lambda client, token: client.list_starred(token),
    "list of a user": lambda client, token: client.list_gists_of(token, "octocat"),
    "list unless same": lambda client, token: client.list_gists_unless_same(
        token, page=1, etag='W/"1"'
    ),
    "is starred": lambda client, token: client.is_starred(token, GIST_ID),
    "check": lambda client, token: client.check_token(token, CLIENT_ID, SECRET),
    "find": lambda client, _: client.find_account("octocat", CLIENT_ID, SECRET),
}
each_write = pytest.mark.parametrize("use", WRITES.values(), ids=WRITES.keys())
each_read = pytest.mark.parametrize("use", READS.values(), ids=READS.keys())
