"""The endpoints of a test; for the integration tests of a file with one Reboot runtime."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NoReturn

import pytest
from reboot.aio.applications import Application
from reboot.aio.tests import Reboot
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.servicers.allowed_users import AllowedUsersServicer
from gist_mcp.servicers.audit_log import AuditLogServicer
from gist_mcp.servicers.grant import GrantsServicer
from gist_mcp.servicers.guess_budget import GuessBudgetServicer
from gist_mcp.servicers.known_token import KnownTokensServicer
from gist_mcp.servicers.sign_in import SignInsServicer
from tests.oauth.site import Site
from tests.support.lanes import is_integration_test

type Run = Callable[[Awaitable[Any]], Any]


class NoRuntime:
    """In place of the runtime, for unit tests: they reach no durable state."""

    def create_external_context(self, **_: object) -> NoReturn:
        """Fails the test."""
        pytest.fail("this test reaches durable state, so it needs `@pytest.mark.integration`")


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs coroutines on the loop of the file."""
    with asyncio.Runner() as runner:

        def within_a_minute(work: Awaitable[Any]) -> Any:
            async def in_time() -> Any:
                async with asyncio.timeout(60):
                    return await work

            return runner.run(in_time())

        yield within_a_minute


@pytest.fixture(scope="module")
def runtime(run: Run) -> Iterator[Reboot]:
    """Durable state of sign-ins, grants, and what strangers may ask."""

    async def up() -> Reboot:
        rbt = Reboot()
        await rbt.start()
        application = Application(
            servicers=[
                AllowedUsersServicer,
                AuditLogServicer,
                GrantsServicer,
                GuessBudgetServicer,
                KnownTokensServicer,
                SignInsServicer,
            ]
        )
        await rbt.up(application, in_process=True, effect_validation=EffectValidation.QUIET)
        return rbt

    rbt = run(up())
    yield rbt
    run(rbt.stop())


@pytest.fixture
def site(request: pytest.FixtureRequest, run: Run) -> Site:
    """Our endpoints, with durable state if the test is an integration test."""
    if is_integration_test(request.node):
        return Site(run, request.getfixturevalue("runtime"))
    return Site(run, NoRuntime())
