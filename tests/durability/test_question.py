"""A question to the person, over the wire: asked once, answered once, over everything that fails.

Two server processes, and Reboot runs every tool twice to validate its effects.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession
from mcp.types import ElicitRequestFormParams, ElicitResult, TextContent

from gist_mcp.sessions.hop import HOP_HEADER
from tests.durability.stage import Stage, stage
from tests.support.mcp_client import ACCEPT, McpClient, RunningCall
from tests.support.sdk_client import sdk_streams
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

APPLICATION = Path(__file__).parents[1] / "support" / "asking_app.py"
CAN_BE_ASKED: dict[str, Any] = {"elicitation": {}}
ACCEPTED = {"action": "accept", "content": {}}
DECLINED = {"action": "decline"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(
        tmp_path_factory.mktemp("asking"),
        servers=2,
        effect_validation="quiet",
        application=APPLICATION,
    ) as running:
        yield running


def client(here: Stage, account: str = "octocat", **more: Any) -> McpClient:
    token = here.github.create_token(account)
    more.setdefault("capabilities", CAN_BE_ASKED)
    return McpClient(here.server.mcp_url, token, **more).open()


def asked(person: McpClient, text: str = "May I?") -> tuple[RunningCall, str]:
    """A call that waits for its answer, and the id of its question."""
    call = person.call("ask_me", text=text)
    return call, str(call.wait_for_question()["id"])


def test_an_answer_is_given_to_the_tool_and_nobody_is_asked_twice(here: Stage) -> None:
    person = client(here)
    call, question_id = asked(person)

    answered = person.respond(question_id, result=ACCEPTED)

    assert answered.status_code == 202
    assert call.wait().text == "accepted"
    (question,) = call.questions()
    assert question["params"] == {
        "message": "May I?",
        "requestedSchema": {"type": "object", "properties": {}},
    }


def test_an_error_is_no_yes_and_neither_is_a_second_answer(here: Stage) -> None:
    person = client(here, protocol_version="2025-11-25")
    call, question_id = asked(person)

    person.respond(question_id, error={"code": -32600, "message": "Elicitation not supported"})
    late = person.respond(question_id, result=ACCEPTED)

    assert call.wait().text == "cancelled"
    assert call.questions()[0]["params"]["mode"] == "form"
    # Also when the call has ended, and for what was never asked.
    assert late.status_code == 202
    assert person.respond("0" * 32, result=ACCEPTED).status_code == 202


def test_only_the_session_that_was_asked_can_answer(here: Stage) -> None:
    person, same_account, stranger = client(here), client(here), client(here, "hubot")
    call, question_id = asked(person)

    # Another session of the account knows no such question, and somebody else no such session.
    assert same_account.respond(question_id, result=ACCEPTED).status_code == 202
    stranger.session_id = person.session_id
    assert stranger.respond(question_id, result=ACCEPTED).status_code == 404
    # The header lets Envoy choose either process, also the one that does not own the session.
    answer = {"jsonrpc": "2.0", "id": question_id, "result": DECLINED}
    headers = {**person.headers, "Accept": ACCEPT, HOP_HEADER: "forged"}
    assert httpx.post(person.url, headers=headers, json=answer, timeout=30).status_code == 202

    assert call.wait().text == "declined"


def test_who_comes_back_is_asked_unless_they_have_the_question(here: Stage) -> None:
    person = client(here)
    call, question_id = asked(person)
    first_event, question_event = call.events[0], call.events[-1]

    call.cut()
    call.messages.clear()
    call.last_event_id = first_event
    call.resume().wait_for_question()
    call.cut()
    call.messages.clear()
    call.last_event_id = question_event
    call.resume()
    person.respond(question_id, result=ACCEPTED)

    assert call.wait().text == "accepted"
    assert call.questions() == []


def test_a_cancelled_call_takes_its_question_back(here: Stage) -> None:
    person = client(here)
    call, question_id = asked(person)

    person.cancel(call)

    assert call.wait().text == "The call was cancelled."
    taken_back = [each for each in call.messages if each and each.get("params")]
    assert taken_back[-1]["method"] == "notifications/cancelled"
    assert taken_back[-1]["params"]["requestId"] == question_id


@pytest.mark.parametrize(
    ("accept", "capabilities"),
    [(ACCEPT, {}), (ACCEPT, {"elicitation": {"url": {}}}), ("application/json", CAN_BE_ASKED)],
)
def test_who_cannot_be_asked_is_not_asked(
    here: Stage, accept: str, capabilities: dict[str, Any]
) -> None:
    person = client(here, capabilities=capabilities)
    call = {"name": "ask_me", "arguments": {"text": "May I?"}}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call}

    answer = httpx.post(
        person.url, headers={**person.headers, "Accept": accept}, json=message, timeout=30
    )

    assert "unanswered" in answer.text
    assert "elicitation/create" not in answer.text


def test_an_answer_counts_that_comes_after_the_server_was_killed(here: Stage) -> None:
    people = [client(here), client(here, "hubot"), client(here, "monalisa")]
    editor = client(here, name="Visual Studio Code")
    answers = RunningCall(editor, editor.call("ask_me", text="In an editor?").request_id).listen()
    editor_question = str(answers.wait_for_question()["id"])
    calls = [asked(person) for person in people]
    declined, waits, repeats = (call for call, _ in calls)
    sdk = asyncio.run(asked_by_the_sdk(here))

    # The answer is the first thing that the new process hears of the session.
    assert people[0].respond(calls[0][1], result=DECLINED).status_code == 202
    assert editor.respond(editor_question, result=ACCEPTED).status_code == 202
    declined.resume()
    answers.resume()
    waits.resume()
    # Its call goes on, and has nothing to ask that this client does not know.
    wait_until("the client to be back", lambda: waits.is_listening, seconds=20)
    people[1].respond(calls[1][1], result=ACCEPTED)
    again = RunningCall(people[2], repeats.request_id)
    again.start(tool_call(repeats.request_id))
    assert again.wait_for_question()["id"] == calls[2][1]
    people[2].respond(calls[2][1], result=ACCEPTED)

    assert declined.wait().text == "declined"
    assert waits.wait().text == "accepted"
    assert again.wait().text == "accepted"
    assert answers.wait().text == "accepted"
    assert len(declined.questions()) == len(waits.questions()) == len(answers.questions()) == 1
    assert sdk == ("accepted", ["May I?"])


async def asked_by_the_sdk(here: Stage) -> tuple[str, list[str]]:
    """What the SDK's client gets whose person answers after the server was killed, and what this
    person was asked."""
    seen = list[str]()

    async def answer(context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        seen.append(params.message)
        await asyncio.to_thread(here.server.restart)
        return ElicitResult(action="accept", content={})

    headers = {"Authorization": f"Bearer {here.github.create_token('octocat')}"}
    async with (
        sdk_streams(here.server.mcp_url, headers=headers) as (reading, writing),
        ClientSession(reading, writing, elicitation_callback=answer) as session,
    ):
        await session.initialize()
        result = await session.call_tool(
            "ask_me", {"text": "May I?"}, read_timeout_seconds=timedelta(seconds=90)
        )
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text, seen


def tool_call(json_rpc_id: int) -> dict[str, Any]:
    params = {"name": "ask_me", "arguments": {"text": "May I?"}}
    return {"jsonrpc": "2.0", "id": json_rpc_id, "method": "tools/call", "params": params}
