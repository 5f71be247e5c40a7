"""Spans of OpenTelemetry, where Reboot exports traces; otherwise nothing, at no cost.

Reboot starts an exporter in each of its processes if `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set
(`rebootdev/aio/tracing.py`), and makes spans of calls to durable state. Ours go the same way. The
names of attributes are those of OpenTelemetry's semantic conventions for HTTP and for MCP; the
latter are in development.

An attribute holds one of a known set of words, a number, or an id of ours. No session id, no
JSON-RPC id (a client chooses it), no path with somebody's id in it, no text of an error or of an
argument.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cachetools import LRUCache
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT: Final = "traceparent"

MAX_CALLS: Final = 10_000
"""Calls of which a process remembers to which trace they belong."""

Attributes = Mapping[str, str | int | bool]

_W3C: Final = TraceContextTextMapPropagator()
_TRACER: Final = trace.get_tracer("gist_mcp")
"""Takes up the exporter that is started later."""

_calls: Final[LRUCache[str, tuple[Context, tuple[Link, ...]]]] = LRUCache(MAX_CALLS)


def is_on() -> bool:
    """True if this process exports traces."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind,
    attributes: Attributes,
    *,
    parent: Context | None = None,
    links: tuple[Link, ...] = (),
    error_type: str | None = None,
) -> Iterator[Span]:
    """A span meanwhile, below `parent` or else the current one. One that records nothing if off.

    An exception makes it an error of `error_type`, or else of the exception's own type. Its text is
    not told.
    """
    if not is_on():
        yield INVALID_SPAN
        return
    with _TRACER.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=dict(attributes),
        links=links,
        # Both would put the text of the exception into the trace.
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            failed(made, error_type or type(error).__name__)
            raise


def failed(made: Span, error_type: str) -> None:
    """The operation of the span has failed. `error_type` is one of few words."""
    made.set_attribute("error.type", error_type)
    made.set_status(Status(StatusCode.ERROR))


def remote_parent(traceparent: object) -> Context | None:
    """The client's context (W3C Trace Context, 3.2), `None` for what is malformed.

    Nothing else is taken over: `tracestate` and `baggage` may be any text.
    """
    if not isinstance(traceparent, str):
        return None
    context = _W3C.extract({TRACEPARENT: traceparent}, context=Context())
    return context if trace.get_current_span(context).get_span_context().is_valid else None


def own_headers() -> dict[str, str]:
    """The headers that tell another process of ours which span it works for; none if off."""
    headers: dict[str, str] = {}
    if is_on():
        _W3C.inject(headers)
    headers.pop("tracestate", None)
    return headers


def parent_of(params: Mapping[str, Any]) -> tuple[Context | None, tuple[Link, ...]]:
    """To what the span of an MCP message belongs, with its links.

    To the span that the client names in `params._meta`. Then the HTTP request, whose span is the
    current one, is linked: the two need not be of one trace. Otherwise to the current span
    (`None`).
    """
    meta = params.get("_meta")
    parent = remote_parent(meta.get(TRACEPARENT)) if isinstance(meta, dict) else None
    if parent is None:
        return None, ()
    current = trace.get_current_span().get_span_context()
    return parent, (Link(current),) if current.is_valid else ()


def begins_call(call_id: str, params: Mapping[str, Any]) -> None:
    """The running request begins a call of ours, whose workflow has a span of its own."""
    if is_on():
        parent, links = parent_of(params)
        current = trace.set_span_in_context(trace.get_current_span(), Context())
        _calls[call_id] = (current if parent is None else parent, links)


def parent_of_call(call_id: str) -> tuple[Context, tuple[Link, ...]]:
    """To what the span of a call belongs. To nothing for a call that another process has begun:
    it begins a trace of its own."""
    return _calls.get(call_id, (Context(), ()))
