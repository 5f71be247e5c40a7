"""Requests to GitHub are measured under names without anybody's ids."""

import contextlib
import re

import httpx
import pytest

from gist_mcp.errors import GistMcpError
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.operation import operation
from gist_mcp.telemetry.metrics import OTHER, REGISTRY
from tests.github.calls import CLIENT_ID, GIST_ID, READS, REVISION, WRITES, Use, github
from tests.github.raw_server import answer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("use", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
async def test_every_call_has_a_name_without_ids(
    http: httpx.AsyncClient, token: GitHubToken, use: Use
) -> None:
    async with github(http, answer(404, {"message": "Not Found"})) as (client, server):
        with contextlib.suppress(GistMcpError):
            await use(client, token)
        sent = server.received[0]

    name = operation(sent.method, sent.target.partition("?")[0])
    assert name.startswith(f"{sent.method} /")
    assert not re.search(f"{GIST_ID}|{CLIENT_ID}|{REVISION}|octocat", name)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/gists/starred", "GET /gists/starred"),
        ("GET", f"/gists/{GIST_ID}", "GET /gists/{gist_id}"),
        ("GET", f"/api/v3/gists/{GIST_ID}", "GET /gists/{gist_id}"),
        ("GET", f"/octocat/{GIST_ID}/raw/{REVISION}/a.txt", "GET /{login}/{gist_id}/raw/{file}"),
        ("GET", "/secret/of/somebody", OTHER),
        ("BREW", "/user", OTHER),
        ("GET", "", OTHER),
    ],
)
def test_a_name_is_a_template_or_other(method: str, path: str, name: str) -> None:
    assert operation(method, path) == name


async def test_the_end_and_the_budget_of_a_request_are_measured(
    http: httpx.AsyncClient, token: GitHubToken
) -> None:
    labels = {"operation": "GET /user", "status": "403"}
    before = REGISTRY.get_sample_value("gist_mcp_github_requests_total", labels) or 0.0
    budget = {"budget": "graphql"}
    headers = {
        "x_ratelimit_limit": "5000",
        "x_ratelimit_remaining": "1250",
        "x_ratelimit_resource": "graphql",
    }
    refusal = answer(403, {"message": "Forbidden"}, **headers)

    async with github(http, refusal) as (client, _):
        with pytest.raises(GistMcpError):
            await client.get_user(token)

    name = "gist_mcp_github_budget_remaining_ratio_sum"
    assert REGISTRY.get_sample_value("gist_mcp_github_requests_total", labels) == before + 1
    assert REGISTRY.get_sample_value(name, budget) == pytest.approx(0.25)
