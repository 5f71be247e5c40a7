"""How many sessions and calls this process has open, told to the metrics."""

import asyncio
from typing import Final

from gist_mcp.sessions.admission import Admission
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.telemetry import metrics

EVERY_SECONDS: Final = 5.0
"""More often than Prometheus asks. Sessions leave by the time that passes, which nobody is told
of."""


async def tell_what_is_open(sessions: SessionCache, admission: Admission) -> None:
    """Tells it for as long as the process runs."""
    while True:
        metrics.now_open(sessions=len(sessions), calls=admission.open_calls)
        await asyncio.sleep(EVERY_SECONDS)
