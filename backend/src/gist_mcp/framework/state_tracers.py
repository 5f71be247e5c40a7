"""Reboot's spans name no state.

Stock, Reboot makes a tracer for each state that is called, named after the state with its id, and
keeps it for as long as the process runs, also where nobody collects traces. The ids of states are
those of sessions and accounts: they would leave with each trace, as names of services. Here all
spans come from the one tracer of the process.
"""

from typing import Final

from opentelemetry import trace

from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import tracing

_NAME: Final = "reboot"


@replaces(original(tracing._get_tracer))
def process_tracer(_state_name: str) -> trace.Tracer:
    """The tracer of this process, whatever the state."""
    # Of the global provider: it has the name of the application and the server, and exports nothing
    # where Reboot has started no exporter.
    return trace.get_tracer(_NAME)


def name_no_state() -> None:
    """From now on this process's spans name no state. May be called again."""
    tracing._get_tracer = process_tracer  # type: ignore[assignment]
