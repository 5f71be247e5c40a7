"""A state type on the real Reboot runtime, in this process and driven from plain functions."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reboot.aio.applications import Application
from reboot.aio.external import ExternalContext
from reboot.aio.tests import Reboot
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.framework.private_names import TokenVerifier

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
