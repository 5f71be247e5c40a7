"""On loopback the metadata has the host name that the client used; elsewhere there is one name."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from gist_mcp.config_source import parse_config
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import TokenMissing
from gist_mcp.oauth.authorization_request import destination_of, open_from_consent
from gist_mcp.origin import OwnOrigins
from tests.mcp_clients.person import read_form
from tests.oauth.oauth_client import REDIRECT_URI, OAuthClient, register
from tests.oauth.site import BROWSER_ACCEPT, CODE, PUBLIC_URL, Site, query_of

LOCAL_URL = "http://localhost:9991"
NAMES = ["http://localhost:9991", "http://127.0.0.1:9991", "http://[::1]:9991"]
FORGED = [
    "evil.example",
    "localhost:9992",
    "localhost.evil.example:9991",
    "evil@localhost:9991",
    "127.0.0.1:9991,evil.example",
    "127.0.0.1",
    "",
]


def address_of(host: str, public_url: str) -> str:
    headers = [(b"host", host.encode("latin-1"))]
    return OwnOrigins.of(public_url).asked_for(Request({"type": "http", "headers": headers}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("public_url", NAMES)
def test_each_name_of_this_machine_is_an_address_of_ours(name: str, public_url: str) -> None:
    assert address_of(name.removeprefix("http://"), public_url) == name


@pytest.mark.parametrize("host", [*FORGED, "127.0.0.1:9991", "localhost:9991", "[::1]:9991"])
def test_a_public_server_has_one_address_whatever_the_host_says(host: str) -> None:
    assert address_of(host, PUBLIC_URL) == PUBLIC_URL


@pytest.mark.parametrize("host", FORGED)
def test_on_loopback_a_forged_host_is_no_address(host: str) -> None:
    assert address_of(host, LOCAL_URL) == LOCAL_URL


def at(site: Site, base_url: str, host: str | None = None) -> Callable[[str], httpx.Response]:
    """Asks for a path there."""

    def get(path: str) -> httpx.Response:
        headers = {} if host is None else {"host": host}
        return site.get(f"{base_url}{path}", headers=headers)

    return get


def texts(get: Callable[[str], httpx.Response]) -> list[str]:
    documents = ["oauth-protected-resource", "oauth-protected-resource/mcp"]
    documents.append("oauth-authorization-server")
    return [get(f"/.well-known/{name}").text for name in documents]


@pytest.mark.parametrize("name", NAMES)
def test_every_url_of_the_metadata_has_the_name_that_the_client_uses(site: Site, name: str) -> None:
    site.configure(PUBLIC_URL=LOCAL_URL)

    resource, same, server = texts(at(site, name))

    assert resource == same
    assert f'"resource":"{name}/mcp"' in resource
    assert f'"authorization_servers":["{name}"]' in resource
    assert f'"issuer":"{name}"' in server
    assert server.count("http://") == server.count(f'"{name}') == 5


@pytest.mark.parametrize("host", FORGED)
def test_a_forged_host_reaches_no_metadata(site: Site, host: str) -> None:
    for public_url in (PUBLIC_URL, LOCAL_URL):
        site.configure(PUBLIC_URL=public_url)

        assert texts(at(site, public_url, host)) == texts(at(site, public_url))


def challenge_at(host: str, public_url: str) -> str:
    settings = {"PUBLIC_URL": public_url, "DEV_PUBLIC": "1", "TOKEN_KEYS": "k" * 40}
    config = parse_config(settings, production=False)
    headers = [(b"host", host.encode("latin-1"))]
    scope = {"type": "http", "method": "POST", "headers": headers}
    refusal = challenges.refusal(config, Request(scope), TokenMissing())
    return refusal.headers["www-authenticate"]


def test_a_challenge_leads_to_the_metadata_of_that_name() -> None:
    for name in NAMES:
        challenge = challenge_at(name.removeprefix("http://"), LOCAL_URL)
        assert f'"{name}/.well-known/oauth-protected-resource/mcp"' in challenge
    for host in FORGED:
        assert challenge_at(host, LOCAL_URL) == challenge_at("localhost:9991", LOCAL_URL)
        assert challenge_at(host, PUBLIC_URL) == challenge_at("gists.example.com", PUBLIC_URL)


def browser_of(site: Site, base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app),
        base_url=base_url,
        headers=BROWSER_ACCEPT,
        follow_redirects=False,
    )


def go_through(site: Site, url: str, parameters: dict[str, str], **decision: Any) -> dict[str, str]:
    """A person's way from the client's link to the client: the answer's parameters."""
    browser = browser_of(site, site.app.state.deps.config.public_url)
    page = site.run(browser.get(url, params=parameters))
    if page.has_redirect_location:
        page = site.run(browser.get(page.headers["location"]))
    assert page.status_code == 200, page.text
    fields = {**read_form(page.text), "decision": decision.get("decision", "approve")}
    decided = site.run(browser.post("/oauth/consent", data=fields))
    location = decided.headers["location"]
    if location.startswith("https://github.com"):
        back = {"code": CODE, "state": query_of(location)["state"], **decision.get("github", {})}
        location = site.run(browser.get("/oauth/callback", params=back)).headers["location"]
    assert location.startswith(REDIRECT_URI)
    return query_of(location)


