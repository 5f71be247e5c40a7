"""Reboot's wait for a task, which asks nobody who they are, is not for the public port.

Stock, whoever knows a session's id and the id of a call in it gets the call's response, without a
token. And whoever leaves such a wait breaks the call: Reboot 0.40.1 cancels with the wait what the
call is to complete, and its response is lost.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import pytest
from rbt.v1alpha1.tasks_pb2 import TaskId, WaitRequest

from gist_mcp.http.rpc_refusals import AMONG_SERVERS
from gist_mcp.sessions.placement import SESSION_TYPE
from tests.security import rpc
from tests.security.mcp_client import McpUser, answer_of, tool_message
from tests.security.rpc import Call
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]

CALL_ID = 7
WAIT_SECONDS = 2.0
"""How long an attacker waits for a call that does not end, before they leave."""

TASKS = "rbt.v1alpha1.Tasks"
HEADERS: dict[str, dict[str, str]] = {
    "no token": {},
    "an origin of this machine": {"origin": "http://localhost"},
    "within the application": {"x-reboot-app-internal": "true"},
}


@contextmanager
def running_call(user: McpUser, name: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
    """A call that has begun: our id of it, and the lines that are still to come."""
    message = tool_message(CALL_ID, name, arguments)
    with httpx.stream("POST", user.url, headers=user.headers, json=message, timeout=30) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("id:"))
        yield first.removeprefix("id:").strip().partition("/")[0], lines


def ended_call(user: McpUser) -> str:
    """Our id of a call whose response was sent."""
    with running_call(user, "get_my_profile") as (request_id, lines):
        assert user_of(lines)
    return request_id


def user_of(lines: Any) -> str:
    """What the response of a call says, as text."""
    return json.dumps(answer_of("\n".join(lines), CALL_ID)["result"])


def wait_for(user: McpUser, request_id: str, headers: dict[str, str]) -> tuple[Call, Any]:
    """The attack, as bytes and as JSON."""
    state_ref = f"{SESSION_TYPE}:{user.session_id}"
    task_uuid = bytes.fromhex(request_id)
    request = WaitRequest(
        task_id=TaskId(state_type=SESSION_TYPE, state_ref=state_ref, task_uuid=task_uuid)
    )
    as_json = {
        "taskId": {
            "stateType": SESSION_TYPE,
            "stateRef": state_ref,
            "taskUuid": base64.b64encode(task_uuid).decode(),
        }
    }
    call = Call(
        TASKS,
        "Wait",
        SESSION_TYPE,
        state_id=user.session_id,
        request=request.SerializeToString(),
        headers=headers,
    )
    return call, as_json


@pytest.fixture(scope="module")
def victim(world: World) -> McpUser:
    return McpUser.connect(world.app.mcp_url, world.token("octocat"))


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_the_response_of_a_call_is_not_given_to_who_has_only_ids(
    world: World, victim: McpUser, headers: dict[str, str]
) -> None:
    call, as_json = wait_for(victim, ended_call(victim), headers)

    answers = [
        rpc.by_grpc(world.app.port, call),
        rpc.by_transcoding(world.app.port, call, json=as_json),
        rpc.by_mangled_path(world.app.port, call, json=as_json),
    ]

    assert [each.status for each in answers] == ["PERMISSION_DENIED", "403", "403"]
    assert not [each for each in answers if b"octocat" in each.body]


def test_who_leaves_a_wait_for_a_running_call_does_not_break_it(world: World) -> None:
    victim = McpUser.connect(world.app.mcp_url, world.token("octocat"))
    held = world.github.add_fault("hang_before", method="POST", path="/gists")
    gist = {"description": "d", "filename": "a.md", "content": "x"}
    with running_call(victim, "create_gist", **gist) as (request_id, lines):
        held.wait_until_held()
        call, _ = wait_for(victim, request_id, {})

        status = left_wait(world.app.port, call)
        held.release()

        assert '"isError": false' in user_of(lines)
    world.github.remove_faults()
    assert status == "PERMISSION_DENIED"


def left_wait(port: int, call: Call) -> str:
    """Waits, and leaves when there is no answer."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        invoke: Any = channel.unary_unary(f"/{call.service}/{call.method}")
        metadata = [(rpc.STATE_REF, call.state_ref)]
        try:
            invoke(call.request, metadata=metadata, timeout=WAIT_SECONDS)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


@pytest.mark.parametrize("path", AMONG_SERVERS)
def test_what_servers_ask_each_other_nobody_asks_from_outside(world: World, path: str) -> None:
    service, _, method = path.strip("/").partition("/")
    call = Call(service, method or "Prepare", SESSION_TYPE)

    assert rpc.by_grpc(world.app.port, call).status == "PERMISSION_DENIED"


SPELLINGS = (
    f"/{TASKS}/Wait?x=1",
    f"/{TASKS}/Wait/",
    f"//{TASKS}/Wait",
    f"/./{TASKS}/Wait",
    f"/x/../{TASKS}/Wait",
    f"/{TASKS}/%57ait",
    f"/{TASKS.lower()}/wait",
    f"/__/reboot/rpc/%s//{TASKS}/Wait",
    f"/__/reboot/rpc/%s/./{TASKS}/Wait",
    f"/__/reboot/rpc/%s/{TASKS}/Wait?x=1",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_other_spelling_of_the_path_is_a_way_in(
    world: World, victim: McpUser, spelling: str
) -> None:
    call, as_json = wait_for(victim, ended_call(victim), {})
    path = spelling.replace("%s", call.state_ref.replace(":", "%3A"))
    # As bytes: the client would put the path in order.
    url = httpx.URL(world.app.url).copy_with(raw_path=path.encode())

    answer = httpx.post(url, headers={rpc.STATE_REF: call.state_ref}, json=as_json, timeout=20)

    assert answer.status_code in (400, 403, 404, 405, 415), answer.text
    assert "octocat" not in answer.text
