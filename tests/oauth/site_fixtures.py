"""One Reboot runtime for the endpoint tests of a file."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from reboot.aio.applications import Application
from reboot.aio.tests import Reboot
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.servicers.grant import GrantsServicer
from gist_mcp.servicers.sign_in import SignInsServicer
from tests.oauth.site import Site


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Callable[[Awaitable[Any]], Any], Reboot]]:
    with asyncio.Runner() as runner:

        def run(work: Awaitable[Any]) -> Any:
            async def within_a_minute() -> Any:
                async with asyncio.timeout(60):
                    return await work

            return runner.run(within_a_minute())

        async def up() -> Reboot:
            rbt = Reboot()
            await rbt.start()
            application = Application(servicers=[GrantsServicer, SignInsServicer])
            await rbt.up(application, in_process=True, effect_validation=EffectValidation.QUIET)
            return rbt

        rbt = run(up())
        yield run, rbt
        run(rbt.stop())


@pytest.fixture
def site(running: tuple[Callable[[Awaitable[Any]], Any], Reboot]) -> Site:
    return Site(*running)
