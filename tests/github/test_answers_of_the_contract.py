"""Each answer that GitHub's description allows is read: the shortest, the longest, and the next."""

import contextlib
import copy
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gist_mcp.errors import GistMcpError, GitHubUnavailable, OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from tests.github.calls import CLIENT_ID, GIST_ID, READS, WRITES, Use, github
from tests.github.raw_server import answer
from tests.support.openapi import assert_response_matches
from tests.support.openapi_samples import response_sample, with_unknown_fields

pytestmark = pytest.mark.anyio

ALL: dict[str, Use] = {**WRITES, **READS}
STATUSES = {
    **dict.fromkeys(ALL, 200),
    **dict.fromkeys(("create", "fork", "comment"), 201),
    **dict.fromkeys(("delete", "star", "unstar", "revoke", "is starred"), 204),
}
OPERATIONS: dict[str, tuple[str, str]] = {}
"""What is known of the requests by now."""
VERSIONS = ["2022-11-28", "2026-03-10"]
NEEDED = {
    "create": ("id", "html_url", "public", "files"),
    "update": ("id", "html_url", "public", "files"),
    "fork": ("id", "html_url", "public", "files"),
    "gist": ("id", "html_url", "public", "files"),
    "gist unless same": ("id", "html_url", "public", "files"),
    "revision": ("id", "html_url", "public", "files"),
    "comment": ("id",),
    "user": ("id", "login"),
    "find": ("id", "login"),
    "check": ("app",),
}
"""Without these fields nobody could tell what the answer is about. All others may be missing."""


async def operation_of(http: httpx.AsyncClient, token: GitHubToken, name: str) -> tuple[str, str]:
    """The method and the path of the request that a use makes."""
    if name in OPERATIONS:
        return OPERATIONS[name]
    async with github(http, answer(404, {})) as (client, server):
        with contextlib.suppress(GistMcpError):
            await ALL[name](client, token)
        (sent,) = server.received
    return OPERATIONS.setdefault(name, (sent.method, urlsplit(sent.target).path))


async def read(http: httpx.AsyncClient, token: GitHubToken, name: str, body: Any) -> Any:
    """What the client makes of this answer."""
    async with github(http, answer(STATUSES[name], body)) as (client, _):
        return await ALL[name](client, token)


async def sample(
    http: httpx.AsyncClient,
    token: GitHubToken,
    name: str,
    *,
    is_complete: bool,
    version: str = VERSIONS[0],
) -> Any:
    """An answer of the description's to the use, with ids that can be ids."""
    method, path = await operation_of(http, token, name)
    body = response_sample(
        method, path, STATUSES[name], is_complete=is_complete, api_version=version
    )
    for each in body if isinstance(body, list) else [body]:
        if each and isinstance(each.get("id"), str):
            each["id"] = GIST_ID
        if each and name == "check":
            each["app"]["client_id"] = CLIENT_ID
    return body


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize("name", ALL)
async def test_the_shortest_and_the_longest_answer_are_read(
    http: httpx.AsyncClient, token: GitHubToken, name: str, is_complete: bool, version: str
) -> None:
    body = await sample(http, token, name, is_complete=is_complete, version=version)
    method, path = await operation_of(http, token, name)
    assert_response_matches(method, path, STATUSES[name], body, version)

    found = await read(http, token, name, body)

    if isinstance(body, list):
        items = found.gists if hasattr(found, "gists") else found.items
        assert (len(items), len(found.unreadable) if found.unreadable else 0) == (1, 0)
    elif body is not None:
        assert found is not None


@pytest.mark.parametrize("name", ALL)
async def test_fields_that_github_adds_change_nothing(
    http: httpx.AsyncClient, token: GitHubToken, name: str
) -> None:
    body = await sample(http, token, name, is_complete=True)
    more = with_unknown_fields(body)

    assert body is None or more != body
    assert await read(http, token, name, more) == await read(http, token, name, body)


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, fields in NEEDED.items() for field in fields]
)
async def test_an_answer_without_what_it_is_about_is_an_error_in_our_words(
    http: httpx.AsyncClient, token: GitHubToken, name: str, field: str
) -> None:
    body = await sample(http, token, name, is_complete=True)
    del body[field]

    with pytest.raises(GistMcpError) as raised:
        await read(http, token, name, body)

    # A write may have been made.
    assert type(raised.value) is (OutcomeUnknown if name in WRITES else GitHubUnavailable)
    assert "GitHub" in str(raised.value)
    assert "validation" not in str(raised.value).lower()
    assert "pydantic" not in str(raised.value).lower()


@pytest.mark.parametrize("name", NEEDED)
async def test_all_other_fields_may_be_missing(
    http: httpx.AsyncClient, token: GitHubToken, name: str
) -> None:
    body = await sample(http, token, name, is_complete=True)

    left = {field: body[field] for field in NEEDED[name]}

    assert len(left) < len(body)
    assert await read(http, token, name, left) is not None


LISTS = [name for name in READS if "list" in name or name in ("forks", "revisions", "comments")]


@pytest.mark.parametrize("name", LISTS)
async def test_an_entry_without_what_it_is_about_hides_no_other(
    http: httpx.AsyncClient, token: GitHubToken, name: str
) -> None:
    (entry,) = await sample(http, token, name, is_complete=True)
    key = "version" if name == "revisions" else "id"
    odd = copy.deepcopy(entry)
    del odd[key]

    found = await read(http, token, name, [odd, entry, None])

    items = found.gists if hasattr(found, "gists") else found.items
    left_out = found.unreadable if isinstance(found.unreadable, int) else len(found.unreadable)
    assert (len(items), left_out) == (1, 2)
