"""What a simulated Enterprise Server and GHE.com do differently from github.com."""

from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.github_address import api_url_of
from github_simulator.products import PRODUCT_NAMES, ProductName
from tests.github_simulator.signing_in import (
    api_client,
    approved_code,
    authorize_url,
    exchange,
    query_of,
    signed_in,
)
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.openapi import assert_response_matches

FILES = {"a.txt": {"content": "x"}}


def running(product: ProductName) -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess(product=product) as simulator:
        yield simulator


@pytest.fixture(scope="module", params=PRODUCT_NAMES)
def each(request: pytest.FixtureRequest) -> Iterator[GitHubSimulator]:
    yield from running(request.param)


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubSimulator]:
    """An Enterprise Server."""
    yield from running("ghes")


@pytest.fixture(scope="module")
def tenant() -> Iterator[GitHubSimulator]:
    """An enterprise at GHE.com."""
    yield from running("ghe.com")


def test_the_api_is_where_the_product_has_it(each: GitHubSimulator) -> None:
    with api_client(each, each.create_token("octocat")) as client:
        paths = [path for path in ("", "/api/v3") if client.get(f"{path}/user").is_success]

    expected = {"github.com": ["", "/api/v3"], "ghes": ["/api/v3"], "ghe.com": [""]}
    assert paths == expected[each.product]
    assert each.api_url == each.url + paths[0]


def test_an_enterprise_server_has_its_api_where_the_application_looks(
    server: GitHubSimulator,
) -> None:
    assert server.api_url == api_url_of(server.url)


def test_people_sign_in_everywhere(each: GitHubSimulator) -> None:
    tokens = signed_in(each)

    with api_client(each, tokens["access_token"]) as client:
        user = client.get(f"{each.api_url}/user").json()
    assert_response_matches("GET", "/user", 200, user)
    assert user["login"] == "octocat"
    assert user["url"].startswith(f"{each.api_url}/users/")


@pytest.mark.parametrize("product", ["github.com", "ghes"])
def test_the_addresses_of_a_gist_are_the_products_own(product: ProductName) -> None:
    pages = {"github.com": "/gist.github.com/octocat/", "ghes": "/gist/octocat/"}
    raw_files = {"github.com": "/gist.githubusercontent.com/octocat/", "ghes": "/gist/octocat/"}
    for github in running(product):
        with api_client(github, github.create_token("octocat")) as client:
            answer = client.post(f"{github.api_url}/gists", json={"files": FILES})

        gist = answer.json()
        assert_response_matches("POST", "/gists", answer.status_code, gist)
        assert gist["html_url"].startswith(github.url + pages[product])
        assert gist["files"]["a.txt"]["raw_url"].startswith(github.url + raw_files[product])
        assert gist["url"] == answer.headers["location"] == f"{github.api_url}/gists/{gist['id']}"
        assert httpx.get(gist["html_url"]).status_code == 200


def test_an_enterprise_server_ignores_pkce(server: GitHubSimulator) -> None:
    answer = exchange(server, approved_code(server), code_verifier="of another sign-in" * 3).json()

    assert answer["access_token"].startswith("gho_")
    page = httpx.get(authorize_url(server, code_challenge_method="plain"))
    assert page.status_code == 200


@pytest.mark.parametrize("expiring", [True, False])
def test_tokens_of_an_enterprise_server_do_not_expire(
    server: GitHubSimulator, expiring: bool
) -> None:
    server.configure(expiring_tokens=expiring)

    tokens = signed_in(server, scope="gist offline_access")

    assert "refresh_token" not in tokens
    assert "expires_in" not in tokens


def test_an_enterprise_server_says_no_issuer_and_takes_paths_below_the_callback(
    server: GitHubSimulator,
) -> None:
    below = f"{server.callback_urls[0]}/below"

    back = server.approve(authorize_url(server, redirect_uri=below))

    assert back.startswith(below)
    assert "iss" not in query_of(back)


def test_an_enterprise_server_limits_no_rate_and_names_its_version(server: GitHubSimulator) -> None:
    with api_client(server, server.create_token("octocat")) as client:
        headers = client.get("/api/v3/user").headers
        newer = client.get("/api/v3/user", headers={"x-github-api-version": "2026-03-10"})

    assert "x-ratelimit-limit" not in headers
    assert headers["x-github-enterprise-version"].startswith("enterprise-server@3.")
    assert newer.status_code == 400


def test_an_enterprise_server_in_private_mode_shows_strangers_nothing(
    server: GitHubSimulator,
) -> None:
    with api_client(server, server.create_token("octocat")) as client:
        gist = client.post("/api/v3/gists", json={"files": FILES, "public": True}).json()
    raw_url = gist["files"]["a.txt"]["raw_url"]

    with api_client(server) as stranger:
        read = stranger.get(gist["url"])
        raw = stranger.get(raw_url)

    assert (read.status_code, read.json()["message"]) == (
        401,
        "Must authenticate to access this API.",
    )
    assert raw.status_code == 302
    assert raw.headers["location"].startswith("/login?")


def test_the_app_checks_and_deletes_tokens_everywhere(each: GitHubSimulator) -> None:
    token = each.create_token("octocat")
    app = httpx.Client(base_url=each.api_url, auth=(each.client_id, each.client_secret))
    path, body = f"/applications/{each.client_id}/token", {"access_token": token}

    with app:
        checked = app.post(path, json=body)
        deleted = app.request("DELETE", path, json=body)
        gone = app.post(path, json=body)

    assert_response_matches("POST", path, checked.status_code, checked.json())
    assert [checked.status_code, deleted.status_code, gone.status_code] == [200, 204, 404]


def test_nobody_has_gists_at_ghe_com(tenant: GitHubSimulator) -> None:
    with api_client(tenant, tenant.create_token("octocat")) as client:
        made = client.post("/gists", json={"files": FILES})
        listed = client.get("/gists")

    assert made.status_code == 403
    assert "Managed users" in made.json()["message"]
    assert listed.json() == []


@pytest.mark.integration
def test_the_program_simulates_the_product_that_it_is_told() -> None:
    with (
        GitHubSimulator(product="ghes", arguments=["--quiet"]) as github,
        api_client(github, github.create_token("octocat")) as client,
    ):
        assert client.get("/api/v3/user").status_code == 200
        assert client.get("/user").status_code == 404
