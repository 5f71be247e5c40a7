"""A bearer token is what GitHub says it is, asked no more often than needed."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gist_mcp.errors import GitHubUnavailable, SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tokens.verifier import BearerVerifier
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.tokens.verifying import NOW, Clock, free_of_charge, questions, verify


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


def test_a_token_of_the_app_stands_for_its_user_and_granted_scopes(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("hubot", ["gist"], kind="oauth")

    caller = verify(github, lambda verifier, _: verifier.verify(token))

    (hubot,) = [user for user in github.users() if user.login == "hubot"]
    assert caller.principal.user_id == hubot.user_id
    assert caller.principal.login == "hubot"
    assert caller.credential.scopes == frozenset({"gist"})


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


def test_what_github_said_before_an_account_was_disconnected_does_not_count(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat", ["gist"], kind="oauth")
    other = github.create_token("hubot", ["gist"], kind="oauth")

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        caller = await verifier.verify(token)
        await verifier.verify(other)
        github.revoke_tokens("octocat")
        asked = sum(questions(github))
        clock.now += 1
        verifier.disbelieve(caller.principal.user_id)
        # Another process still passes on what it has heard.
        identified = replace(await verifier.identify(other), vouched_at_seconds=clock.now)
        await verifier.validate(identified)
        assert sum(questions(github)) == asked
        with pytest.raises(SignInRequired):
            await verifier.verify(token)

    verify(github, use)


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


def test_what_another_process_has_verified_is_asked_about_without_the_app(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat")

    async def use(verifier: BearerVerifier, _: Clock) -> None:
        identified = await verifier.identify(token)
        verifier.forget(identified.credential.token)
        elsewhere = replace(identified, is_fresh=False)
        assert await verifier.validate(elsewhere) == identified.credential

    verify(github, use)

    assert questions(github) == (1, 1)


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
