"""Tokens that come without our seal: the app asks once about each, and not without end.

On the real Reboot runtime, with the simulated GitHub, and with several processes' verifiers.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx
import pytest

from gist_mcp.config_source import parse_config
from gist_mcp.errors import GitHubUnavailable, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.http import make_http_client
from gist_mcp.servicers.guess_budget import IMPLAUSIBLE, PLAUSIBLE, RATES, GuessBudgetServicer
from gist_mcp.servicers.known_token import KnownTokensServicer
from gist_mcp.tokens.guess_budget import GuessBudget, TooManyGuesses
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.token_checksum import checksum
from gist_mcp.tokens.verifier import BearerVerifier, Caller
from tests.support.allowed_accounts import allowed_without_state
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.runtime import Runtime, RuntimeCalls, running
from tests.tokens.verifying import Clock, questions

pytestmark = pytest.mark.integration

BURST = int(RATES[PLAUSIBLE].burst)


class Deployment:
    """Some verifiers, each with a memory of its own, as processes have them."""

    def __init__(self, runtime: Runtime, github: GitHubSimulator, http: httpx.AsyncClient) -> None:
        self._runtime = runtime
        self._http = http
        self._github = github
        self._calls = RuntimeCalls(runtime.rbt)
        self.clock = Clock()

    def process(self, **settings: str) -> BearerVerifier:
        """Another process, or the same one after a restart."""
        config = parse_config(
            {
                "GITHUB_CLIENT_ID": self._github.client_id,
                "GITHUB_CLIENT_SECRET": self._github.client_secret,
                "GITHUB_WEB_URL": self._github.url,
                "GITHUB_API_URL": self._github.url,
                "TOKEN_KEYS": "k" * 40,
                **settings,
            },
            production=False,
        )
        sealer = Sealer(["k" * 40])
        github = GitHubClient(self._http, config.github_api_url)
        return BearerVerifier(
            config=config,
            sealer=sealer,
            github=github,
            allowed=allowed_without_state(config, github),
            clock=self.clock,
            guesses=GuessBudget(self._calls, self.clock),
            known_tokens=KnownTokens(config, sealer, self._calls, self.clock),
        )

    def verify(self, process: BearerVerifier, token: str, **given: Any) -> Caller:
        caller: Caller = self._runtime.run(process.verify(token, **given))
        return caller

    def outcomes(self, *work: Coroutine[Any, Any, Caller]) -> list[type]:
        async def together() -> list[Any]:
            ended: list[Any] = await asyncio.gather(*work, return_exceptions=True)
            return ended

        ended: list[Any] = self._runtime.run(together())
        kinds: list[type] = [type(each) for each in ended]
        return kinds

    def flood(self, process: BearerVerifier, count: int, **given: Any) -> int:
        """How many made-up tokens of so many GitHub was asked about."""
        work = [process.verify(made_up_token(), **given) for _ in range(count)]
        outcomes = self.outcomes(*work)
        assert set(outcomes) <= {SignInRequired, TooManyGuesses}
        return outcomes.count(SignInRequired)


def made_up_token() -> str:
    body = secrets.token_hex(15)
    return f"gho_{body}{checksum(body)}"


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running_simulator:
        yield running_simulator


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    servicers = (GuessBudgetServicer, KnownTokensServicer)
    with asyncio.Runner() as runner, running(Runtime, servicers, runner) as started:
        yield started


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


@pytest.fixture
def deployment(runtime: Runtime, github: GitHubSimulator) -> Iterator[Deployment]:
    http = make_http_client()
    yield Deployment(runtime, github, http)
    runtime.run(http.aclose())


def test_the_app_is_asked_once_for_all_processes_and_restarts(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    token = github.create_token("hubot", ["gist"])

    callers = [deployment.verify(deployment.process(), token) for _ in range(4)]

    assert questions(github) == (1, 3)
    assert {(each.principal.login, each.credential.scopes) for each in callers} == {
        ("hubot", frozenset({"gist"}))
    }


def test_a_known_token_that_was_revoked_is_refused_and_forgotten(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    token = github.create_token("octocat")
    deployment.verify(deployment.process(), token)
    github.revoke_tokens("octocat")

    for _ in range(2):
        with pytest.raises(SignInRequired):
            deployment.verify(deployment.process(), token)

    # The second time it is as unknown as any other.
    assert questions(github) == (2, 1)


def test_what_any_token_may_do_is_not_known_of_the_apps(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    personal = github.create_token("octocat", kind="classic")
    foreign = github.create_token("octocat", kind="app_user")
    for token in (personal, foreign):
        deployment.verify(deployment.process(GITHUB_TOKENS="any"), token)

    for token in (personal, foreign):
        with pytest.raises(SignInRequired):
            deployment.verify(deployment.process(), token)


def test_made_up_tokens_share_one_budget_over_all_processes(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    asked = sum(deployment.flood(deployment.process(), BURST) for _ in range(4))

    assert asked == BURST
    assert questions(github) == (BURST, 0)


def test_known_tokens_and_those_of_known_people_are_let_in_during_a_flood(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    known, new = github.create_token("octocat"), github.create_token("octocat")
    deployment.verify(deployment.process(), known)
    deployment.flood(deployment.process(), 2 * BURST)
    process = deployment.process()

    assert deployment.verify(process, known).principal.login == "octocat"
    with pytest.raises(TooManyGuesses):
        deployment.verify(process, new)
    assert deployment.verify(process, new, account="octocats").principal.login == "octocat"


def test_a_flood_of_nonsense_leaves_room_for_what_looks_like_a_token(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    work = [deployment.process().verify(f"gho_{secrets.token_hex(18)}") for _ in range(200)]

    asked = deployment.outcomes(*work).count(SignInRequired)

    assert asked == RATES[IMPLAUSIBLE].burst
    token = github.create_token("octocat")
    assert deployment.verify(deployment.process(), token).principal.login == "octocat"


def test_the_same_token_at_once_costs_one_question(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    process, token = deployment.process(), made_up_token()

    outcomes = deployment.outcomes(*(process.verify(token) for _ in range(50)))

    assert set(outcomes) == {SignInRequired}
    assert questions(github) == (1, 0)
    assert deployment.flood(process, 2 * BURST) == BURST - 1


def test_while_github_is_down_nobodys_budget_is_used_up(
    deployment: Deployment, github: GitHubSimulator
) -> None:
    fault = github.add_fault("status_before", path="/applications/.*", status=503, times=None)
    process = deployment.process()
    outcomes = deployment.outcomes(*(process.verify(made_up_token()) for _ in range(BURST)))
    fault.remove()

    assert set(outcomes) == {GitHubUnavailable}
    assert deployment.flood(process, 2 * BURST) == BURST
