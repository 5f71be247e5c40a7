"""A token that we sealed is asked about with itself, and stays with its account."""

from collections.abc import Iterator

import pytest

from gist_mcp.errors import GitHubUnavailable, RateLimited, SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tokens.verifier import BearerVerifier, Caller
from tests.support.github_simulator import FaultKind, GitHubSimulator, GitHubSimulatorInProcess
from tests.tokens.verifying import NOW, Clock, free_of_charge, questions, sealed, verify


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running:
        yield running


@pytest.fixture
def github(simulator: GitHubSimulator) -> GitHubSimulator:
    simulator.reset()
    return simulator


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

    async def use(verifier: BearerVerifier, _clock: Clock) -> None:
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


@pytest.mark.parametrize("kind", ["rate_limit_primary", "rate_limit_secondary"])
def test_while_github_answers_nobody_a_yes_of_the_last_hour_counts(
    github: GitHubSimulator, kind: FaultKind
) -> None:
    bearer = sealed(github, github.create_token("octocat"))

    async def use(verifier: BearerVerifier, clock: Clock) -> list[int]:
        await verifier.verify(bearer)
        asked = [questions(github)[1]]
        github.add_fault(kind, path="/user")
        for seconds in (61, 62, 3500):
            clock.now = NOW + seconds
            assert (await verifier.verify(bearer)).principal.login == "octocat"
            asked.append(questions(github)[1])
        return asked

    before, first, while_limited, *_ = verify(github, use)

    # Once, and not again before GitHub has said so.
    assert first == before + 1
    assert while_limited == first


def test_a_yes_that_is_too_old_does_not_count_while_github_answers_nobody(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat")

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        await verifier.verify(token)
        github.add_fault("rate_limit_primary", path="/user", times=10)
        clock.now = NOW + 3599
        await verifier.verify(token)
        clock.now = NOW + 3601
        with pytest.raises(RateLimited):
            await verifier.verify(token)

    verify(github, use)


def test_a_no_is_never_turned_into_a_yes_by_a_limit(github: GitHubSimulator) -> None:
    bearer = sealed(github, github.create_token("octocat"))

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        await verifier.verify(bearer)
        github.revoke_tokens("octocat")
        clock.now = NOW + 61
        with pytest.raises(SignInRequired):
            await verifier.verify(bearer)
        github.add_fault("rate_limit_primary", path="/user")
        clock.now = NOW + 122
        with pytest.raises((SignInRequired, RateLimited)):
            await verifier.verify(bearer)

    verify(github, use)


def test_what_github_refused_to_a_tool_is_no_yes_while_it_answers_nobody(
    github: GitHubSimulator,
) -> None:
    token = github.create_token("octocat")
    bearer = sealed(github, token)

    async def use(verifier: BearerVerifier, clock: Clock) -> None:
        await verifier.verify(bearer)
        verifier.forget(GitHubToken(token))
        github.add_fault("rate_limit_primary", path="/user")
        with pytest.raises(RateLimited):
            await verifier.verify(bearer)

    verify(github, use)


def test_a_token_that_was_sealed_just_now_is_believed_in_every_process(
    github: GitHubSimulator,
) -> None:
    bearer = sealed(github, github.create_token("octocat"), seconds_ago=1)

    async def use(verifier: BearerVerifier, _clock: Clock) -> Caller:
        await verifier.verify(bearer)
        return await verifier.verify(bearer)

    async def use_later(verifier: BearerVerifier, clock: Clock) -> Caller:
        clock.now = NOW + 60
        return await verifier.verify(bearer)

    verify(github, use)
    caller = verify(github, use)
    asked_at_once = questions(github)
    verify(github, use_later)

    assert caller.principal.login == "octocat"
    assert asked_at_once == (0, 0)
    assert questions(github) == (0, 1)


def test_what_github_refuses_is_not_believed_again_however_fresh_it_is(
    github: GitHubSimulator,
) -> None:
    bearer = sealed(github, github.create_token("octocat"), seconds_ago=1)
    github.revoke_tokens("octocat")

    async def use(verifier: BearerVerifier, _clock: Clock) -> None:
        caller = await verifier.verify(bearer)
        verifier.forget(caller.credential.token)
        for _ in range(2):
            with pytest.raises(SignInRequired):
                await verifier.verify(bearer)

    verify(github, use)
