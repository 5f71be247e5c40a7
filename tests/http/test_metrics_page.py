"""`/metrics` is for whoever shows the token and, in development, for this machine."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gist_mcp.config_source import SECRET_SETTINGS, parse_config, told_settings
from gist_mcp.errors import ConfigError
from gist_mcp.http.metrics import MetricsPage

TOKEN = "t" * 32
LOCAL = {"PORT": "9991", "TOKEN_KEYS": "k" * 40}
APP = {"GITHUB_CLIENT_ID": "id", "GITHUB_CLIENT_SECRET": "a-client-secret", "TOKEN_KEYS": "k" * 40}
PUBLIC = {**APP, "PUBLIC_URL": "https://gists.example.com"}
OPEN_DEVELOPMENT = {**PUBLIC, "DEV_PUBLIC": "1"}
THIS_MACHINE = "127.0.0.1"


def ask(
    environ: dict[str, str],
    headers: dict[str, str] | None = None,
    *,
    production: bool = False,
    peer: str = THIS_MACHINE,
    host: str = "localhost:9991",
) -> httpx.Response:
    page = MetricsPage(parse_config(environ, production=production))
    app = Starlette(routes=[Route("/metrics", page.answer)])

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(peer, 5000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(answered())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["gists.example.com", "10.0.0.7:9991", "localhost:9991"])
def test_the_token_opens_it_by_every_address(host: str) -> None:
    with_token = {**PUBLIC, "METRICS_TOKEN": TOKEN}

    answer = ask(with_token, bearer(TOKEN), production=True, peer="10.0.0.9", host=host)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    assert 'gist_mcp_build_info{version="' in answer.text


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}t",
        f"Bearer {'u' * 32}",
        TOKEN,
        "",
    ],
)
def test_a_wrong_token_is_told_that_there_is_no_such_page(authorization: str) -> None:
    headers = {"Authorization": authorization}

    assert ask({**LOCAL, "METRICS_TOKEN": TOKEN}, headers).status_code == 404
    assert ask(LOCAL, headers).status_code == 404


@pytest.mark.parametrize("environ", [PUBLIC, {**APP, "PUBLIC_URL": "http://localhost:9991"}])
def test_in_production_nobody_reads_it_without_a_token(environ: dict[str, str]) -> None:
    assert ask(environ, production=True).status_code == 404
    assert ask({**environ, "METRICS_TOKEN": TOKEN}, production=True).status_code == 404


def test_in_development_on_this_machine_it_needs_no_token() -> None:
    assert ask(LOCAL).status_code == 200
    assert ask(LOCAL, host="127.0.0.1:9991").status_code == 200
    assert ask({**LOCAL, "METRICS_TOKEN": TOKEN}).status_code == 200


def test_in_development_for_others_it_needs_one() -> None:
    assert ask(OPEN_DEVELOPMENT).status_code == 404
    assert ask({**OPEN_DEVELOPMENT, "METRICS_TOKEN": TOKEN}, bearer(TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"]
)
def test_what_a_proxy_or_tunnel_passes_on_is_not_of_this_machine(header: str) -> None:
    assert ask(LOCAL, {header: THIS_MACHINE}).status_code == 404


@pytest.mark.parametrize("peer", ["10.0.0.9", "::ffff:10.0.0.9", "testclient", ""])
def test_another_machine_is_not_this_one(peer: str) -> None:
    assert ask(LOCAL, peer=peer).status_code == 404


def test_a_page_of_another_site_reads_nothing_by_a_name_that_leads_here() -> None:
    assert ask(LOCAL, host="evil.example:9991").status_code == 404


@pytest.mark.parametrize("token", ["short", "t" * 31, "t" * 31 + "é", "t" * 31 + " t"])
def test_a_token_that_is_short_or_cannot_be_a_header_stops_the_start(token: str) -> None:
    with pytest.raises(ConfigError, match="METRICS_TOKEN") as refused:
        parse_config({**LOCAL, "METRICS_TOKEN": token}, production=False)

    assert token not in str(refused.value)


def test_the_token_is_a_secret() -> None:
    config = parse_config({**LOCAL, "METRICS_TOKEN": TOKEN}, production=False)

    assert "METRICS_TOKEN" in SECRET_SETTINGS
    assert TOKEN not in repr(config)
    assert told_settings(config)["METRICS_TOKEN"] == "set"
