"""Who owns a session is durable, and what the old process remembered is not needed for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.security.mcp_client import McpUser, mcp_headers, tool_message
from tests.security.world import World, running_world
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

MAX_SESSIONS = 3


@dataclass(frozen=True)
class Restarted:
    """A deployment that was killed and started again, and the sessions from before.

    `owner` has used a session, the one of `deleted` was ended. A call of `busy`, the oldest session
    of its person, was not answered by GitHub.
    """

    world: World
    owner: McpUser
    deleted: McpUser
    busy: McpUser


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    folder = tmp_path_factory.mktemp("restarted")
    with running_world(folder, {"MAX_SESSIONS_PER_ACCOUNT": str(MAX_SESSIONS)}) as world:
        url, token = world.app.mcp_url, world.token("octocat")
        owner, deleted = McpUser.connect(url, token), McpUser.connect(url, token)
        owner.call("get_my_profile")
        httpx.delete(deleted.url, headers=deleted.headers)
        token = world.token("monalisa")
        busy, *_ = [McpUser.connect(url, token) for _ in range(MAX_SESSIONS)]
        fault = world.github.add_fault("hang_before", path="/gists", method="POST", times=1)
        new_gist = {"description": "", "filename": "a.txt", "content": "mine"}
        with ThreadPoolExecutor(1) as pool:
            calling = pool.submit(busy.send, tool_message(2, "create_gist", new_gist))
            fault.wait_until_held()
            world.app.kill()
            # The connection broke, or Envoy said that the process had gone.
            assert calling.exception() is not None or "result" not in calling.result().text
        world.github.remove_faults()
        world.app.start()
        yield Restarted(world, owner, deleted, busy)


REQUESTS = [("POST", None), ("GET", None), ("GET", f"{'7' * 32}/7"), ("DELETE", None)]


def test_the_owner_gets_in_and_nobody_else(restarted: Restarted) -> None:
    owner, deleted = restarted.owner, restarted.deleted
    mallory = restarted.world.token("hubot")

    answers = [
        ask(owner.url, method, token, session_id, event)
        for method, event in REQUESTS
        for token, session_id in (
            (mallory, owner.session_id),
            (mallory, deleted.session_id),
            (owner.token, deleted.session_id),
            (mallory, "0" * 48),
        )
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    # The DELETEs among them have not ended the session either.
    owner.token = restarted.world.token("octocat")
    assert "octocat" in str(owner.call("get_my_profile"))


def test_a_session_whose_call_waits_for_its_owner_does_not_give_way(restarted: Restarted) -> None:
    world, busy = restarted.world, restarted.busy

    # Other clients of the person are back sooner.
    for _ in range(MAX_SESSIONS):
        McpUser.connect(busy.url, busy.token)

    assert busy.send({"jsonrpc": "2.0", "id": 9, "method": "ping"}).status_code == 200
    # The call goes on: it looks whether its gist was made.
    wait_until("a look", lambda: len(world.github.requests("GET", "/gists")) >= 1, seconds=60)


def ask(url: str, method: str, token: str, session_id: str, event: str | None) -> httpx.Response:
    """One request in a session, from whoever has the token."""
    headers = mcp_headers(token, session_id)
    if event is not None:
        headers["Last-Event-ID"] = event
    message = tool_message(7, "get_my_profile", {}) if method == "POST" else None
    return httpx.request(method, url, headers=headers, json=message, timeout=20)
