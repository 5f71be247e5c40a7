"""The sign-in state machine on the real Reboot runtime, asked as the endpoints ask it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from reboot.aio.applications import Application
from reboot.controller.shards import make_shard_infos
from rebootdev.aio.contexts import EffectValidation
from rebootdev.server.database import DatabaseClient

from gist_mcp.constants import SIGN_IN_LIFETIME_SECONDS, SIGN_IN_REMEMBERED_SECONDS
from gist_mcp.oauth import sign_in
from gist_mcp.oauth.sign_in import Claimed, SignInRefused
from gist_mcp.servicers.sign_in import (
    BUCKETS,
    ISSUED,
    RECORDS_PER_BUCKET,
    REDEEM_AFTER_EXPIRY_SECONDS,
    REDEEMED,
    RETURNED,
    SignInsServicer,
    bucket_id,
    make_room,
    prune,
)
from gist_state.v1.sign_in import SignInRecord
from gist_state.v1.sign_in_rbt import SignIns
from tests.support.runtime import Runtime, running

NOW = 1_800_000_000
BROWSER = secrets.token_urlsafe(32)
CODE = "0123456789abcdef0123"


class SignInRuntime(Runtime):
    """Calls of the state type."""

    def outcome(self, work: Awaitable[Any]) -> str:
        async def caught() -> str:
            try:
                await work
            except SignInRefused as refused:
                return refused.outcome
            return "ok"

        return str(self.run(caught()))

    def issued(self, *, now: int = NOW) -> str:
        oauth_state = secrets.token_urlsafe(32)
        self.run(
            sign_in.issue(
                self.context, oauth_state=oauth_state, browser_secret=BROWSER, now_seconds=now
            )
        )
        return oauth_state

    def claim(self, oauth_state: str, **changes: Any) -> Awaitable[Claimed]:
        given: dict[str, Any] = {
            "browser_secrets": ["an older cookie", BROWSER],
            "code": CODE,
            "incarnation": "first",
            "now_seconds": NOW + 5,
        }
        return sign_in.claim(self.context, oauth_state=oauth_state, **(given | changes))

    def redeem(self, oauth_state: str, **changes: Any) -> Awaitable[None]:
        given: dict[str, Any] = {"code": CODE, "incarnation": "first", "now_seconds": NOW + 6}
        return sign_in.redeem(self.context, oauth_state=oauth_state, **(given | changes))


@pytest.fixture(scope="module")
def start_runtime() -> Iterator[Callable[..., SignInRuntime]]:
    with asyncio.Runner() as runner, ExitStack() as started:

        def start(effect_validation: EffectValidation = EffectValidation.QUIET) -> SignInRuntime:
            return started.enter_context(
                running(SignInRuntime, SignInsServicer, runner, effect_validation)
            )

        yield start


@pytest.fixture(scope="module")
def runtime(start_runtime: Callable[..., SignInRuntime]) -> SignInRuntime:
    return start_runtime()


@pytest.mark.integration
def test_a_sign_in_is_issued_claimed_and_redeemed(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()

    claimed = runtime.run(runtime.claim(oauth_state))
    redeemed = runtime.outcome(runtime.redeem(oauth_state))

    assert claimed == Claimed(flow="tutorial", is_resumed=False)
    assert redeemed == "ok"


@pytest.mark.integration
def test_a_state_that_was_never_issued_is_unknown(runtime: SignInRuntime) -> None:
    assert runtime.outcome(runtime.claim(secrets.token_urlsafe(32))) == "unknown"


@pytest.mark.integration
def test_a_sign_in_may_be_claimed_until_it_expires(runtime: SignInRuntime) -> None:
    in_time, too_late = runtime.issued(), runtime.issued()
    end = NOW + SIGN_IN_LIFETIME_SECONDS

    outcomes = (
        runtime.outcome(runtime.claim(in_time, now_seconds=end - 1)),
        runtime.outcome(runtime.claim(too_late, now_seconds=end)),
    )

    assert outcomes == ("ok", "expired")


@pytest.mark.integration
def test_a_claim_in_the_last_second_can_still_be_redeemed(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()
    end = NOW + SIGN_IN_LIFETIME_SECONDS
    runtime.run(runtime.claim(oauth_state, now_seconds=end - 1))

    outcome = runtime.outcome(runtime.redeem(oauth_state, now_seconds=end + 30))

    assert outcome == "ok"


@pytest.mark.integration
def test_another_browser_is_refused_and_uses_up_nothing(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()

    stranger = runtime.outcome(
        runtime.claim(oauth_state, browser_secrets=[secrets.token_urlsafe(32)])
    )
    without_cookie = runtime.outcome(runtime.claim(oauth_state, browser_secrets=[]))
    owner = runtime.outcome(runtime.claim(oauth_state))

    assert (stranger, without_cookie, owner) == ("other_browser", "other_browser", "ok")


@pytest.mark.integration
def test_another_browser_is_not_told_how_a_sign_in_stands(runtime: SignInRuntime) -> None:
    redeemed, expired = runtime.issued(), runtime.issued()
    runtime.run(runtime.claim(redeemed))
    runtime.run(runtime.redeem(redeemed))
    late = NOW + SIGN_IN_LIFETIME_SECONDS

    outcomes = {
        runtime.outcome(runtime.claim(redeemed, browser_secrets=[])),
        runtime.outcome(runtime.claim(expired, browser_secrets=[], now_seconds=late)),
    }

    assert outcomes == {"other_browser"}


@pytest.mark.integration
def test_a_second_claim_is_a_replay(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()
    runtime.run(runtime.claim(oauth_state))

    same_code = runtime.outcome(runtime.claim(oauth_state))
    other_code = runtime.outcome(runtime.claim(oauth_state, code="another"))

    assert (same_code, other_code) == ("replayed", "replayed")


@pytest.mark.integration
def test_nothing_follows_on_redeemed(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()
    runtime.run(runtime.claim(oauth_state))
    runtime.run(runtime.redeem(oauth_state))

    again = (
        runtime.outcome(runtime.redeem(oauth_state)),
        runtime.outcome(runtime.claim(oauth_state)),
        runtime.outcome(runtime.claim(oauth_state, incarnation="second")),
    )

    assert again == ("replayed", "replayed", "replayed")


@pytest.mark.integration
def test_redeeming_needs_the_claim_and_its_code(runtime: SignInRuntime) -> None:
    unclaimed, claimed = runtime.issued(), runtime.issued()
    runtime.run(runtime.claim(claimed))

    outcomes = (
        runtime.outcome(runtime.redeem(unclaimed)),
        runtime.outcome(runtime.redeem(claimed, code="another")),
        runtime.outcome(runtime.redeem(claimed, incarnation="second")),
        runtime.outcome(runtime.redeem(claimed)),
    )

    assert outcomes == ("unknown", "unknown", "unknown", "ok")


@pytest.mark.integration
def test_of_twenty_claims_at_once_one_wins(runtime: SignInRuntime) -> None:
    oauth_state = runtime.issued()

    async def twenty() -> list[object]:
        claims = (runtime.claim(oauth_state) for _ in range(20))
        return await asyncio.gather(*claims, return_exceptions=True)

    answers = runtime.run(twenty())

    assert sum(isinstance(each, Claimed) for each in answers) == 1
    refusals = [each for each in answers if isinstance(each, SignInRefused)]
    assert [each.outcome for each in refusals] == ["replayed"] * 19


@pytest.mark.integration
def test_a_sign_in_survives_a_restart_between_issue_and_claim(
    start_runtime: Callable[..., SignInRuntime],
) -> None:
    runtime = start_runtime()
    oauth_state = runtime.issued()

    _restart(runtime)

    assert runtime.outcome(runtime.claim(oauth_state, incarnation="second")) == "ok"


@pytest.mark.integration
def test_a_crash_between_claim_and_redeem_lets_the_next_run_finish_once(
    start_runtime: Callable[..., SignInRuntime],
) -> None:
    runtime = start_runtime()
    oauth_state = runtime.issued()
    runtime.run(runtime.claim(oauth_state))

    _restart(runtime)

    outcomes = (
        runtime.outcome(runtime.claim(oauth_state, incarnation="second", code="another")),
        runtime.run(runtime.claim(oauth_state, incarnation="second")).is_resumed,
        runtime.outcome(runtime.claim(oauth_state, incarnation="second")),
        runtime.outcome(runtime.redeem(oauth_state)),
        runtime.outcome(runtime.redeem(oauth_state, incarnation="second")),
    )
    assert outcomes == ("replayed", True, "replayed", "unknown", "ok")


def _restart(runtime: SignInRuntime) -> None:
    async def down_and_up() -> None:
        await runtime.rbt.down()
        await runtime.rbt.up(
            Application(servicers=[SignInsServicer]),
            in_process=True,
            effect_validation=EffectValidation.QUIET,
        )

    runtime.run(down_and_up())
    runtime.context = runtime.rbt.create_external_context(name="test", app_internal=True)


@pytest.mark.integration
def test_a_stranger_may_not_call(runtime: SignInRuntime) -> None:
    stranger = runtime.rbt.create_external_context(name="stranger", bearer_token="guess")
    request = SignIns.IssueRequest(
        state_digest="ab" * 32, browser_digest="cd" * 32, flow="tutorial", now_seconds=NOW
    )

    with pytest.raises(SignIns.IssueAborted, match=r"(?i)unauthenticated|permission"):
        runtime.run(SignIns.ref("bucket-0001").issue(stranger, request))


@pytest.mark.integration
def test_a_flood_of_ten_thousand_leaves_bounded_state(
    start_runtime: Callable[..., SignInRuntime], capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = start_runtime(EffectValidation.DISABLED)

    async def flood(amount: int) -> None:
        await asyncio.gather(
            *(
                sign_in.issue(
                    runtime.context,
                    oauth_state=secrets.token_urlsafe(32),
                    browser_secret=secrets.token_urlsafe(32),
                    now_seconds=NOW,
                )
                for _ in range(amount)
            )
        )

    before = runtime.run(_stored(runtime))
    for _ in range(50):
        runtime.run(flood(200))
    after = runtime.run(_stored(runtime))

    with capsys.disabled():
        print(  # noqa: T201 - the number is asked for
            f"\n10,000 sign-ins begun: {before.bytes} bytes of state before, {after.bytes} after,"
            f" in {after.states} states ({after.keyed} idempotency records)"
        )
    assert before.bytes == 0
    assert after.states <= BUCKETS
    assert after.keyed == 0
    # A full record is under 350 bytes; these have no code yet.
    assert after.bytes <= BUCKETS * RECORDS_PER_BUCKET * 350


@dataclass(frozen=True)
class Stored:
    """What the database holds of `SignIns`."""

    bytes: int
    states: int
    keyed: int


async def _stored(runtime: SignInRuntime) -> Stored:
    client = DatabaseClient(runtime.rbt._server_manager._database_address)
    shard_ids = [shard.shard_id for shard in make_shard_infos()]
    states = size = keyed = 0
    async for item in client.export(SignIns.__state_type_name__, shard_ids):
        size += item.ByteSize()
        states += item.HasField("actor")
        keyed += item.HasField("idempotent_mutation")
    return Stored(bytes=size, states=states, keyed=keyed)


def test_long_expired_records_are_pruned_by_the_next_write() -> None:
    records = [record(at=NOW), record(at=NOW + 100)]
    end = NOW + SIGN_IN_REMEMBERED_SECONDS

    assert prune(records, end - 1) == records
    assert prune(records, end) == records[1:]


@pytest.mark.parametrize(
    ("phases", "leaves"),
    [
        ([ISSUED] * 8, 0),
        ([RETURNED, ISSUED] + [ISSUED] * 6, 1),
        ([ISSUED] * 7 + [REDEEMED], 7),
        ([RETURNED] * 8, 0),
    ],
)
def test_a_full_bucket_gives_up_what_is_over_or_oldest(phases: list[str], leaves: int) -> None:
    records = [record(at=NOW + age, phase=phase) for age, phase in enumerate(phases)]

    left = make_room(records, NOW + 10)

    assert left == records[:leaves] + records[leaves + 1 :]


def test_a_full_bucket_gives_up_first_what_took_too_long() -> None:
    over = NOW + SIGN_IN_LIFETIME_SECONDS + REDEEM_AFTER_EXPIRY_SECONDS
    young = [record(at=over - 1, phase=REDEEMED)] + [record(at=over) for _ in range(6)]
    late = record(at=NOW, phase=RETURNED)

    assert make_room([late, *young], over) == young
    assert make_room([late, *young], over - 1) == [late, *young[1:]]


@pytest.mark.integration
def test_a_claim_whose_time_is_over_is_not_redeemed(runtime: SignInRuntime) -> None:
    in_time, late = runtime.issued(), runtime.issued()
    runtime.run(runtime.claim(in_time))
    runtime.run(runtime.claim(late))
    over = NOW + SIGN_IN_LIFETIME_SECONDS + REDEEM_AFTER_EXPIRY_SECONDS

    outcomes = [
        runtime.outcome(runtime.redeem(in_time, now_seconds=over - 1)),
        runtime.outcome(runtime.redeem(late, now_seconds=over)),
    ]

    assert outcomes == ["ok", "unknown"]


def test_a_bucket_with_room_gives_up_nothing() -> None:
    records = [record(at=NOW) for _ in range(RECORDS_PER_BUCKET - 1)]

    assert make_room(records, NOW) == records


def test_buckets_are_few_and_evenly_filled() -> None:
    digests = [sign_in.digest_of(str(number)) for number in range(50_000)]

    ids = {bucket_id(digest) for digest in digests}

    assert len(ids) == BUCKETS


def record(*, at: int, phase: str = ISSUED) -> SignInRecord:
    return SignInRecord(
        state_digest=sign_in.digest_of(f"{at} {phase}"),
        browser_digest=sign_in.digest_of("browser"),
        flow="tutorial",
        issued_at_seconds=at,
        expires_at_seconds=at + SIGN_IN_LIFETIME_SECONDS,
        phase=phase,
    )
