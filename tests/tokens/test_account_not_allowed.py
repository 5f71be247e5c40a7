"""A token of somebody whom `ALLOWED_USERS` does not name is refused, whatever kind it is."""

from collections.abc import Callable, Iterator

import pytest

from gist_mcp.errors import AccountNotAllowed
from gist_mcp.tokens.verifier import BearerVerifier
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.tokens.verifying import Clock, questions, sealed, verify

HUBOT = "480938"
Make = Callable[[GitHubSimulator], tuple[str, str]]


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


def of_the_app(github: GitHubSimulator) -> tuple[str, str]:
    return github.create_token("octocat"), "app"


def personal(github: GitHubSimulator) -> tuple[str, str]:
    return github.create_token("octocat", kind="classic"), "any"


def of_ours(github: GitHubSimulator) -> tuple[str, str]:
    return sealed(github, github.create_token("octocat")), "none"


def just_sealed(github: GitHubSimulator) -> tuple[str, str]:
    return sealed(github, github.create_token("octocat"), seconds_ago=0), "app"


each_kind = pytest.mark.parametrize("make", [of_the_app, personal, of_ours, just_sealed])


@each_kind
def test_a_token_of_somebody_else_is_refused_in_words_that_say_so(
    github: GitHubSimulator, make: Make
) -> None:
    token, github_tokens = make(github)

    with pytest.raises(AccountNotAllowed, match="may not use this server"):
        verify(
            github,
            lambda verifier, _: verifier.verify(token),
            ALLOWED_USERS=HUBOT,
            GITHUB_TOKENS=github_tokens,
        )


@each_kind
def test_a_token_of_who_is_named_is_taken(github: GitHubSimulator, make: Make) -> None:
    token, github_tokens = make(github)

    caller = verify(
        github,
        lambda verifier, _: verifier.verify(token),
        ALLOWED_USERS=f"{HUBOT} 583231",
        GITHUB_TOKENS=github_tokens,
    )

    assert caller.principal.login == "octocat"


def test_a_refused_token_that_comes_again_costs_github_nothing(github: GitHubSimulator) -> None:
    token = github.create_token("octocat")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        for _again in range(5):
            with pytest.raises(AccountNotAllowed):
                await verifier.verify(token)

    verify(github, use, ALLOWED_USERS=HUBOT)

    assert questions(github) == (1, 0)
