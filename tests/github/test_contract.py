"""Every request that the client makes is one that GitHub's OpenAPI description allows."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from gist_mcp.github.account_calls import AccountCalls
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.gist_calls import GistCalls
from gist_mcp.github.models import FileChange
from tests.github.calls import CHECK, CLIENT_ID, GIST_ID, READS, SECRET, WRITES, Use, github
from tests.github.raw_server import Received, Step, answer
from tests.github.samples import GIST, USER
from tests.support.openapi import assert_request_matches, is_described

pytestmark = pytest.mark.anyio

EVERYTHING: dict[str, Use] = {
    **WRITES,
    **READS,
    "revoke the grant": lambda client, token: client.delete_grant(token, CLIENT_ID, SECRET),
    "create without description": lambda client, token: client.create_gist(
        token, description=None, public=True, files={"a.txt": "x", "b.txt": "y"}
    ),
    "change files": lambda client, token: client.update_gist(
        token, GIST_ID, files={"a": None, "b": FileChange(content="x", new_filename="c")}
    ),
    "list since": lambda client, token: client.list_gists(
        token, since=datetime(2026, 11, 23, tzinfo=UTC), per_page=10
    ),
}
COMMENT = {
    "id": 1,
    "body": "hello",
    "user": None,
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:00Z",
}
PLAIN: dict[str, Step] = {
    "user": answer(200, USER),
    "check": answer(200, CHECK),
    "find": answer(200, USER),
    "list": answer(200, []),
    "list since": answer(200, []),
    "list starred": answer(200, []),
    "list of a user": answer(200, []),
    "list unless same": answer(200, []),
    "forks": answer(200, []),
    "revisions": answer(200, []),
    "comments": answer(200, []),
    "comment": answer(201, COMMENT),
    "revision": answer(200, GIST),
    "gist unless same": answer(200, GIST),
    "create": answer(201, GIST),
    "create without description": answer(201, GIST),
    "fork": answer(201, GIST),
    "gist": answer(200, GIST),
    "update": answer(200, GIST),
    "change files": answer(200, GIST),
}


def check(sent: Received) -> None:
    parts = urlsplit(sent.target)
    body = json.loads(sent.body) if sent.body else None
    assert_request_matches(sent.method, parts.path, body, dict(parse_qsl(parts.query)))


@pytest.mark.parametrize("name", EVERYTHING)
async def test_a_request_is_as_github_describes_it(
    http: httpx.AsyncClient, token: GitHubToken, name: str
) -> None:
    async with github(http, PLAIN.get(name, answer(204))) as (client, server):
        await EVERYTHING[name](client, token)

    (sent,) = server.received
    assert is_described(sent.method, urlsplit(sent.target).path)
    check(sent)


def test_every_method_of_the_client_is_covered() -> None:
    # These two follow an address that GitHub gave; there is nothing of ours in the request.
    given_by_github = {"next_page", "get_raw"}
    methods = {
        name
        for part in (GistCalls, AccountCalls, GitHubClient)
        for name in vars(part)
        if not name.startswith("_")
    }
    used = {name for use in EVERYTHING.values() for name in use.__code__.co_names}

    assert given_by_github < methods
    assert methods - given_by_github <= used
