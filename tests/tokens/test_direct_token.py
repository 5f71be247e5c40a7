"""A GitHub token that comes as it is: which ones are taken, and what the others are told."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from gist_mcp.config_source import parse_config
from gist_mcp.errors import SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tokens.github_check import GitHubTokenCheck, Validated
from gist_mcp.tokens.verifier import BearerVerifier
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess, TokenKind
from tests.tokens.verifying import Clock, questions, verify


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


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
        # Never sent to GitHub: with its client it is worth an access token.
        ("ggm_rt_" + "x" * 60, "not an access token"),
        ("ggm_code_" + "x" * 60, "not an access token"),
        # A JSON Web Token is somebody else's secret.
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "not an access token"),
    ],
)
@pytest.mark.parametrize("mode", ["app", "any"])
def test_what_is_no_persons_access_token_is_told_what_it_is(
    github: GitHubSimulator, bearer: str, words: str, mode: str
) -> None:
    with pytest.raises(SignInRequired, match=words):
        verify(github, lambda verifier, _: verifier.verify(bearer), GITHUB_TOKENS=mode)

    assert questions(github) == (0, 0)


@pytest.mark.parametrize(
    "bearer", ["x", "gho_", "gho_short", "gho_" + "a" * 300, "gho_" + "é" * 36, "a" * 5000, "-"]
)
def test_what_cannot_be_a_token_is_refused_without_asking(
    github: GitHubSimulator, bearer: str
) -> None:
    with pytest.raises(SignInRequired):
        verify(github, lambda verifier, _: verifier.verify(bearer))

    assert questions(github) == (0, 0)


@pytest.mark.parametrize("bearer", ["0123456789abcdef" * 2 + "01234567", "ghx_" + "a" * 40])
def test_a_format_that_we_do_not_know_is_asked_about(github: GitHubSimulator, bearer: str) -> None:
    """GitHub's tokens before 2021 had no prefix, and those after today's may have another."""
    with pytest.raises(SignInRequired, match="knows no such token"):
        verify(github, lambda verifier, _: verifier.verify(bearer))

    assert questions(github) == (1, 0)


def test_a_token_whose_user_the_check_does_not_name_is_asked_itself() -> None:
    """GitHub's description allows null there."""
    token = GitHubToken("gho_" + "x" * 36)
    user = {"id": 7, "login": "octocat"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            check = {"scopes": None, "app": {"client_id": "our-app"}, "user": None}
            return httpx.Response(200, json=check)
        return httpx.Response(200, json=user, headers={"X-OAuth-Scopes": "gist"})

    async def ask() -> Validated:
        settings = {"GITHUB_CLIENT_ID": "our-app", "GITHUB_CLIENT_SECRET": "secret"}
        config = parse_config(settings, production=False)
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            github = GitHubClient(http, config.github_api_url)
            return await GitHubTokenCheck(config, github).ask(token, None)

    credential = asyncio.run(ask()).credential

    assert (credential.user_id, credential.scopes) == (7, frozenset({"gist"}))
