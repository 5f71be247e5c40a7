"""What a search reads of gists, and what of it stays in memory."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gist_mcp.errors import NotFound
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.gist_contents import (
    IDLE_SECONDS,
    MAX_FILE_BYTES,
    MAX_GIST_BYTES,
    GistContentCache,
    GistContents,
)
from gist_mcp.github.models import Gist
from gist_mcp.principal import GitHubUserId
from tests.github.calls import no_pause
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.listed_gists import listed

pytestmark = pytest.mark.anyio

ME, OTHER, THIRD = GitHubUserId(1), GitHubUserId(2), GitHubUserId(3)
LATER = datetime.now(UTC) + timedelta(days=1)
"""When the list was answered: long after every change."""


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: GitHubSimulator) -> GitHubSimulator:
    running_simulator.reset()
    return running_simulator


class World:
    """A cache whose time a test sets, and somebody's gists."""

    def __init__(self, simulator: GitHubSimulator, http: httpx.AsyncClient) -> None:
        self.simulator = simulator
        self.github = GitHubClient(http, simulator.url, sleep=no_pause)
        self.token = GitHubToken(simulator.create_token("octocat"))
        self.now_seconds = 0.0

    def cache(self, **bounds: int) -> GistContentCache:
        return GistContentCache(self.github, clock=lambda: self.now_seconds, **bounds)

    async def gists(self, count: int = 1, **files: str) -> list[Gist]:
        """New gists as they are listed. A file's name has `_` for a dot."""
        named = {name.replace("_", "."): text for name, text in files.items()}
        made = self.simulator.create_gists("octocat", named, count=count)
        ids = {gist.gist_id for gist in made}
        return [gist for gist in await self.github.list_gists(self.token) if gist.id in ids]

    async def read(
        self, cache: GistContentCache, *gists: Gist, by: GitHubUserId = ME
    ) -> list[GistContents]:
        return [await cache.read(self.token, gist, by, listed_at=LATER) for gist in gists]

    def asked(self) -> int:
        """How often GitHub was asked for a gist or a file of one."""
        return len(self.simulator.requests(path="/gists/[^/]+")) + len(
            self.simulator.requests(path="/gist.githubusercontent.com/.*")
        )


@pytest.fixture
def world(simulator: GitHubSimulator, http: httpx.AsyncClient) -> World:
    return World(simulator, http)


async def test_what_was_read_is_known_and_not_asked_for_again(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="hello", b_md="two")

    (contents,) = await world.read(cache, gist)

    assert contents.texts == {"a.txt": "hello", "b.md": "two"}
    assert cache.known(gist, ME) is contents
    assert world.asked() == 1


async def test_what_one_account_reads_no_other_account_gets(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="hello")

    await world.read(cache, gist, by=ME)

    assert cache.known(gist, OTHER) is None


async def test_a_file_over_1_mb_is_asked_for_by_itself(world: World) -> None:
    text = "x" * 1_500_000 + " the end"
    (gist,) = await world.gists(a_txt=text, b_txt="small")

    (contents,) = await world.read(world.cache(), gist)

    assert contents.texts == {"a.txt": text, "b.txt": "small"}
    assert contents.requests == 2 == world.asked()


async def test_a_file_over_the_limit_is_not_asked_for_and_said_to_be_unread(world: World) -> None:
    (gist,) = await world.gists(a_txt="x" * (MAX_FILE_BYTES + 1), b_txt="small")

    (contents,) = await world.read(world.cache(), gist)

    assert contents.texts == {"b.txt": "small"}
    assert contents.unread == ("a.txt",)
    assert world.asked() == 1


async def test_a_file_whose_whole_content_is_not_given_is_unread(world: World) -> None:
    (gist,) = await world.gists(a_txt="x" * 1_500_000)
    world.simulator.add_fault("status_before", path="/gist.githubusercontent.com/.*", status=404)

    (contents,) = await world.read(world.cache(), gist)

    assert contents.unread == ("a.txt",)


async def test_a_binary_file_is_unread(world: World) -> None:
    (gist,) = await world.gists(a_bin="PK\x00\x01", b_txt="text")

    (contents,) = await world.read(world.cache(), gist)

    assert (list(contents.texts), contents.unread) == (["b.txt"], ("a.bin",))


