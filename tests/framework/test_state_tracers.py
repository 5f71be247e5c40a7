"""Spans of Reboot name no state, and no tracer is kept for one."""

from opentelemetry import trace

from gist_mcp.framework.private_names import tracing
from gist_mcp.framework.state_tracers import name_no_state


def test_every_state_has_the_tracer_of_the_process() -> None:
    name_no_state()
    kept = dict(tracing._tracers)

    made = {type(tracing._get_tracer(f"McpSession('{number}')")) for number in range(3)}

    assert made == {type(trace.get_tracer("any"))}
    assert tracing._tracers == kept
