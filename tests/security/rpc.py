"""The attacks on Reboot's RPC surface, over the three ways in that Envoy offers.

The same functions run against stock DurableMCP, where they succeed (`test_attacks_on_stock.py`),
and against ours. Nothing here uses generated stubs: an attacker has a descriptor and a socket.
"""

import pickle
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
import httpx
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rbt.v1alpha1 import react_pb2
from tests.support.consent_form import NO_CERTIFICATES

TIMEOUT_SECONDS = 10.0
STATE_REF = "x-reboot-state-ref"
NOW = "x-reboot-task-schedule"
"""Reboot's header for "run this as a task"; empty means at once."""


@dataclass(frozen=True)
class Answer:
    """What came back: gRPC's status name or HTTP's number, and the bytes of the answer."""

    status: str
    body: bytes

    @property
    def is_success(self) -> bool:
        """True if the method ran."""
        return self.status in ("OK", "200")


@dataclass(frozen=True)
class Call:
    """A method of a state, with what an attacker sends along."""

    service: str
    method: str
    state_type: str
    state_id: str = "attacked"
    request: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def state_ref(self) -> str:
        """The state as Envoy's routing header names it."""
        return f"{self.state_type}:{self.state_id}"


def by_grpc(port: int, call: Call) -> Answer:
    """A plain gRPC call to the public port."""
    metadata = [(STATE_REF, call.state_ref), *call.headers.items()]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        invoke: Any = channel.unary_unary(f"/{call.service}/{call.method}")
        try:
            body = invoke(call.request, metadata=metadata, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return Answer(error.code().name, (error.details() or "").encode())
    return Answer("OK", body)


def by_transcoding(port: int, call: Call, *, json: Any = None) -> Answer:
    """JSON over HTTP, which Envoy turns into gRPC."""
    answer = httpx.post(
        f"http://127.0.0.1:{port}/{call.service}/{call.method}",
        headers={STATE_REF: call.state_ref, **call.headers},
        json=json if json is not None else {},
        timeout=TIMEOUT_SECONDS,
        verify=NO_CERTIFICATES,
    )
    return Answer(str(answer.status_code), answer.content)


def by_mangled_path(port: int, call: Call, *, json: Any = None) -> Answer:
    """The same with the state in the path, as Reboot's browser code sends it."""
    state_ref = call.state_ref.replace("/", "%5C").replace(":", "%3A")
    answer = httpx.post(
        f"http://127.0.0.1:{port}/__/reboot/rpc/{state_ref}/{call.service}/{call.method}",
        headers=call.headers,
        json=json if json is not None else {},
        timeout=TIMEOUT_SECONDS,
        verify=NO_CERTIFICATES,
    )
    return Answer(str(answer.status_code), answer.content)


def by_websocket_mutation(port: int, call: Call, *, bearer: str | None = None) -> Answer:
    """A mutation as Reboot's React client sends it."""
    message = react_pb2.MutateRequest(
        method=call.method, request=call.request, idempotency_key=str(uuid.uuid4())
    )
    if bearer is not None:
        message.bearer_token = bearer
    return _by_websocket(port, call, "Mutate", message, react_pb2.MutateResponse())


def by_websocket_query(port: int, call: Call, *, bearer: str | None = None) -> Answer:
    """A reactive read as Reboot's React client sends it."""
    message = react_pb2.QueryRequest(method=call.method, request=call.request)
    if bearer is not None:
        message.bearer_token = bearer
    return _by_websocket(port, call, "Query", message, react_pb2.QueryResponse())


def by_react_query(port: int, call: Call, *, bearer: str | None = None) -> Answer:
    """A reactive read over gRPC."""
    message = react_pb2.QueryRequest(method=call.method, request=call.request)
    metadata = [(STATE_REF, call.state_ref), *call.headers.items()]
    if bearer is not None:
        metadata.append(("authorization", f"Bearer {bearer}"))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        invoke: Any = channel.unary_stream("/rbt.v1alpha1.React/Query")
        stream = invoke(message.SerializeToString(), metadata=metadata, timeout=TIMEOUT_SECONDS)
        try:
            answer = react_pb2.QueryResponse()
            answer.ParseFromString(next(stream))
        except grpc.RpcError as error:
            return Answer(error.code().name, (error.details() or "").encode())
        finally:
            stream.cancel()
    return _react_answer(answer)


def _by_websocket(port: int, call: Call, kind: str, message: Any, response: Any) -> Answer:
    path = f"/__/reboot/rpc/{call.state_ref.replace(':', '%3A')}/rbt.v1alpha1.React/{kind}"
    try:
        socket = connect(
            f"ws://127.0.0.1:{port}{path}",
            additional_headers=call.headers,
            open_timeout=TIMEOUT_SECONDS,
            close_timeout=0.1,
        )
    except InvalidStatus as refusal:
        return Answer(str(refusal.response.status_code), refusal.response.body or b"")
    with socket:
        socket.send(message.SerializeToString())
        answer = socket.recv(timeout=TIMEOUT_SECONDS)
    assert isinstance(answer, bytes)
    response.ParseFromString(answer)
    return _react_answer(response)


def _react_answer(answer: Any) -> Answer:
    if answer.HasField("status"):
        return Answer("REFUSED", answer.status.encode())
    return Answer("OK", answer.response)


class _MakesAFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self._path), "w"))


def pickle_that_makes(path: Path) -> bytes:
    """A pickle that creates `path` in the process that loads it."""
    return pickle.dumps(_MakesAFile(path))


class AnyWay(Protocol):
    """One of the ways in."""

    __name__: str

    def __call__(self, port: int, call: Call) -> Answer:
        """Carries out the attack."""


class HttpWay(Protocol):
    """One of the ways in that take JSON."""

    __name__: str

    def __call__(self, port: int, call: Call, *, json: Any = None) -> Answer:
        """Carries out the attack."""
