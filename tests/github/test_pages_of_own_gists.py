"""The list of a user's own gists, page by page."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.errors import RateLimited
from gist_mcp.github.answer import Answer
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.own_gists import OwnGistList, OwnGists, memory_bytes
from gist_mcp.github.responses import read_gist_page
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


async def test_one_page_is_asked_for_whether_it_has_changed(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    listed = await own_gists.all(my_token)
    simulator.forget_requests()

    second = await own_gists.page(my_token, 2)

    assert list(second) == listed.gists[100:200]
    assert [seen.status for seen in simulator.requests()] == [304]


async def test_a_page_that_changed_takes_its_followers_out_of_memory(
    own_gists: OwnGists, my_token: GitHubToken, simulator: GitHubSimulator
) -> None:
    await own_gists.all(my_token)
    simulator.create_gists("octocat", {"new.txt": "x"})

    first = await own_gists.page(my_token, 1)
    known = own_gists.known(my_token)

    assert [file.filename for file in first.gists[0].files] == ["new.txt"]
    assert known == list(first)
    assert len((await own_gists.all(my_token)).gists) == GISTS + 1


async def test_lists_are_kept_within_a_bound_and_are_whole_all_the_same(
    http: httpx.AsyncClient, simulator: GitHubSimulator
) -> None:
    max_bytes = 1_000_000
    bounded = OwnGists(GitHubClient(http, simulator.url, sleep=no_pause), max_bytes)
    tokens = [GitHubToken(simulator.create_token("octocat")) for _ in range(3)]

    for each in tokens:
        assert len((await bounded.all(each)).gists) == GISTS
        assert 0 < bounded.kept_bytes <= max_bytes
    # The longest unused were forgotten.
    assert bounded.known(tokens[0]) == []
    assert bounded.known(tokens[-1])


@pytest.mark.parametrize("name", ["a.py", "漢" * 84], ids=["short", "long"])
@pytest.mark.parametrize("files", [1, 300])
def test_what_a_page_takes_in_memory_is_no_more_than_is_counted(files: int, name: str) -> None:
    entry = {
        "id": "aa5a315d61ae9438b18d",
        "html_url": "https://gist.github.com/octocat/aa5a315d61ae9438b18d",
        "public": True,
        "description": "d" * 200,
        "owner": {"id": 583231, "login": "octocat"},
        "created_at": "2026-11-28T09:30:00Z",
        "updated_at": "2026-11-28T09:30:00Z",
        "comments": 1_000,
        "files": {
            f"{number}{name}": {
                "filename": f"{number}{name}",
                "size": 100_000 + number,
                "language": "Python",
                "type": "application/x-python",
                "raw_url": f"https://gist.githubusercontent.com/octocat/raw/{number}/{name}",
            }
            for number in range(files)
        },
    }
    body = json.dumps([entry] * (100 if files == 1 else 10)).encode()
    # What is made once for all, such as validators, is made before.
    read_gist_page(Answer(status=200, headers={}, body=body))

    tracemalloc.start()
    try:
        page = read_gist_page(Answer(status=200, headers={}, body=body))
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0 < taken_bytes <= memory_bytes([page])
