"""Each call uses its owner's newest credential; the old one is never sent to GitHub again."""

import pytest

from tests.security.mcp_client import McpUser
from tests.security.world import World

pytestmark = pytest.mark.integration


def test_the_next_call_uses_the_new_token(world: World) -> None:
    old, new = world.token("monalisa"), world.token("monalisa")
    user = McpUser.connect(world.app.mcp_url, old)
    user.call("get_my_profile")
    asked_with_old = world.asked_about(old)

    user.token = new
    user.call("get_my_profile")
    user.call("list_my_gists")

    assert asked_with_old > 0
    assert world.asked_about(old) == asked_with_old
    assert world.asked_about(new) > 0


def test_every_way_to_ask_github_about_a_token_is_counted(world: World) -> None:
    token = world.token("monalisa")
    world.github.forget_requests()

    McpUser.connect(world.app.mcp_url, token).call("get_my_profile")

    seen = world.github.requests()
    in_a_body = [each for each in seen if each.path.endswith("/token")]
    as_a_bearer = [each for each in seen if each.token_sha256 is not None]
    assert in_a_body
    assert as_a_bearer
    assert world.asked_about(token) == len(in_a_body) + len(as_a_bearer)


def test_a_dead_token_ends_at_the_front_door_and_the_new_one_goes_on(world: World) -> None:
    old = world.token("monalisa")
    user = McpUser.connect(world.app.mcp_url, old)
    user.call("get_my_profile")
    world.github.revoke_tokens("monalisa")
    user.token = world.token("monalisa")

    result = user.call("get_my_profile")

    assert "monalisa" in str(result)