async def test_a_gist_that_is_too_large_is_not_asked_for(world: World) -> None:
    names = [f"{number}.txt" for number in range(MAX_GIST_BYTES // 1_000_000 + 1)]
    gist = listed("a", "", *names, size_bytes=1_000_000)

    (contents,) = await world.read(world.cache(), gist)

    assert (contents.texts, contents.unread) == ({}, tuple(names))
    assert world.asked() == 0


async def test_of_many_large_files_no_more_is_read_than_the_limit_of_a_gist(world: World) -> None:
    text = "x" * 4_000_000
    (gist,) = await world.gists(a_txt=text, b_txt=text, c_txt=text)

    (contents,) = await world.read(world.cache(), gist)

    assert (list(contents.texts), contents.unread) == (["a.txt"], ("b.txt", "c.txt"))
    assert sum(map(len, contents.texts.values())) <= MAX_GIST_BYTES


async def test_a_gist_that_is_gone_is_told(world: World) -> None:
    with pytest.raises(NotFound):
        await world.read(world.cache(), listed("0123456789abcdef"))


async def test_a_gist_that_is_listed_as_changed_is_not_known(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="old")
    await world.read(cache, gist)
    world.simulator.set_clock_offset(5)
    await world.github.update_gist(world.token, gist.id, description="changed")

    (changed,) = await world.github.list_gists(world.token)

    assert cache.known(changed, ME) is None


async def test_a_gist_that_was_changed_in_the_second_of_the_list_is_not_kept(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="could change again in this second")
    assert gist.updated_at is not None

    await cache.read(world.token, gist, ME, listed_at=gist.updated_at)
    await cache.read(world.token, gist, ME)

    assert cache.known(gist, ME) is None


async def test_gists_that_are_not_listed_any_more_take_no_memory(world: World) -> None:
    cache = world.cache()
    kept, deleted = await world.gists(2, a_txt="x" * 1_000)
    await world.read(cache, kept, deleted)
    before = cache.size_bytes

    cache.keep_only([kept], ME)

    assert cache.known(kept, ME) is not None
    assert cache.size_bytes == before / 2


async def test_an_account_keeps_no_more_than_its_bound_and_keeps_what_it_read_first(
    world: World,
) -> None:
    cache = world.cache(max_account_bytes=10_000)
    gists = await world.gists(10, a_txt="x" * 2_000)

    await world.read(cache, *gists)

    assert 7_500 < cache.size_bytes <= 10_000
    assert [gist.id for gist in gists if cache.known(gist, ME)] == [g.id for g in gists[:3]]


async def test_all_accounts_keep_no_more_than_the_bound_and_the_longest_unused_goes(
    world: World,
) -> None:
    cache = world.cache(max_bytes=10_000, max_account_bytes=6_000)
    (gist,) = await world.gists(a_txt="x" * 4_000)
    await world.read(cache, gist, by=ME)
    await world.read(cache, gist, by=OTHER)
    cache.used(ME)

    await world.read(cache, gist, by=THIRD)

    assert cache.size_bytes <= 10_000
    assert cache.known(gist, OTHER) is None
    assert cache.known(gist, ME) is not None
    assert cache.known(gist, THIRD) is not None


async def test_the_bytes_of_wide_characters_are_counted_as_they_are(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="\U0001f980" * 1_000)

    await world.read(cache, gist)

    assert cache.size_bytes > 4_000


async def test_reading_a_gist_again_counts_it_once(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="x" * 1_000)

    await world.read(cache, gist)
    before = cache.size_bytes
    await world.read(cache, gist)

    assert cache.size_bytes == before


async def test_an_account_that_has_not_searched_for_a_while_is_forgotten(world: World) -> None:
    cache = world.cache()
    (gist,) = await world.gists(a_txt="x")
    await world.read(cache, gist, by=OTHER)
    await world.read(cache, gist, by=ME)
    world.now_seconds = IDLE_SECONDS - 1
    cache.used(ME)
    world.now_seconds = IDLE_SECONDS + 1

    cache.forget_idle()

    assert cache.known(gist, OTHER) is None
    assert cache.known(gist, ME) is not None
    assert cache.size_bytes > 0


async def test_it_is_forgotten_also_when_nobody_searches_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.github.gist_contents.IDLE_SECONDS", 0.0)
    cache = world.cache()
    (gist,) = await world.gists(a_txt="x")

    await world.read(cache, gist)
    # GitHub's answer comes later than what was due at once.
    await world.github.list_gists(world.token)

    assert cache.size_bytes == 0
