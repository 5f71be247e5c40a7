"""Clients that were given another name of this machine than `PUBLIC_URL` has."""

import itertools
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.mcp_clients.driver import Client
from tests.mcp_clients.person import Person, query_of
from tests.mcp_clients.programs import CLIENTS
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient, open_session
from tests.support.waiting import wait_until
from tests.support.world import World

# The first run on a machine installs the clients.
pytestmark = pytest.mark.timeout(900)

NAMES = ("localhost", "127.0.0.1", "[::1]")
RESOURCE = "/.well-known/oauth-protected-resource/mcp"
SERVER = "/.well-known/oauth-authorization-server"


def named(here: World, name: str) -> str:
    return f"http://{name}:{here.server.port}"


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_client_reads_has_the_name_that_it_was_given(here: World, name: str) -> None:
    url = named(here, name)

    challenges = [httpx.request(method, f"{url}/mcp") for method in ("GET", "HEAD", "POST")]
    resource = httpx.get(f"{url}{RESOURCE}").json()
    server = httpx.get(f"{url}{SERVER}").json()

    for challenge in challenges:
        assert f'resource_metadata="{url}{RESOURCE}"' in challenge.headers["www-authenticate"]
    assert (resource["resource"], resource["authorization_servers"]) == (f"{url}/mcp", [url])
    assert server["issuer"] == url
    endpoints = [server[each] for each in server if each.endswith("_endpoint")]
    assert len(endpoints) == 4
    assert all(each.startswith(f"{url}/oauth/") for each in endpoints)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_that_will_not_do_leads_there_too(here: World, name: str) -> None:
    url = named(here, name)
    token = here.github.create_token("octocat", ("read:user",))
    opened = open_session(url, token)
    headers = {"Authorization": f"Bearer {token}"}
    headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
    call |= {"params": {"name": "list_my_gists", "arguments": {}}}

    missing = httpx.post(f"{url}/mcp", json=call, headers=headers, timeout=30)
    garbage = httpx.post(f"{url}/mcp", headers={"Authorization": "Bearer x"})

    assert (missing.status_code, garbage.status_code) == (403, 401)
    for answer in (missing, garbage):
        assert f'"{url}{RESOURCE}"' in answer.headers["www-authenticate"]


def test_a_token_that_dies_in_a_session_leads_there_from_every_process(here: World) -> None:
    """GitHub tells one process, the other may still let the next request pass to it."""
    url = named(here, "127.0.0.1")
    client = McpClient(f"{url}/mcp", here.github.create_token("octocat")).open()
    for _ in range(6):
        assert client.touch().status_code == 200
    here.github.revoke_tokens("octocat")
    told = client.call("list_my_gists")
    wait_until("GitHub's no", lambda: not told.is_listening, seconds=30)

    refused = [client.touch() for _ in range(6)]

    for answer in refused:
        assert answer.status_code == 401
        assert f'"{url}{RESOURCE}"' in answer.headers["www-authenticate"]


def test_tokens_made_under_one_name_work_under_the_others(here: World) -> None:
    people = itertools.cycle(("octocat", "hubot", "monalisa"))
    for name in NAMES:
        url, other_url = named(here, name), named(here, NAMES[NAMES.index(name) - 1])
        client = OAuthClient(url)
        person = Person(world=here, account=next(people))
        answer = query_of(person.answer(client.authorize_url))
        tokens = client.redeem(answer["code"]).json()

        opened = [open_session(named(here, each), tokens["access_token"]) for each in NAMES]
        refreshed = client.refresh(tokens["refresh_token"], at=other_url)

        assert answer["iss"] == url
        assert [each.status_code for each in opened] == [200, 200, 200]
        assert refreshed.status_code == 200, refreshed.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "localhost@evil.example"])
def test_a_forged_host_gets_nothing(here: World, host: str) -> None:
    for path in (RESOURCE, SERVER, "/oauth/authorize?client_id=x", "/mcp"):
        answer = httpx.get(f"{here.server.url}{path}", headers={"Host": host})

        assert answer.status_code == 403
        assert "location" not in answer.headers
        assert "www-authenticate" not in answer.headers
        assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("typescript-sdk-1.32", "127.0.0.1"),
        ("typescript-client-2.4", "127.0.0.1"),
        ("typescript-sdk-1.32", "[::1]"),
        ("python-sdk-2.3", "[::1]"),
        ("gemini-cli-0.61", "127.0.0.1"),
    ],
)
def test_a_client_signs_in_and_calls_a_tool(
    here: World, tmp_path: Path, client: str, name: str
) -> None:
    person = Person(world=here)
    url = f"{named(here, name)}/mcp"

    with Client(CLIENTS[client](), url, tmp_path, "call", person) as running:
        told = running.result()

    assert told.get("called") == "octocat", told
    (sent_to,) = running.answers
    assert query_of(sent_to)["iss"] == named(here, name)
    assert urlsplit(sent_to).hostname in ("localhost", "127.0.0.1")
