"""Whose trace is continued, and that nothing happens where nobody exports traces.

Spans as they arrive at a collector: tests/e2e/test_metrics_and_traces.py.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, SpanKind

from gist_mcp.telemetry import tracing

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


def test_the_span_that_a_client_names_is_the_parent() -> None:
    parent = tracing.remote_parent(TRACEPARENT)

    context = trace.get_current_span(parent).get_span_context()
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE_ID, SPAN_ID)
    assert context.is_remote


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        7,
        ["00"],
        "",
        "nonsense",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01\nx: y",
        "0" * 100_000,
    ],
)
def test_a_malformed_one_is_ignored(malformed: object) -> None:
    assert tracing.remote_parent(malformed) is None


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_whatever_a_client_sends_is_a_parent_or_nothing(value: object) -> None:
    context = tracing.remote_parent(value)

    assert context is None or trace.get_current_span(context).get_span_context().is_valid


@pytest.mark.parametrize(
    "params", [{}, {"_meta": None}, {"_meta": []}, {"_meta": {"traceparent": "00-1-2-3"}}]
)
def test_a_message_without_a_context_belongs_to_the_running_span(params: dict[str, Any]) -> None:
    assert tracing.parent_of(params) == (None, ())


def test_a_message_with_one_belongs_to_that() -> None:
    parent, links = tracing.parent_of({"_meta": {"traceparent": TRACEPARENT}})

    assert trace.get_current_span(parent).get_span_context().trace_id == int(TRACE_ID, 16)
    assert links == ()


def test_where_nobody_exports_there_are_no_spans_and_no_headers() -> None:
    with tracing.span("x", SpanKind.SERVER, {}) as made:
        headers = tracing.own_headers()
    tracing.begins_call("a-call", {"_meta": {"traceparent": TRACEPARENT}})

    assert not tracing.is_on()
    assert made is INVALID_SPAN
    assert headers == {}
    assert tracing.parent_of_call("a-call") == ({}, ())
