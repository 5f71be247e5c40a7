"""Behind nginx with its defaults: signing in, a session, a tool call and its stream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.mcp_clients.person import Person, query_of
from tests.support.deployment import Deployment
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient
from tests.support.ports import free_port
from tests.support.proxies import nginx, nginx_program
from tests.support.world import World, configured

GIST = {"filename": "a.txt", "description": "behind nginx", "content": "x"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`PUBLIC_URL` is nginx's address, which the application hears nothing else of."""
    nginx_program()
    folder = tmp_path_factory.mktemp("behind-nginx")
    server = Deployment(folder)
    public = f"http://localhost:{free_port()}"
    port = int(public.rpartition(":")[2])
    with (
        configured(server, {"PUBLIC_URL": public}) as github,
        server,
        nginx(folder / "nginx", port=port, upstream=f"127.0.0.1:{server.port}"),
    ):
        yield World(server=server, github=github)


def public_url(here: World) -> str:
    return here.server.settings["PUBLIC_URL"]


def test_the_health_check_and_the_pages_are_served(here: World) -> None:
    assert httpx.get(f"{public_url(here)}/healthz").json()["status"] == "ok"
    page = httpx.get(public_url(here), headers={"Accept": "text/html"})
    assert (page.status_code, f"{public_url(here)}/mcp" in page.text) == (200, True)


def test_a_client_signs_in_and_calls_a_tool(here: World) -> None:
    url = public_url(here)
    challenge = httpx.post(f"{url}/mcp").headers["www-authenticate"]
    client = OAuthClient(url)

    answer = query_of(Person(world=here).answer(client.authorize_url))
    token = client.redeem(answer["code"]).json()["access_token"]
    session = McpClient(f"{url}/mcp", token).open()
    created = session.call("create_gist", **GIST).wait()

    assert f'"{url}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert answer["iss"] == url
    assert not created.is_error, created.text
    assert len(here.github.gists("octocat")) == 1


def test_an_event_comes_when_it_is_sent_and_not_when_a_buffer_is_full(here: World) -> None:
    session = McpClient(f"{public_url(here)}/mcp", here.github.create_token("hubot")).open()
    held = here.github.add_fault("hang_before", method="POST", path="/gists")

    call = session.call("create_gist", **GIST)
    held.wait_until_held()
    call.wait_for_event()
    held.release()

    assert not call.wait().is_error


def test_a_stream_that_broke_is_taken_up_again(here: World) -> None:
    session = McpClient(f"{public_url(here)}/mcp", here.github.create_token("monalisa")).open()
    held = here.github.add_fault("hang_before", method="POST", path="/gists")
    call = session.call("create_gist", **GIST)
    held.wait_until_held()
    call.wait_for_event()

    call.cut()
    call.resume()
    held.release()

    assert not call.wait().is_error


def test_no_forged_host_gets_through(here: World) -> None:
    """nginx replaces it by its own, so it reaches nothing of ours, and no answer has it."""
    headers = {"Host": "evil.example"}

    challenge = httpx.post(f"{public_url(here)}/mcp", headers=headers)
    metadata = httpx.get(
        f"{public_url(here)}/.well-known/oauth-protected-resource", headers=headers
    )

    assert metadata.json()["resource"] == f"{public_url(here)}/mcp"
    assert public_url(here) in challenge.headers["www-authenticate"]
    assert "evil.example" not in f"{challenge.headers} {metadata.headers} {metadata.text}"
