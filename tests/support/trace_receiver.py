"""A receiver of traces, as an OpenTelemetry collector is one: OTLP over gRPC, on this machine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from tests.support.waiting import wait_until

ARRIVAL_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A span as it came. Ids are hexadecimal; `parent_id` is empty for the first of a trace."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    linked_trace_ids: tuple[str, ...]
    attributes: dict[str, Any]
    is_error: bool


class TraceReceiver(TraceServiceServicer):
    """What has come so far. `url` is where to send it, `raw` everything as bytes."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.raw = b""
        self.url = ""

    def Export(  # noqa: N802 - the name is gRPC's
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        """Takes some spans."""
        self.raw += request.SerializeToString()
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_received(span) for span in scope.spans]
        return ExportTraceServiceResponse()

    def named(self, name: str) -> list[ReceivedSpan]:
        """The spans with that name, as soon as there is one."""
        wait_until(f"a span {name}", lambda: bool(self._all(name)), seconds=ARRIVAL_SECONDS)
        return self._all(name)

    def _all(self, name: str) -> list[ReceivedSpan]:
        return [span for span in list(self.spans) if span.name == name]


def _received(span: Any) -> ReceivedSpan:
    values = {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }
    return ReceivedSpan(
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        linked_trace_ids=tuple(link.trace_id.hex() for link in span.links),
        attributes=values,
        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
    )


@contextmanager
def trace_receiver() -> Iterator[TraceReceiver]:
    """A running receiver, on a port of its own."""
    receiver = TraceReceiver()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    receiver.url = f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(grace=None).wait()