def local_client(site: Site, public_url: str = LOCAL_URL) -> OAuthClient:
    site.configure(PUBLIC_URL=public_url)
    return register(site)


@pytest.mark.integration
@pytest.mark.parametrize("public_url", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_has_the_issuer_of_the_metadata_that_the_client_read(
    site: Site, name: str, public_url: str
) -> None:
    client = local_client(site, public_url)
    server = site.get(f"{name}/.well-known/oauth-authorization-server").json()

    for more in ({}, {"resource": f"{name}/mcp"}):
        answer = go_through(site, server["authorization_endpoint"], client.parameters(**more))
        tokens = site.run(
            browser_of(site, name).post(
                server["token_endpoint"], data=client.redemption(answer["code"]) | more
            )
        )

        assert answer["iss"] == server["issuer"] == name
        assert tokens.status_code == 200, tokens.text


@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_errors_have_that_issuer_too(site: Site, name: str) -> None:
    client = local_client(site)
    url = f"{name}/oauth/authorize"

    denied = go_through(site, url, client.parameters(), decision="deny")
    denied_at_github = go_through(site, url, client.parameters(), github={"error": "access_denied"})
    browser = browser_of(site, LOCAL_URL)
    wrong = client.parameters(response_type="token")
    refused = site.run(browser.get(url, params=wrong))
    if query_of(refused.headers["location"]).get("came_by"):
        refused = site.run(browser.get(refused.headers["location"]))

    for answer in (denied, denied_at_github, query_of(refused.headers["location"])):
        assert answer["error"]
        assert answer["iss"] == name


def test_a_request_sealed_by_an_earlier_version_gets_the_public_issuer(site: Site) -> None:
    """So a new version may be started while somebody is at the consent page."""
    client = local_client(site)
    inside: dict[str, Any] = {"client_key": "k", "redirect_uri": REDIRECT_URI, "state": "s"}
    inside |= {"code_challenge": "c", "scopes": ["gist"], "issued_at": site.now}
    sealed = site.sealer.seal("consent", json.dumps(inside).encode(), context="browser")

    wanted = open_from_consent(site.sealer, sealed, browser_secret="browser")

    assert wanted is not None
    back = destination_of(client.site.app.state.deps.config, wanted)
    assert query_of(back.response_url(code="x"))["iss"] == LOCAL_URL


@pytest.mark.integration
@pytest.mark.parametrize(
    "came_by", ["evil.example", "http://127.0.0.1:9991", "127.0.0.1:80", "::1", "localhost.", ""]
)
def test_nobody_chooses_an_issuer_that_is_not_a_name_of_ours(site: Site, came_by: str) -> None:
    client = local_client(site)
    url = f"{LOCAL_URL}/oauth/authorize"

    answer = go_through(site, url, client.parameters() | {"came_by": came_by})

    assert answer["iss"] == LOCAL_URL


@pytest.mark.integration
@pytest.mark.parametrize("came_by", ["127.0.0.1", "localhost", "[::1]"])
def test_a_public_server_has_one_issuer_whatever_the_link_says(site: Site, came_by: str) -> None:
    client = register(site)
    url = f"{PUBLIC_URL}/oauth/authorize"

    answer = go_through(site, url, client.parameters() | {"came_by": came_by})

    assert answer["iss"] == PUBLIC_URL


EXTRA_URL = "https://gists.example.net"


@pytest.mark.integration
@pytest.mark.parametrize("name", [PUBLIC_URL, EXTRA_URL])
def test_a_client_at_a_further_host_is_answered_under_it_and_signs_in_at_the_public_one(
    site: Site, name: str
) -> None:
    """GitHub knows one callback URL, and the browser's cookies belong to one host."""
    site.configure(EXTRA_HOSTS="gists.example.net")
    client = register(site)
    server = site.get(f"{name}/.well-known/oauth-authorization-server").json()
    link = f"{name}/oauth/authorize"
    resource = {"resource": f"{name}/mcp"}

    answer = go_through(site, link, client.parameters(**resource))
    tokens = site.run(
        browser_of(site, name).post(
            server["token_endpoint"], data=client.redemption(answer["code"]) | resource
        )
    )

    assert server["issuer"] == answer["iss"] == name
    assert f'"resource":"{name}/mcp"' in texts(at(site, name))[0]
    assert tokens.status_code == 200, tokens.text


@pytest.mark.parametrize("host", ["gists.example.org", "gists.example.net:8443", *FORGED])
def test_a_host_that_is_not_named_is_still_nobody(site: Site, host: str) -> None:
    site.configure(EXTRA_HOSTS="gists.example.net")

    assert texts(at(site, PUBLIC_URL, host)) == texts(at(site, PUBLIC_URL))


def test_two_names_in_one_request_are_refused(site: Site) -> None:
    client = local_client(site)
    url = f"{LOCAL_URL}/oauth/authorize?came_by=127.0.0.1&came_by=localhost"

    answer = site.get(str(httpx.URL(url).copy_merge_params(client.parameters())))

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("host", "sent_to"),
    [
        ("127.0.0.1:9991", f"{LOCAL_URL}/oauth/authorize?client_id=x%20y&came_by=127.0.0.1"),
        ("[::1]:9991", f"{LOCAL_URL}/oauth/authorize?client_id=x%20y&came_by=%5B%3A%3A1%5D"),
        ("localhost.:9991", f"{LOCAL_URL}/oauth/authorize?client_id=x%20y"),
        ("localhost:9991", None),
        ("LOCALHOST:9991", None),
        ("evil.example", None),
        ("127.0.0.1:80", None),
    ],
)
def test_a_browser_at_another_name_for_this_machine_is_sent_to_ours(
    site: Site, host: str, sent_to: str | None
) -> None:
    site.configure(PUBLIC_URL=LOCAL_URL)

    answer = site.get("/oauth/authorize?client_id=x%20y", headers=BROWSER_ACCEPT | {"host": host})

    assert answer.headers.get("location") == sent_to


