"""The list of a user's own gists, page by page."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.errors import RateLimited
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.own_gists import OwnGistList, OwnGists
from tests.github.calls import no_pause
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.anyio

GISTS = 450
PAGES = 5


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: GitHubSimulator) -> GitHubSimulator:
    running_simulator.reset()
    running_simulator.create_gists("octocat", {"a.txt": "x"}, count=GISTS)
    return running_simulator


@pytest.fixture
def own_gists(http: httpx.AsyncClient, simulator: GitHubSimulator) -> OwnGists:
    return OwnGists(GitHubClient(http, simulator.url, sleep=no_pause))


@pytest.fixture
def my_token(simulator: GitHubSimulator) -> GitHubToken:
    return GitHubToken(simulator.create_token("octocat"))


async def test_the_first_page_is_told_before_the_others_are_there(
    own_gists: OwnGists, my_token: GitHubToken
) -> None:
    told: list[int] = []

    async def tell(listed: OwnGistList) -> None:
        told.append(len(listed.gists))

    listed = await own_gists.all(my_token, on_pages=tell)

    assert told == [100]
    assert len({gist.id for gist in listed.gists}) == GISTS


async def test_the_others_are_asked_for_at_once(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    fault = simulator.add_fault("hang_before", path="/gists", skip=1, times=PAGES - 1)

    listing = asyncio.create_task(own_gists.all(my_token))
    await asyncio.to_thread(fault.wait_until_held, PAGES - 1)
    fault.release()

    assert len((await listing).gists) == GISTS


async def test_a_second_time_all_pages_are_asked_for_whether_they_have_changed(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    first = await own_gists.all(my_token)
    simulator.forget_requests()

    second = await own_gists.all(my_token)

    assert second.gists == first.gists
    assert [seen.status for seen in simulator.requests()] == [304] * PAGES


async def test_the_list_is_known_without_asking(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    listed = await own_gists.all(my_token)
    simulator.forget_requests()

    assert own_gists.known(my_token) == listed.gists
    assert own_gists.known(GitHubToken("gho_another")) == []
    assert simulator.requests() == []


async def test_a_limit_is_told_as_one_whichever_page_meets_it(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    await own_gists.all(my_token)
    simulator.add_fault("rate_limit_secondary", path="/gists", skip=3)

    with pytest.raises(RateLimited):
        await own_gists.all(my_token)
