"""GitHub refuses a running call what the front door has let through a moment before."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.mcp_client import McpClient, RunningCall
from tests.support.world import World, world

pytestmark = pytest.mark.integration

ACCOUNT = "octocat"
GIST = {"description": "d", "filename": "f.md", "content": "c"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two processes, each of which remembers for ten minutes what GitHub says of a token."""
    folder: Path = tmp_path_factory.mktemp("refused")
    with world(folder, {"TOKEN_REVALIDATE_SECONDS": "600"}) as built:
        yield built


@pytest.fixture
def here(running: World) -> World:
    running.github.reset()
    return running


def signed_in(here: World) -> McpClient:
    """A client that both processes have seen."""
    client = McpClient(here.server.mcp_url, here.sign_in(ACCOUNT).access_token).open()
    for _ in range(8):
        assert client.touch().status_code == 200
    return client


def refused(call: RunningCall) -> httpx.Response:
    """The answer to a call that was not admitted."""
    call.wait_until_broken()
    assert call.refused is not None
    return call.refused


def test_a_scope_lost_in_a_call_leads_to_a_sign_in_that_the_session_goes_on_with(
    here: World,
) -> None:
    client = signed_in(here)
    sending = here.github.add_fault("hang_before", method="POST", path="/gists")
    call = client.call("create_gist", **GIST)
    sending.wait_until_held()

    here.github.set_grant(ACCOUNT, ["read:user"])
    sending.release()
    told = call.wait()
    challenges = [refused(client.call("create_gist", **GIST)) for _ in range(4)]
    client.sign_in_again(here.sign_in(ACCOUNT).access_token)
    made = client.call("create_gist", **GIST).wait()

    assert told.is_error
    assert "scope gist" in told.text
    assert f"{here.server.url}/oauth/authorize" in told.text
    # Whichever process they came to first.
    assert {challenge.status_code for challenge in challenges} == {403}
    header = challenges[0].headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in header
    assert 'scope="gist read:user"' in header
    assert [gist.gist_id for gist in here.github.gists(ACCOUNT)] == [made.structured["id"]]


def test_a_token_revoked_in_a_call_is_challenged_at_once_by_every_process(here: World) -> None:
    client = signed_in(here)
    sending = here.github.add_fault("hang_before", method="POST", path="/gists")
    call = client.call("create_gist", **GIST)
    sending.wait_until_held()

    here.github.revoke_tokens(ACCOUNT)
    sending.release()
    told = call.wait()
    challenges = [refused(client.call("get_my_profile")) for _ in range(4)]
    client.sign_in_again(here.sign_in(ACCOUNT).access_token)
    profile = client.call("get_my_profile").wait()

    assert told.is_error
    assert f"{here.server.url}/oauth/authorize" in told.text
    assert {challenge.status_code for challenge in challenges} == {401}
    assert 'error="invalid_token"' in challenges[0].headers["WWW-Authenticate"]
    assert profile.structured["login"] == ACCOUNT
    assert here.github.gists(ACCOUNT) == []
