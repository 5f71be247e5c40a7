"""Known tokens on the real Reboot runtime, asked as the verifier asks."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from gist_mcp.config import Config
from gist_mcp.config_source import parse_config
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.known_token import (
    BUCKETS,
    LIFETIME_SECONDS,
    RECORDS_PER_BUCKET,
    KnownTokensServicer,
    bucket_id,
    prune,
)
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.sealing import Sealer
from gist_state.v1.known_token import KnownTokenRecord, RememberRequest
from gist_state.v1.known_token_pb2_grpc import KnownTokensMethodsStub
from gist_state.v1.known_token_rbt import KnownTokens as KnownTokensState
from gist_state.v1.known_token_rbt import KnownTokensRememberRequestToProto
from tests.support.runtime import Runtime, RuntimeCalls, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
KEY, NEWER_KEY = "k" * 40, "n" * 40
EXPIRES = NOW + 28_800


def config(**settings: str) -> Config:
    given = {"GITHUB_CLIENT_ID": "our-app", "GITHUB_CLIENT_SECRET": "secret"}
    return parse_config(given | settings, production=False)


class Deployment:
    """Durable state, and processes with settings of their own in front of it."""

    def __init__(self, runtime: Runtime) -> None:
        self.run = runtime.run
        self.calls = RuntimeCalls(runtime.rbt)
        self.now = float(NOW)

    def process(self, *keys: str, **settings: str) -> KnownTokens:
        sealer = Sealer(keys or (KEY,))
        return KnownTokens(config(**settings), sealer, self.calls, lambda: self.now)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, KnownTokensServicer, runner) as started:
        yield started


@pytest.fixture
def deployment(runtime: Runtime) -> Deployment:
    return Deployment(runtime)


def credential(**changes: Any) -> GitHubCredential:
    given: dict[str, Any] = {
        "token": GitHubToken(f"gho_{secrets.token_hex(18)}"),
        "user_id": GitHubUserId(583_231),
        "login": "octocat",
        "scopes": frozenset({"gist", "read:user"}),
        "expires_at_seconds": EXPIRES,
    }
    return GitHubCredential(**(given | changes))


@pytest.mark.parametrize("scopes", [None, frozenset(), frozenset({"gist", "read:user"})])
@pytest.mark.parametrize("expires_at_seconds", [None, EXPIRES])
def test_what_was_remembered_is_known_to_every_process(
    deployment: Deployment, scopes: frozenset[str] | None, expires_at_seconds: int | None
) -> None:
    remembered = credential(scopes=scopes, expires_at_seconds=expires_at_seconds)
    deployment.run(deployment.process().remember(remembered))

    found = deployment.run(deployment.process().look_up(remembered.token))

    assert found == remembered


def test_another_token_is_unknown(deployment: Deployment) -> None:
    deployment.run(deployment.process().remember(credential()))

    assert deployment.run(deployment.process().look_up(credential().token)) is None


def test_a_forgotten_token_is_unknown(deployment: Deployment) -> None:
    dead = credential()
    deployment.run(deployment.process().remember(dead))

    deployment.run(deployment.process().forget(dead.token))

    assert deployment.run(deployment.process().look_up(dead.token)) is None


def test_every_token_of_an_account_is_forgotten_and_no_others(deployment: Deployment) -> None:
    process = deployment.process()
    gone = [credential() for _ in range(3)]
    kept = credential(user_id=GitHubUserId(1), login="hubot")
    for each in (*gone, kept):
        deployment.run(process.remember(each))

    for _ in range(2):
        deployment.run(process.forget_account(GitHubUserId(583_231)))

    assert [deployment.run(process.look_up(each.token)) for each in gone] == [None] * 3
    assert deployment.run(process.look_up(kept.token)) == kept


def test_a_token_stays_known_while_keys_rotate(deployment: Deployment) -> None:
    remembered = credential()
    deployment.run(deployment.process(KEY).remember(remembered))

    rotated = deployment.run(deployment.process(NEWER_KEY, KEY).look_up(remembered.token))
    after = deployment.run(deployment.process(NEWER_KEY).look_up(remembered.token))

    assert (rotated, after) == (remembered, None)


@pytest.mark.parametrize(
    "other",
    [
        {"GITHUB_CLIENT_ID": "another-app"},
        {"GITHUB_TOKENS": "any"},
        {"GITHUB_WEB_URL": "https://ghe.example", "GITHUB_API_URL": "https://ghe.example/api/v3"},
    ],
)
def test_what_was_said_of_one_app_says_nothing_of_another(
    deployment: Deployment, other: dict[str, str]
) -> None:
    remembered = credential()
    deployment.run(deployment.process(**other).remember(remembered))

    assert deployment.run(deployment.process().look_up(remembered.token)) is None


def test_an_expired_token_is_unknown(deployment: Deployment) -> None:
    expiring, lasting = credential(), credential(expires_at_seconds=None)
    for each in (expiring, lasting):
        deployment.run(deployment.process().remember(each))

    deployment.now = EXPIRES

    assert deployment.run(deployment.process().look_up(expiring.token)) is None
    assert deployment.run(deployment.process().look_up(lasting.token)) == lasting
    deployment.now = NOW + LIFETIME_SECONDS
    assert deployment.run(deployment.process().look_up(lasting.token)) is None


def record(digest: str, **changes: Any) -> KnownTokenRecord:
    given: dict[str, Any] = {
        "token_digest": digest,
        "user_id": 583_231,
        "login": "octocat",
        "known_at_seconds": NOW,
    }
    return KnownTokenRecord(**(given | changes))


def test_the_oldest_leaves_a_full_bucket(deployment: Deployment, runtime: Runtime) -> None:
    digests = [f"{BUCKETS * n:08x}" + "0" * 56 for n in range(RECORDS_PER_BUCKET + 1)]
    assert {bucket_id(each) for each in digests} == {bucket_id("0" * 64)}
    stub, own_calls = KnownTokensMethodsStub, RuntimeCalls(runtime.rbt)

    async def fill() -> list[str]:
        for digest in digests:
            request = KnownTokensRememberRequestToProto(RememberRequest(record=record(digest)))
            await own_calls.call(KnownTokensState, stub, bucket_id(digest), "Remember", request)
        context = runtime.context
        own_id = own_calls.own_id(bucket_id(digests[0]))
        known = [
            await KnownTokensState.ref(own_id).look_up(
                context, token_digest=digest, now_seconds=NOW
            )
            for digest in digests
        ]
        return [each.record.token_digest for each in known if each.record is not None]

    assert runtime.run(fill()) == digests[1:]


def test_what_is_dead_is_pruned() -> None:
    living = record("a", expires_at_seconds=NOW + 1)
    dead = [record("b", expires_at_seconds=NOW), record("c", known_at_seconds=NOW - 10**9)]

    assert prune([living, *dead], NOW) == [living]
