"""Who owns a session is durable, and what the old process remembered is not needed for it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.security.mcp_client import McpUser, mcp_headers, tool_message
from tests.security.world import World, running_world

pytestmark = pytest.mark.integration


@pytest.fixture
def restarting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment to kill."""
    with running_world(tmp_path_factory.mktemp("restarting")) as running:
        yield running


REQUESTS = [("POST", None), ("GET", None), ("GET", f"{'7' * 32}/7"), ("DELETE", None)]


def test_the_owner_gets_in_and_nobody_else(restarting: World) -> None:
    owner = McpUser.connect(restarting.app.mcp_url, restarting.token("octocat"))
    owner.call("get_my_profile")
    deleted = McpUser.connect(restarting.app.mcp_url, restarting.token("octocat"))
    httpx.delete(deleted.url, headers=deleted.headers)

    restarting.app.restart()
    mallory = restarting.token("hubot")
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
    owner.token = restarting.token("octocat")
    assert "octocat" in str(owner.call("get_my_profile"))


def ask(url: str, method: str, token: str, session_id: str, event: str | None) -> httpx.Response:
    """One request in a session, from whoever has the token."""
    headers = mcp_headers(token, session_id)
    if event is not None:
        headers["Last-Event-ID"] = event
    message = tool_message(7, "get_my_profile", {}) if method == "POST" else None
    return httpx.request(method, url, headers=headers, json=message, timeout=20)
