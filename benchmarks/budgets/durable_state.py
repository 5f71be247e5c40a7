"""The durable state that all processes of a deployment share, without Reboot.

The servicers are the real ones. Where Reboot would load a state, call the servicer and keep what it
has changed, the state is here in memory.
"""

import re
import sys
from typing import Any

from gist_mcp.servicers.guess_budget import GuessBudgetServicer
from gist_mcp.servicers.known_token import KnownTokensServicer

SERVICERS = (GuessBudgetServicer, KnownTokensServicer)


class StatesInMemory:
    """What `servicers.process_call.StateCalls` asks for. Each call ends before the next begins."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], Any] = {}

    async def call(
        self, state_type: Any, stub: Any, state_id: str, method: str, request: Any
    ) -> Any:
        """The answer of the state's servicer; a state that was never written is empty."""
        (servicer,) = [each for each in SERVICERS if issubclass(each, state_type.Servicer)]
        # Reboot generates a pair of conversions for each method, named after it.
        generated = vars(sys.modules[state_type.__module__])
        name = f"{state_type.__name__}{method}"
        state = self._states.setdefault((state_type.__name__, state_id), state_type.State())
        current = state_type.Servicer._state.set(state)
        try:
            python_name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower()
            handle = getattr(servicer(), python_name)
            response = await handle(None, generated[f"{name}RequestFromProto"](request))
        finally:
            state_type.Servicer._state.reset(current)
        return generated[f"{name}ResponseToProto"](response)
