"""The owner of a session looks once more whose request it is, should another process ever be wrong.

None ever is, so the attack is a process in the wrong: a hop sealed with the server's own key, for a
request of one account in the session of another.
"""

import time
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.hop import HOP_HEADER, Authenticated, Hop, seal_hop
from gist_mcp.tokens.sealing import Sealer
from tests.security.mcp_client import McpUser, answer_of, mcp_headers, tool_message
from tests.security.world import TOKEN_KEYS, World, running_world

pytestmark = pytest.mark.integration

CALLS = [
    ("get_my_profile", {}),
    ("list_my_gists", {}),
    ("create_gist", {"description": "d", "filename": "f.md", "content": "c"}),
]


@pytest.fixture(scope="module")
def deceived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of its own: another account's credential is left in a vault of it."""
    with running_world(tmp_path_factory.mktemp("deceived")) as running:
        yield running


def in_the_wrong_session(
    world: World, owner: McpUser, login: str, message: dict[str, object], tool_name: str
) -> httpx.Response:
    """A request of `login` as the first process would hand it on, had it not asked whose
    session it is."""
    user = next(each for each in world.github.users() if each.login == login)
    user_id = GitHubUserId(user.user_id)
    state_ref = f"gist_state.v1.McpSession:{owner.session_id}"
    caller = Authenticated(
        session_id=McpSessionId(owner.session_id),
        is_new=False,
        principal=Principal(
            issuer=world.github.url, user_id=user_id, login=login, client_id=world.github.client_id
        ),
        credential=GitHubCredential(
            token=GitHubToken(world.token(login)),
            user_id=user_id,
            login=login,
            scopes=frozenset({"gist", "read:user"}),
        ),
    )
    hop = Hop(method="POST", path="/mcp", state_ref=state_ref, caller=caller)
    headers = mcp_headers(None, owner.session_id) | {
        HOP_HEADER: seal_hop(Sealer([TOKEN_KEYS]), hop, now_seconds=time.time()),
        "x-reboot-state-ref": state_ref,
    }
    return httpx.post(world.app.mcp_url, headers=headers, json=message, timeout=30)


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_call_of_another_account_is_refused(
    deceived: World, name: str, arguments: dict[str, object]
) -> None:
    owner = McpUser.connect(deceived.app.mcp_url, deceived.token("octocat"))
    owner.call("get_my_profile")
    message = tool_message(70, name, arguments)

    answer = in_the_wrong_session(deceived, owner, "hubot", message, name)

    assert answer.status_code == 404
    assert "octocat" not in answer.text
    assert deceived.github.gists("octocat") == deceived.github.gists("hubot") == []


def test_the_owner_goes_on_after_it(deceived: World) -> None:
    owner = McpUser.connect(deceived.app.mcp_url, deceived.token("octocat"))
    message = tool_message(70, "get_my_profile", {})
    in_the_wrong_session(deceived, owner, "hubot", message, "get_my_profile")

    assert "octocat" in str(owner.call("get_my_profile"))


def test_the_same_request_of_the_owner_is_carried_out(deceived: World) -> None:
    """So it is the account that is refused, and not the way that the request came."""
    owner = McpUser.connect(deceived.app.mcp_url, deceived.token("octocat"))
    message = tool_message(70, "get_my_profile", {})

    answer = in_the_wrong_session(deceived, owner, "octocat", message, "get_my_profile")

    assert "octocat" in str(answer_of(answer.text, 70)["result"])
