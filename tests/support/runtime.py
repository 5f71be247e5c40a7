"""A state type on the real Reboot runtime, in this process and driven from plain functions."""

import asyncio
import secrets
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from reboot.aio.applications import Application
from reboot.aio.external import ExternalContext
from reboot.aio.tests import Reboot
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.framework.private_names import TokenVerifier
from gist_mcp.servicers.unlogged_call import call_without_key

CALL_SECONDS = 60.0


@dataclass
class Runtime:
    """A running application and the loop that it runs on. Tests add calls of their state type."""

    runner: asyncio.Runner
    rbt: Reboot
    context: ExternalContext

    def run(self, work: Awaitable[Any]) -> Any:
        """The result of a call."""

        async def in_time() -> Any:
            async with asyncio.timeout(CALL_SECONDS):
                return await work

        return self.runner.run(in_time())


class Contexts(Protocol):
    """What of Reboot's runtime makes contexts."""

    def create_external_context(self, *, name: str, app_internal: bool = ...) -> ExternalContext:
        """Where calls of state types begin."""
        ...


class RuntimeCalls:
    """Calls of states where no request is at hand. The states are this object's own."""

    def __init__(self, rbt: Contexts) -> None:
        self._rbt = rbt
        self._prefix = secrets.token_hex(8)

    async def call(
        self, state_type: Any, stub: Any, state_id: str, method: str, request: Any
    ) -> Any:
        """As `gist_mcp.servicers.process_call` has it."""
        context = self._rbt.create_external_context(name="test", app_internal=True)
        own_id = self.own_id(state_id)
        return await call_without_key(context, state_type, stub, own_id, method, request)

    def own_id(self, state_id: str) -> str:
        """How this object's state is called at Reboot."""
        return f"{self._prefix}-{state_id}"


@contextmanager
def running[R: Runtime](
    kind: type[R],
    servicer: type | tuple[type, ...],
    runner: asyncio.Runner,
    effect_validation: EffectValidation = EffectValidation.QUIET,
    token_verifier: TokenVerifier | None = None,
) -> Iterator[R]:
    """An application that serves this one state type, or these, on the runner's loop.

    `token_verifier` recognises those who are not the application itself.
    """
    servicers = list(servicer) if isinstance(servicer, tuple) else [servicer]
    rbt = Reboot()

    async def up() -> ExternalContext:
        await rbt.start()
        await rbt.up(
            Application(servicers=servicers, token_verifier=token_verifier),
            in_process=True,
            effect_validation=effect_validation,
        )
        return rbt.create_external_context(name="test", app_internal=True)

    try:
        yield kind(runner, rbt, runner.run(up()))
    finally:
        runner.run(rbt.stop())
