"""A bearer token is what GitHub says it is, asked no more often than needed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from gist_mcp.auth.access_token import AccessTokenPayload, seal_access_token
from gist_mcp.auth.sealing import Sealer
from gist_mcp.auth.verifier import BearerVerifier, Caller
from gist_mcp.config import parse_config
from gist_mcp.errors import GitHubUnavailable, RateLimited, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import make_http_client
from gist_mcp.principal import GitHubUserId
from tests.support.github_simulator import FaultKind, GitHubSimulator, TokenKind

NOW = 1_800_000_000.0
RESOURCE = "http://localhost:9991/mcp"


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


def sealed(github: GitHubSimulator, token: str, login: str = "octocat", **more: Any) -> str:
    """An access token of ours with a token of GitHub inside."""
    (user,) = [user for user in github.users() if user.login == login]
    payload = AccessTokenPayload(
        github_token=GitHubToken(token),
        user_id=GitHubUserId(user.user_id),
        login=login,
        client_id="a-client",
        scopes=more.get("scopes", frozenset({"gist", "read:user"})),
        resource=RESOURCE,
        issued_at=int(NOW),
        expires_at=int(NOW) + 3600,
    )
    return seal_access_token(Sealer(["k" * 40]), payload)


def questions(github: GitHubSimulator) -> tuple[int, int]:
    """How often GitHub was asked about a token: by the app, out of the one budget for all users,
    and with the token itself.
    """
    by_the_app = github.requests("POST", f"/applications/{github.client_id}/token")
    return len(by_the_app), len(github.requests("GET", "/user"))


def free_of_charge(github: GitHubSimulator) -> int:
    """How many of the questions GitHub answered with 304."""
    return len([each for each in github.requests("GET", "/user") if each.status == 304])


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

    assert questions(github) == (0, 0)


def test_a_good_token_is_asked_about_once_a_minute_and_by_the_app_only_once(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, clock: Clock) -> list[tuple[int, int]]:
        seen = []
        for seconds in (0, 59, 60, 120):
            clock.now = NOW + seconds
            await verifier.verify(token)
            seen.append(questions(github))
        return seen

    assert verify(github, use) == [(1, 0), (1, 0), (1, 1), (1, 2)]
    assert free_of_charge(github) == 1


@pytest.mark.parametrize("mode", ["app", "none", "any"])
def test_the_app_is_never_asked_about_a_token_that_we_sealed(
    github: GitHubSimulator, mode: str
) -> None:
    bearer = sealed(github, github.create_token("octocat"))

    async def use(verifier: BearerVerifier, clock: Clock) -> Caller:
        for seconds in (0, 59, 60, 120):
            clock.now = NOW + seconds
            caller = await verifier.verify(bearer)
        return caller

    caller = verify(github, use, GITHUB_TOKENS=mode)

    assert questions(github) == (0, 3)
    assert free_of_charge(github) == 2
    assert (caller.principal.login, caller.principal.client_id) == ("octocat", "a-client")
    assert caller.credential.scopes == frozenset({"gist", "read:user"})


def test_what_the_app_was_told_of_the_expiry_is_kept(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", expires=True)

    async def use(verifier: BearerVerifier, clock: Clock) -> list[int | None]:
        first = await verifier.verify(token)
        clock.now += 61
        second = await verifier.verify(token)
        clock.now += 61
        third = await verifier.verify(token)
        return [each.credential.expires_at_seconds for each in (first, second, third)]

    first, second, third = verify(github, use)

    assert first is not None
    assert first == second == third


def test_a_sealed_token_that_github_gives_to_another_account_is_refused(
    github: GitHubSimulator,
) -> None:
    bearer = sealed(github, github.create_token("hubot"), "octocat")

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        for seconds in (0, 11, 61):
            clock.now = NOW + seconds
            with pytest.raises(SignInRequired, match="another GitHub account"):
                await verifier.verify(bearer)

    verify(github, use)


def test_an_account_is_compared_also_with_what_is_remembered(github: GitHubSimulator) -> None:
    token = github.create_token("hubot")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await verifier.verify(token)
        with pytest.raises(SignInRequired, match="another GitHub account"):
            await verifier.verify(sealed(github, token, "octocat"))

    verify(github, use)

    assert questions(github) == (1, 0)


def test_scopes_that_a_person_takes_back_are_seen_though_the_account_is_the_same(
    github: GitHubSimulator,
) -> None:
    bearer = sealed(github, github.create_token("octocat", ["gist", "read:user"]))

    async def use(verifier: BearerVerifier, clock: Clock) -> Caller:
        await verifier.verify(bearer)
        github.set_grant("octocat", ["read:user"])
        clock.now += 61
        return await verifier.verify(bearer)

    assert verify(github, use).credential.scopes == frozenset({"read:user"})
    assert free_of_charge(github) == 1


def test_a_sealed_token_that_was_revoked_is_refused_when_asked_about_again(
    github: GitHubSimulator,
) -> None:
    bearer = sealed(github, github.create_token("octocat"))

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        await verifier.verify(bearer)
        github.revoke_tokens("octocat")
        clock.now += 61
        with pytest.raises(SignInRequired):
            await verifier.verify(bearer)
        with pytest.raises(SignInRequired):
            await verifier.verify(bearer)

    verify(github, use)

    assert questions(github) == (0, 2)


@pytest.mark.parametrize(
    ("kind", "rule", "error"),
    [
        ("status_before", {"status": 503, "times": 10}, GitHubUnavailable),
        ("reset_before", {"times": 10}, GitHubUnavailable),
        ("rate_limit_primary", {}, RateLimited),
        ("rate_limit_secondary", {}, RateLimited),
    ],
)
def test_while_github_cannot_say_a_sealed_token_is_not_a_bad_one(
    github: GitHubSimulator, kind: FaultKind, rule: dict[str, object], error: type[Exception]
) -> None:
    bearer = sealed(github, github.create_token("octocat"))
    github.add_fault(kind, path="/user", **rule)

    async def use(verifier: BearerVerifier, clock: Clock) -> str:
        with pytest.raises(error):
            await verifier.verify(bearer)
        github.remove_faults()
        return (await verifier.verify(bearer)).principal.login

    assert verify(github, use) == "octocat"


def test_what_another_process_has_verified_is_asked_about_without_the_app(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        credential = (await verifier.verify(token)).credential
        verifier.forget(credential.token)
        assert await verifier.confirm(credential) == credential

    verify(github, use)

    assert questions(github) == (1, 1)


@pytest.mark.parametrize("kind", ["fine_grained", "app_user"])
def test_a_token_with_permissions_has_unknown_scopes(
    github: GitHubSimulator, kind: TokenKind
) -> None:
    token = github.create_token("octocat", ["gist"], kind=kind)

    caller = verify(github, lambda verifier, _: verifier.verify(token), GITHUB_TOKENS="any")

    assert caller.principal.login == "octocat"
    assert caller.credential.scopes is None


SIGN_IN = "Sign in at http://localhost:9991/oauth/authorize."


@pytest.mark.parametrize("kind", ["classic", "fine_grained"])
def test_a_personal_token_is_told_that_it_is_not_the_apps_without_asking(
    github: GitHubSimulator, kind: TokenKind
) -> None:
    token = github.create_token("octocat", ["gist"], kind=kind)

    with pytest.raises(SignInRequired) as refused:
        verify(github, lambda verifier, _: verifier.verify(token))

    text = str(refused.value)
    assert "not issued to this server's OAuth App" in text
    assert "GITHUB_TOKENS=any" in text
    assert text.endswith(SIGN_IN)
    assert "revoked" not in text
    assert questions(github) == (0, 0)


def test_a_token_that_the_app_does_not_know_may_be_another_apps_or_dead(
    github: GitHubSimulator,
) -> None:
    foreign = github.create_token("octocat", ["gist"], kind="app_user")

    async def use(verifier: BearerVerifier, _: Clock) -> list[str]:
        texts = []
        for token in (foreign, foreign, "gho_" + "x" * 36):
            with pytest.raises(SignInRequired) as refused:
                await verifier.verify(token)
            texts.append(str(refused.value))
        return texts

    first, again, unknown = verify(github, use)

    assert first == again == unknown
    assert "issued to another app" in first
    assert "revoked" in first
    assert first.endswith(SIGN_IN)
    assert questions(github) == (2, 0)


@pytest.mark.parametrize(
    ("bearer", "words"),
    [
        ("ghs_" + "x" * 36, "installation token"),
        ("ghs_123_eyJh.eyJp.c2ln-x", "installation token"),
        ("ghr_" + "x" * 76, "refresh token"),
        ("nonsense", "not an access token"),
    ],
)
@pytest.mark.parametrize("mode", ["app", "any"])
def test_what_is_no_persons_access_token_is_told_what_it_is(
    github: GitHubSimulator, bearer: str, words: str, mode: str
) -> None:
    with pytest.raises(SignInRequired, match=words):
        verify(github, lambda verifier, _: verifier.verify(bearer), GITHUB_TOKENS=mode)

    assert questions(github) == (0, 0)


def test_with_zero_seconds_every_request_asks(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await verifier.verify(token)
        await verifier.verify(token)

    verify(github, use, TOKEN_REVALIDATE_SECONDS="0")

    assert questions(github) == (1, 1)


def test_requests_at_the_same_time_share_one_question(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        await asyncio.gather(*(verifier.verify(token) for _ in range(20)))

    verify(github, use)

    assert questions(github) == (1, 0)


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

    assert questions(github) == (0, 0)
