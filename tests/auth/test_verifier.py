"""A bearer token is what GitHub says it is, asked no more often than needed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from gist_mcp.auth.sealing import Sealer
from gist_mcp.auth.verifier import BearerVerifier
from gist_mcp.config import parse_config
from gist_mcp.errors import GitHubUnavailable, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import make_http_client
from tests.support.github_simulator import GitHubSimulator

NOW = 1_800_000_000.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulator() as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


def verify[R](
    github: GitHubSimulator,
    use: Callable[[BearerVerifier, Clock], Awaitable[R]],
    **settings: str,
) -> R:
    """Runs `use` with a verifier of its own."""
    config = parse_config(
        {
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.url,
            "TOKEN_KEYS": "k" * 40,
            **settings,
        },
        production=False,
    )
    clock = Clock()

    async def run() -> R:
        async with make_http_client() as http:
            verifier = BearerVerifier(
                config=config,
                sealer=Sealer(["k" * 40]),
                github=GitHubClient(http, config.github_api_url),
                clock=clock,
            )
            return await use(verifier, clock)

    return asyncio.run(run())


def questions(github: GitHubSimulator) -> int:
    """How often GitHub was asked about a token."""
    return len(github.requests("POST", f"/applications/{github.client_id}/token"))


def test_a_token_of_the_app_stands_for_its_user_and_granted_scopes(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("hubot", ["gist"], kind="oauth")

    caller = verify(github, lambda verifier, _: verifier.verify(token))

    (hubot,) = [user for user in github.users() if user.login == "hubot"]
    assert caller.principal.user_id == hubot.user_id
    assert caller.principal.login == "hubot"
    assert caller.credential.scopes == frozenset({"gist"})


def test_a_personal_token_is_refused_unless_any_is_allowed(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="classic")

    with pytest.raises(SignInRequired):
        verify(github, lambda verifier, _: verifier.verify(token))
    caller = verify(github, lambda verifier, _: verifier.verify(token), GITHUB_TOKENS="any")

    assert caller.principal.login == "octocat"
    assert caller.credential.scopes == frozenset({"gist"})


def test_no_github_token_is_taken_where_only_sealed_ones_are(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    with pytest.raises(SignInRequired):
        verify(github, lambda verifier, _: verifier.verify(token), GITHUB_TOKENS="none")

    assert questions(github) == 0


def test_a_good_token_is_asked_about_once_a_minute(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, clock: Clock) -> list[int]:
        seen = []
        for seconds in (0, 59, 60):
            clock.now = NOW + seconds
            await verifier.verify(token)
            seen.append(questions(github))
        return seen

    assert verify(github, use) == [1, 1, 2]


def test_with_zero_seconds_every_request_asks(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await verifier.verify(token)
        await verifier.verify(token)

    verify(github, use, TOKEN_REVALIDATE_SECONDS="0")

    assert questions(github) == 2


def test_requests_at_the_same_time_share_one_question(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await asyncio.gather(*(verifier.verify(token) for _ in range(20)))

    verify(github, use)

    assert questions(github) == 1


def test_an_impatient_client_does_not_spoil_the_answer_for_others(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> str:
        impatient = asyncio.create_task(verifier.verify(token))
        patient = asyncio.create_task(verifier.verify(token))
        await asyncio.sleep(0)
        impatient.cancel()
        return (await patient).principal.login

    assert verify(github, use) == "octocat"


def test_a_revoked_token_is_refused_when_asked_about_again(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        await verifier.verify(token)
        github.revoke_tokens("octocat")
        clock.now += 61
        await verifier.verify(token)

    with pytest.raises(SignInRequired):
        verify(github, use)


def test_a_token_that_github_refused_elsewhere_is_asked_about_at_once(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await verifier.verify(token)
        github.revoke_tokens("octocat")
        verifier.forget(GitHubToken(token))
        await verifier.verify(token)

    with pytest.raises(SignInRequired):
        verify(github, use)


def test_a_fault_of_github_is_not_a_bad_token(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")
    github.add_fault("status_before", status=503, path="/applications/.*", times=10)

    with pytest.raises(GitHubUnavailable):
        verify(github, lambda verifier, _: verifier.verify(token))


@pytest.mark.parametrize(
    "bearer", ["x", "gho_", "gho_short", "gho_" + "a" * 300, "gho_" + "é" * 36, "a" * 5000, "-"]
)
def test_what_cannot_be_a_token_is_refused_without_asking(
    github: GitHubSimulator, bearer: str
) -> None:
    with pytest.raises(SignInRequired):
        verify(github, lambda verifier, _: verifier.verify(bearer))

    assert questions(github) == 0
