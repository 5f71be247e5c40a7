"""One refresh at GitHub for all who ask, and no failure that outlasts itself."""

import asyncio

import pytest

from gist_mcp.errors import GitHubUnavailable
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import TokenGrant
from gist_mcp.tokens.github_refresh import FreshGrant, GitHubRefreshes

OLD = GitHubToken("ghr_" + "refreshTokenInHand" * 2)
OTHER = GitHubToken("ghr_" + "refreshTokenOfAnother" * 2)
NEW = TokenGrant(
    access_token=GitHubToken("ghu_" + "accessTokenInHand" * 2),
    token_type="bearer",
    scopes=None,
    expires_in_seconds=28_800,
    refresh_token=None,
    refresh_token_expires_in_seconds=None,
)


def refreshes() -> GitHubRefreshes:
    return GitHubRefreshes(clock=lambda: 1_800_000_000.0)


def test_who_comes_after_a_failure_that_nobody_waited_for_asks_anew() -> None:
    async def play() -> FreshGrant:
        at_github, fails, under_way = asyncio.Event(), asyncio.Event(), refreshes()

        async def unavailable() -> TokenGrant:
            at_github.set()
            await fails.wait()
            raise GitHubUnavailable("GitHub is away; nothing was changed.")

        async def gives() -> TokenGrant:
            return NEW

        async def never_answers() -> TokenGrant:
            await asyncio.Event().wait()
            return NEW

        # Another's, which is older: only what is old at the front is dropped at each request.
        others = asyncio.create_task(under_way.run(OTHER, never_answers))
        await asyncio.sleep(0)
        leaves = asyncio.create_task(under_way.run(OLD, unavailable))
        await at_github.wait()
        flights = list(under_way._in_progress.values())
        leaves.cancel()
        await asyncio.wait([leaves])
        fails.set()
        await asyncio.wait([flights[1]])
        try:
            return await under_way.run(OLD, gives)
        finally:
            for task in (flights[0], others):
                task.cancel()

    assert asyncio.run(play()).grant == NEW


def test_a_failure_is_told_to_all_who_waited_for_it_and_to_nobody_else() -> None:
    async def play() -> FreshGrant:
        under_way = refreshes()

        async def unavailable() -> TokenGrant:
            await asyncio.sleep(0)
            raise GitHubUnavailable("GitHub is away; nothing was changed.")

        async def gives() -> TokenGrant:
            return NEW

        told = await asyncio.gather(
            *(under_way.run(OLD, unavailable) for _ in range(2)), return_exceptions=True
        )
        assert [type(each) for each in told] == [GitHubUnavailable] * 2
        assert not under_way.remembers(OLD)
        return await under_way.run(OLD, gives)

    assert asyncio.run(play()).grant == NEW


def test_what_github_gave_is_remembered_for_who_repeats_the_request() -> None:
    async def play() -> list[FreshGrant]:
        under_way = refreshes()

        async def gives() -> TokenGrant:
            return NEW

        async def would_be_refused() -> TokenGrant:
            pytest.fail("GitHub takes a refresh token once")

        return [await under_way.run(OLD, gives), await under_way.run(OLD, would_be_refused)]

    first, again = asyncio.run(play())
    assert first == again
