"""What is published or deleted is asked for first, over the wire, and nobody gets around it.

Two server processes, Reboot runs every tool twice, and the operator has set `PUBLIC_GISTS=ask`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gist_mcp.sessions.hop import HOP_HEADER
from tests.durability.stage import Player, Stage, stage
from tests.support.confirm import confirm_token
from tests.support.mcp_client import McpClient, server_sent_events

pytestmark = pytest.mark.integration

GIST = {"description": "d", "filename": "a.txt", "content": "x", "public": True}
SECRET = "ghp_" + "b2" * 18
CAN_BE_ASKED: dict[str, Any] = {"elicitation": {}}
READ_ONLY = {"X-MCP-Readonly": "true"}
OTHER_PROCESS = {HOP_HEADER: "forged"}
"""Envoy gives a request with it to either process."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(
        tmp_path_factory.mktemp("confirming"),
        servers=2,
        effect_validation="quiet",
        settings={"PUBLIC_GISTS": "ask"},
    ) as running:
        yield running


@pytest.fixture
def player(here: Stage, request: pytest.FixtureRequest) -> Player:
    """Somebody with an account of their own, whose client cannot ask them."""
    return here.player_with_own_account(request.node.name)


def session_of(player: Player, **more: Any) -> McpClient:
    """Another session of theirs."""
    return McpClient(player.stage.server.mcp_url, player.token, **more).open()


def made(player: Player) -> int:
    return len(player.stage.github.gists(player.account))


def test_a_token_publishes_once_however_often_it_is_used(player: Player) -> None:
    asked = player.client.call("create_gist", **GIST).wait()
    assert asked.is_error
    assert made(player) == 0
    confirm = confirm_token(asked.text)

    # At the same time, from two sessions.
    clients = (player.client, session_of(player))
    calls = [client.call("create_gist", **GIST, confirm=confirm) for client in clients]
    results = [call.wait() for call in calls]
    later = player.client.call("create_gist", **GIST, confirm=confirm).wait()

    assert sorted(result.is_error for result in results) == [False, True]
    assert later.is_error
    assert "used already" in later.text
    assert made(player) == 1


def test_a_token_is_good_for_nobody_and_nothing_else(here: Stage, player: Player) -> None:
    gist_id = here.github.create_gists(player.account, {"a.txt": "x"})[0].gist_id
    confirm = confirm_token(player.client.call("create_gist", **GIST).wait().text)
    stranger = here.player_with_own_account("stranger")

    refused = [
        player.client.call("create_gist", **{**GIST, "content": "y"}, confirm=confirm),
        player.client.call("delete_gist", gist_id=gist_id, confirm=confirm),
        stranger.client.call("create_gist", **GIST, confirm=confirm),
        player.client.call("create_gist", **GIST, confirm=confirm[:-1] + "A"),
        player.client.call("create_gist", **GIST, confirm="yes"),
    ]

    assert ["not for exactly this" in call.wait().text for call in refused] == [True] * 5
    assert (made(player), made(stranger)) == (1, 0)


def test_a_secret_is_named_and_not_shown(here: Stage, player: Player) -> None:
    arguments = {**GIST, "public": False, "content": f"one\nkey = {SECRET}\n"}

    asked = player.client.call("create_gist", **arguments).wait()
    confirm = confirm_token(asked.text)
    result = player.client.call("create_gist", **arguments, confirm=confirm).wait()

    assert "- `a.txt`, line 2: GitHub Token" in asked.text
    assert SECRET not in asked.text
    assert not result.is_error
    log = here.server.log()
    assert SECRET not in log
    assert confirm not in log


@pytest.mark.parametrize(("answer", "gists"), [("accept", 1), ("decline", 0), ("cancel", 0)])
def test_who_can_be_asked_decides(player: Player, answer: str, gists: int) -> None:
    client = session_of(player, capabilities=CAN_BE_ASKED)
    # A token is not asked for, and none is taken, where the person can be asked.
    confirm = confirm_token(player.client.call("create_gist", **GIST).wait().text)
    call = client.call("create_gist", **GIST, confirm=confirm)
    question = call.wait_for_question()

    client.respond(question["id"], result={"action": answer, "content": {}})

    assert call.wait().is_error is (gists == 0)
    assert "Create a public gist.\n- `a.txt`, 1 bytes" in question["params"]["message"]
    assert made(player) == gists


def test_a_read_only_client_changes_nothing_whichever_process_it_meets(player: Player) -> None:
    session = session_of(player)
    for headers in (READ_ONLY, READ_ONLY | OTHER_PROCESS, READ_ONLY | OTHER_PROCESS):
        session.more_headers = headers

        tools = {tool["name"] for tool in result_of(session, "tools/list")["tools"]}
        call = session.call("create_gist", **GIST).wait()

        assert {"get_gist", "list_my_gists", "search_my_gists"} <= tools
        assert not any(name.startswith(("create", "update", "delete", "star")) for name in tools)
        assert call.is_error
        assert "read-only" in call.text
        assert "X-MCP-Readonly" in call.text
        assert session.call("get_my_profile").wait().is_error is False
    # It holds for a request, and `false` loosens nothing that the operator has set.
    session.more_headers = {"X-MCP-Readonly": "false"}
    assert "create_gist" in json.dumps(result_of(session, "tools/list"))
    assert "This has to be confirmed" in session.call("create_gist", **GIST).wait().text
    assert made(player) == 0


@pytest.mark.parametrize("value", ["yes", "", "1", "true, false"])
def test_a_value_that_is_neither_true_nor_false_is_refused(player: Player, value: str) -> None:
    session = session_of(player)
    session.more_headers = {"X-MCP-Readonly": value}

    assert session.touch().status_code == 400


def test_an_answer_after_a_restart_lets_the_gist_be_made(here: Stage, player: Player) -> None:
    client = session_of(player, capabilities=CAN_BE_ASKED)
    call = client.call("create_gist", **GIST)
    question = call.wait_for_question()
    here.server.restart()

    answered = client.respond(question["id"], result={"action": "accept", "content": {}})

    assert answered.status_code == 202
    assert not call.resume().wait().is_error
    assert made(player) == 1


def result_of(client: McpClient, method: str) -> dict[str, Any]:
    response = client.ask(method)
    if response.headers["content-type"].startswith("text/event-stream"):
        (message,) = [each for _, each in server_sent_events(response) if each]
    else:
        message = response.json()
    result: dict[str, Any] = message["result"]
    return result
