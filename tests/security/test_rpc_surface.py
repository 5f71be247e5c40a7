"""Reboot's RPC surface admits only the application.

Envoy offers every method of every state on the public port, in six ways. The methods are taken
from what `build_application` serves, so a state type added later is attacked too.
"""

import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from rbt.mcp.v1 import session_pb2

from tests.security import rpc
from tests.security.rpc import Call
from tests.security.served import ServedMethod, served_methods
from tests.security.world import World, in_both_modes

pytestmark = [pytest.mark.integration, in_both_modes]

METHODS = served_methods()
DENIED = "PERMISSION_DENIED"
HTTP_STATUSES = {DENIED: "403", "UNKNOWN": "500"}

FORGED_HEADERS = {
    "x-reboot-app-internal": "true",
    "x-reboot-workflow-id": "6f1c1c7e-31f6-4d8e-8a8e-0f7b9a4e2d10",
    "x-reboot-idempotency-key": "0d1bb0a5-0a0c-4c2b-93a5-6a6a0b5f0a11",
    "x-gist-mcp-hop": "AAAA",
    "x-forwarded-client-cert": "By=spiffe://reboot;URI=spiffe://reboot",
}


@pytest.fixture(scope="module")
def credentials(world: World) -> dict[str, dict[str, str]]:
    """What strangers and users may send along, by name."""
    user = {"authorization": f"Bearer {world.token()}"}
    return {
        "no token": {},
        "garbage": {"authorization": "Bearer garbage"},
        "an empty token": {"authorization": "Bearer"},
        "a user's token": user,
        "forged headers": {**user, **FORGED_HEADERS},
        "a task": {rpc.NOW: ""},
        "a user's task": {**user, rpc.NOW: ""},
    }


def call_to(served: ServedMethod, headers: dict[str, str]) -> Call:
    return Call(
        served.service,
        served.method,
        served.state_type,
        request=served.request.SerializeToString(),
        headers=headers,
    )


def refusal(world: World, served: ServedMethod, headers: dict[str, str]) -> str:
    """Reboot refuses to call a workflow that is not a task before it asks who is calling. In
    production it is not asked."""
    is_stumble = served.is_workflow and rpc.NOW not in headers and not world.is_production
    return "UNKNOWN" if is_stumble else DENIED


def test_a_request_without_its_fields_is_denied_like_any_other(
    world: World, credentials: dict[str, dict[str, str]]
) -> None:
    """Nothing of a stranger's request is looked at, and nothing of ours is named or logged."""
    logged = len(world.app.log())
    statuses = {}
    for served in METHODS:
        for name in ("no token", "a task"):
            headers = credentials[name]
            call = dataclasses.replace(call_to(served, headers), request=b"")
            answers = [rpc.by_grpc(world.app.port, call), rpc.by_transcoding(world.app.port, call)]
            expected = refusal(world, served, headers)
            statuses[f"{served} {name}"] = [each.status for each in answers] == [
                expected,
                HTTP_STATUSES[expected],
            ]

    assert [name for name, is_refused in statuses.items() if not is_refused] == []
    new_lines = world.app.log()[logged:]
    assert "ValidationError" not in new_lines
    assert "_pydantic" not in new_lines


def json_of(served: ServedMethod) -> Any:
    return MessageToDict(served.request)


@pytest.mark.parametrize("served", METHODS, ids=str)
def test_no_method_answers_grpc(
    world: World, credentials: dict[str, dict[str, str]], served: ServedMethod
) -> None:
    statuses = {
        name: rpc.by_grpc(world.app.port, call_to(served, headers)).status
        for name, headers in credentials.items()
    }

    assert statuses == {name: refusal(world, served, credentials[name]) for name in credentials}


@pytest.mark.parametrize("served", METHODS, ids=str)
def test_no_method_answers_http(
    world: World, credentials: dict[str, dict[str, str]], served: ServedMethod
) -> None:
    statuses = {
        (name, way.__name__): way(
            world.app.port, call_to(served, headers), json=json_of(served)
        ).status
        for name, headers in credentials.items()
        for way in (rpc.by_transcoding, rpc.by_mangled_path)
    }

    expected = {name: refusal(world, served, headers) for name, headers in credentials.items()}
    assert statuses == {(name, way): HTTP_STATUSES[expected[name]] for name, way in statuses}


@pytest.mark.parametrize("served", METHODS, ids=str)
def test_no_method_answers_the_reactive_interface(
    world: World, credentials: dict[str, dict[str, str]], served: ServedMethod
) -> None:
    port, user = world.app.port, credentials["a user's token"]["authorization"].split()[1]
    call = call_to(served, {})
    forged = call_to(served, FORGED_HEADERS)
    answers = [
        way(port, each, bearer=bearer)
        for way in (rpc.by_websocket_mutation, rpc.by_websocket_query, rpc.by_react_query)
        for each in (call, forged)
        for bearer in (None, "garbage", user)
    ]

    assert not [each for each in answers if each.is_success or b"not constructed" in each.body]
    assert all(_refuses(each) for each in answers), answers


def _refuses(answer: rpc.Answer) -> bool:
    """Denied; not connected; or a method that the reactive interface does not know at all."""
    return answer.status in (DENIED, HTTP_STATUSES[DENIED]) or any(
        reason in answer.body for reason in (b"PermissionDenied", b"InvalidMethod", b"is invalid")
    )


@pytest.fixture
def booby_trap(tmp_path: Path) -> Iterator[Path]:
    """A file that appears if somebody unpickles what a stranger sent."""
    trap = tmp_path / "unpickled"
    yield trap
    assert not trap.exists()


@pytest.mark.parametrize("method", ["HandleMessage", "Run"])
def test_a_pickle_from_outside_is_not_opened(
    world: World, credentials: dict[str, dict[str, str]], booby_trap: Path, method: str
) -> None:
    port, payload = world.app.port, rpc.pickle_that_makes(booby_trap)
    request = session_pb2.HandleMessageRequest(path="/mcp", message_bytes=payload)
    json = {"path": "/mcp", "messageBytes": base64.b64encode(payload).decode()}
    statuses = []
    for number, headers in enumerate(credentials.values()):
        call = Call(
            "rbt.mcp.v1.SessionMethods",
            method,
            "rbt.mcp.v1.Session",
            state_id=f"trap-{number}",
            request=request.SerializeToString(),
            headers=headers,
        )
        statuses += [
            rpc.by_grpc(port, call).status,
            rpc.by_transcoding(port, call, json=json).status,
            rpc.by_mangled_path(port, call, json=json).status,
        ]

    # Without a schedule the framework stumbles over its own assertion, before anything runs.
    stumbles = set() if world.is_production else {"UNKNOWN", "500"}
    assert set(statuses) == {DENIED, "403", *stumbles}