def test_a_person_without_a_client_is_sent_there_too(site: Site) -> None:
    site.configure(PUBLIC_URL=LOCAL_URL)

    answer = site.get("/oauth/authorize", headers=BROWSER_ACCEPT | {"host": "127.0.0.1:9991"})

    assert answer.headers["location"] == f"{LOCAL_URL}/oauth/authorize"


@pytest.mark.parametrize(
    ("host", "sent_to"),
    [
        ("gists.example.com", None),
        ("gists.example.com:443", None),
        # Another site to a browser, whose cookie would not come back.
        ("gists.example.com.", f"{PUBLIC_URL}/oauth/authorize?client_id=x"),
        ("gists.example.com.evil.example", None),
        ("127.0.0.1:9991", None),
    ],
)
def test_a_browser_at_a_public_name_with_a_dot_is_sent_to_ours(
    site: Site, host: str, sent_to: str | None
) -> None:
    answer = site.get("/oauth/authorize?client_id=x", headers=BROWSER_ACCEPT | {"host": host})

    assert answer.headers.get("location") == sent_to


@pytest.mark.parametrize(
    ("resource", "is_ours"),
    [
        ("https://gists.example.com:443/mcp", True),
        ("https://GISTS.example.com/mcp/", True),
        ("https://gists.example.com./mcp", True),
        ("http://gists.example.com/mcp", False),
        ("https://gists.example.com:80/mcp", False),
        ("https://gists.example.com", False),
        ("https://gists.example.com/MCP", False),
        ("https://gists.example.com/mcp?x", False),
        ("https://user@gists.example.com/mcp", False),
        ("https://gists.example.com@evil.example/mcp", False),
        ("https://gists.example.com.evil.example/mcp", False),
        ("//gists.example.com/mcp", False),
    ],
)
def test_a_resource_is_compared_like_an_origin(site: Site, resource: str, is_ours: bool) -> None:
    answer = register(site).authorize(resource=resource)

    error = query_of(answer.headers.get("location", "")).get("error")
    assert error == (None if is_ours else "invalid_target")
