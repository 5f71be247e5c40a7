"""The client and the OAuth endpoints against the GitHub simulator, call by call."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from gist_mcp.errors import (
    Conflict,
    GitHubRefusesServer,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import FileChange, SameUser
from gist_mcp.github.oauth import CodeRefused, GitHubOAuth, is_expected_issuer
from gist_mcp.github.pace import Pace
from gist_mcp.oauth.pkce import s256_challenge
from tests.github.calls import no_pause
from tests.support.github_simulator import FaultKind, GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.anyio

CALLBACK_URL = "http://localhost:9991/oauth/callback"
VERIFIER = "v" * 43
FILES = {"a.txt": "hello", "b.md": "# two"}


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess(callback_urls=[CALLBACK_URL]) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: GitHubSimulator) -> GitHubSimulator:
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def client(http: httpx.AsyncClient, simulator: GitHubSimulator) -> GitHubClient:
    return GitHubClient(http, simulator.url, sleep=no_pause)


@pytest.fixture
def oauth(http: httpx.AsyncClient, simulator: GitHubSimulator) -> GitHubOAuth:
    return GitHubOAuth(
        http,
        web_url=simulator.url,
        client_id=simulator.client_id,
        client_secret=SecretStr(simulator.client_secret),
        callback_url=CALLBACK_URL,
    )


@pytest.fixture
def token(simulator: GitHubSimulator) -> GitHubToken:
    return GitHubToken(simulator.create_token())


async def sign_in(oauth: GitHubOAuth, simulator: GitHubSimulator) -> httpx.URL:
    url = oauth.authorize_url(
        state="s", code_challenge=s256_challenge(VERIFIER), scopes=("gist", "read:user")
    )
    return httpx.URL(simulator.approve(url))


async def test_a_gist_lives_from_creation_to_deletion(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    made = await client.create_gist(token, description="d", public=False, files=FILES)
    changed = await client.update_gist(
        token, made.id, files={"a.txt": FileChange(new_filename="c.txt"), "b.md": None}
    )
    read = await client.get_gist(token, made.id)
    await client.delete_gist(token, made.id)

    assert {file.filename: file.content for file in made.files} == FILES
    assert [file.filename for file in changed.files] == ["c.txt"]
    assert (read.id, read.owner_login, read.public) == (made.id, "octocat", False)
    assert simulator.gists() == []


async def test_a_token_is_checked_and_revoked(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    secret = SecretStr(simulator.client_secret)
    user = (await client.get_user(token)).user
    alive = await client.check_token(token, simulator.client_id, secret)
    await client.delete_token(token, simulator.client_id, secret)
    await client.delete_token(token, simulator.client_id, secret)

    assert alive is not None
    assert (alive.user_id, alive.login) == (user.id, user.login)
    assert alive.scopes == frozenset({"gist", "read:user"})
    assert await client.check_token(token, simulator.client_id, secret) is None
    with pytest.raises(SignInRequired):
        await client.get_user(token)


async def test_a_wrong_client_secret_is_the_operators_fault(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    with pytest.raises(GitHubRefusesServer):
        await client.check_token(token, simulator.client_id, SecretStr("wrong"))


async def test_an_unchanged_user_is_not_sent_again(
    client: GitHubClient, token: GitHubToken
) -> None:
    etag = (await client.get_user(token)).etag

    assert etag is not None
    assert await client.get_user(token, etag=etag) == SameUser(
        scopes=frozenset({"gist", "read:user"})
    )


async def test_stars_and_forks(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    other = next(user.login for user in simulator.users() if user.login != "octocat")
    theirs = simulator.create_gists(other, FILES, public=True)[0].gist_id
    await client.star(token, theirs)
    starred = await client.list_starred(token)
    was_starred = await client.is_starred(token, theirs)
    await client.unstar(token, theirs)
    fork = await client.fork_gist(token, theirs)

    assert [gist.id for gist in starred] == [theirs]
    assert was_starred
    assert not await client.is_starred(token, theirs)
    assert fork.owner_login == "octocat"
    with pytest.raises(Conflict):
        await client.fork_gist(token, fork.id)


async def test_all_pages_are_found(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    simulator.create_gists("octocat", FILES, count=5)
    page = await client.list_gists(token, per_page=2)
    ids = [gist.id for gist in page]
    while page.next_url is not None:
        page = await client.next_page(token, page.next_url)
        ids += [gist.id for gist in page]

    assert sorted(ids) == sorted(gist.gist_id for gist in simulator.gists())
    assert page.answered_at is not None


async def test_a_long_file_is_read_whole_without_the_token(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    whole = "0123456789" * 120_000
    gist_id = simulator.create_gists("octocat", {"long.txt": whole})[0].gist_id
    file = (await client.get_gist(token, gist_id)).file("long.txt")
    assert file is not None
    assert file.truncated
    assert file.raw_url is not None

    content = await client.get_raw(file.raw_url)

    assert content.decode() == whole
    assert simulator.requests(path=".*/raw/.*")[0].token_sha256 is None


async def test_a_missing_scope_is_told_from_a_missing_gist(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    reader = GitHubToken(simulator.create_token(scopes=["read:user"]))

    with pytest.raises(ScopeRequired):
        await client.create_gist(reader, description="", public=False, files=FILES)
    with pytest.raises(NotFound):
        await client.delete_gist(token, "0" * 32)


async def test_an_empty_file_is_an_argument_to_fix(
    client: GitHubClient, token: GitHubToken
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await client.create_gist(token, description="", public=False, files={"a.txt": ""})

    assert raised.value.field == "files"


@pytest.mark.parametrize(
    ("kind", "made"),
    [("reset_before", 0), ("reset_after", 1), ("status_before", 0), ("status_after", 1)],
)
async def test_a_lost_creation_is_unknown_whether_it_happened_or_not(
    client: GitHubClient,
    token: GitHubToken,
    simulator: GitHubSimulator,
    kind: FaultKind,
    made: int,
) -> None:
    simulator.add_fault(kind, method="POST", path="/gists")

    with pytest.raises(OutcomeUnknown):
        await client.create_gist(token, description="", public=False, files=FILES)

    assert len(simulator.gists()) == made
    assert len(simulator.requests("POST", "/gists")) == 1


@pytest.mark.parametrize("kind", ["rate_limit_primary", "rate_limit_secondary"])
async def test_a_limit_says_how_long_to_wait_and_nothing_was_made(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator, kind: FaultKind
) -> None:
    simulator.set_clock_offset(3600)
    simulator.add_fault(kind, path="/gists", seconds=30, retry_after_seconds=30)

    with pytest.raises(RateLimited) as raised:
        await client.create_gist(token, description="", public=False, files=FILES)

    assert 29 <= raised.value.retry_after_seconds <= 31
    assert simulator.gists() == []


async def test_an_error_page_that_echoes_the_token_is_not_passed_on(
    client: GitHubClient, token: GitHubToken, simulator: GitHubSimulator
) -> None:
    simulator.add_fault("echo_token", path="/user")

    with pytest.raises(GitHubUnavailable) as raised:
        await client.get_user(token)

    assert token.reveal() not in str(raised.value) + raised.value.log_reason


async def test_a_person_signs_in_and_the_sign_in_is_refreshed(
    oauth: GitHubOAuth, client: GitHubClient, simulator: GitHubSimulator
) -> None:
    simulator.configure(expiring_tokens=True)
    returned = await sign_in(oauth, simulator)
    first = await oauth.exchange_code(code=returned.params["code"], code_verifier=VERIFIER)
    assert first.refresh_token is not None
    second = await oauth.refresh(first.refresh_token)

    assert is_expected_issuer(returned.params["iss"], simulator.url)
    assert second.scopes == frozenset({"gist", "read:user"})
    assert (await client.get_user(second.access_token)).user.login == "octocat"
    with pytest.raises(SignInRequired):
        await client.get_user(first.access_token)
    with pytest.raises(SignInRequired):
        await oauth.refresh(first.refresh_token)


@pytest.mark.parametrize(("verifier", "uses"), [("w" * 43, 1), (VERIFIER, 2)])
async def test_a_code_needs_its_verifier_and_works_once(
    oauth: GitHubOAuth, simulator: GitHubSimulator, verifier: str, uses: int
) -> None:
    code = (await sign_in(oauth, simulator)).params["code"]

    for _ in range(uses - 1):
        await oauth.exchange_code(code=code, code_verifier=verifier)

    with pytest.raises(CodeRefused) as raised:
        await oauth.exchange_code(code=code, code_verifier=verifier)

    assert not raised.value.operator_must_act


async def test_200_calls_of_one_user_meet_no_limit_of_github_and_keep_nobody_waiting(
    http: httpx.AsyncClient, simulator: GitHubSimulator
) -> None:
    # As GitHub has them. The clocks of both sides move when somebody waits.
    simulator.configure(
        content_creations_per_minute=80,
        content_creations_per_hour=500,
        points_per_minute=900,
        requests_at_once=100,
    )
    waited_seconds = 0.0

    def clock() -> float:
        return time.time() + waited_seconds

    async def sleep(seconds: float) -> None:
        nonlocal waited_seconds
        waited_seconds += seconds
        await asyncio.to_thread(simulator.set_clock_offset, waited_seconds)

    polite = GitHubClient(http, simulator.url, clock=clock, sleep=sleep, pace=Pace(clock, sleep))
    token = GitHubToken(simulator.create_token("octocat"))
    other = GitHubToken(simulator.create_token("hubot"))
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: polite.create_gist(token, files=FILES, description="one of many", public=False),
        lambda: polite.create_gist(token, files=FILES, description="one of many", public=False),
        lambda: polite.list_gists(token),
        lambda: polite.get_user(token),
    )
    other_waited_seconds = 0.0
    refused = 0
    for number in range(200):
        while True:
            try:
                await calls[number % len(calls)]()
                break
            except RateLimited as limit:
                refused += 1
                await sleep(limit.retry_after_seconds)
        waited_before_seconds = waited_seconds
        await polite.get_user(other)
        other_waited_seconds += waited_seconds - waited_before_seconds

    assert len(simulator.gists("octocat")) == 100
    statuses = [request.status for request in simulator.requests()]
    assert not {403, 429} & set(statuses)
    assert waited_seconds > 0
    assert other_waited_seconds == 0
    # Most waits are so short that the request waits by itself.
    assert refused < 20


async def test_without_a_pace_the_same_changes_meet_a_limit(
    client: GitHubClient, simulator: GitHubSimulator
) -> None:
    simulator.configure(content_creations_per_minute=80)
    token = GitHubToken(simulator.create_token("octocat"))

    async def make_all() -> None:
        for number in range(200):
            await client.create_gist(token, files=FILES, description=f"{number}", public=False)

    with pytest.raises(RateLimited):
        await make_all()
