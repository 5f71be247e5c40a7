"""The grants of an account on the real Reboot runtime, asked as the endpoints ask it."""

import asyncio
import dataclasses
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from reboot.aio.applications import Application
from reboot.controller.shards import make_shard_infos
from rebootdev.aio.contexts import EffectValidation
from rebootdev.server.database import DatabaseClient

from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.grant import (
    RECORDS_PER_ACCOUNT,
    REPEAT_WINDOW_SECONDS,
    GrantsServicer,
    make_room,
    prune,
)
from gist_mcp.tokens import grants
from gist_mcp.tokens.code_and_refresh_token import (
    REFRESH_TOKEN_LIFETIME_SECONDS,
    Granted,
    RefreshToken,
)
from gist_mcp.tokens.github_tokens import GitHubPair
from gist_state.v1.grant import GrantRecord
from gist_state.v1.grant_rbt import Grants
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000
ACCOUNT = "a" * 32


class GrantRuntime(Runtime):
    """Calls of the state type."""

    def redeem(self, grant_id: str, *, now: int = NOW, account: str = ACCOUNT) -> str:
        outcome: str = self.run(
            grants.redeem(
                self.context, account, grant_id=grant_id, code_expires_at=NOW + 60, now_seconds=now
            )
        )
        return outcome

    def rotate(self, token: RefreshToken, *, now: int = NOW) -> tuple[str, int]:
        answer: tuple[str, int] = self.run(
            grants.rotate(self.context, ACCOUNT, token, now_seconds=now)
        )
        return answer

    def revoke(self, grant_id: str, *, generation: int | None = None) -> None:
        self.run(
            grants.revoke(
                self.context, ACCOUNT, grant_id=grant_id, generation=generation, now_seconds=NOW
            )
        )

    def look_up(
        self,
        grant_id: str,
        *,
        generation: int | None = None,
        now: int = NOW,
        account: str = ACCOUNT,
    ) -> str:
        outcome: str = self.run(
            grants.look_up(
                self.context, account, grant_id=grant_id, generation=generation, now_seconds=now
            )
        )
        return outcome


@pytest.fixture(scope="module")
def runtime() -> Iterator[GrantRuntime]:
    with asyncio.Runner() as runner, running(GrantRuntime, GrantsServicer, runner) as started:
        yield started


def token(grant_id: str, generation: int = 0) -> RefreshToken:
    granted = Granted(
        grant_id=grant_id,
        client_key="c",
        user_id=GitHubUserId(1),
        login="octocat",
        scopes=frozenset({"gist"}),
        github=GitHubPair(access=GitHubToken("gho_x")),
    )
    return RefreshToken(granted=granted, generation=generation, expires_at=NOW + 1)


def new_id() -> str:
    return secrets.token_urlsafe(16)


def test_a_code_is_redeemed_once_and_the_second_time_revokes(runtime: GrantRuntime) -> None:
    grant_id = new_id()

    outcomes = (runtime.redeem(grant_id), runtime.look_up(grant_id))
    again = (runtime.redeem(grant_id), runtime.look_up(grant_id), runtime.redeem(grant_id))

    assert outcomes == ("ok", "ok")
    assert again == ("replayed", "unknown", "replayed")


def test_a_code_ends_with_its_last_second(runtime: GrantRuntime) -> None:
    in_time, too_late = new_id(), new_id()

    assert runtime.redeem(in_time, now=NOW + 59) == "ok"
    assert runtime.redeem(too_late, now=NOW + 60) == "expired"
    assert runtime.look_up(too_late) == "unknown"


def test_an_account_that_never_redeemed_has_no_grants(runtime: GrantRuntime) -> None:
    assert runtime.look_up(new_id(), account="b" * 32) == "unknown"


def test_rotation_counts_up_and_may_be_repeated_for_a_minute(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)
    last_second = NOW + REPEAT_WINDOW_SECONDS - 1

    answers = [
        runtime.rotate(token(grant_id)),
        runtime.rotate(token(grant_id), now=last_second),
        runtime.rotate(token(grant_id, 1), now=last_second),
    ]

    assert answers == [("ok", 1), ("ok", 1), ("ok", 2)]


@pytest.mark.parametrize(
    ("presented", "rotations", "later"), [(0, 1, REPEAT_WINDOW_SECONDS), (0, 2, 0), (5, 1, 0)]
)
def test_reuse_revokes_the_grant(
    runtime: GrantRuntime, presented: int, rotations: int, later: int
) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)
    for generation in range(rotations):
        runtime.rotate(token(grant_id, generation))

    foretold = runtime.look_up(grant_id, generation=presented, now=NOW + later)
    reused = runtime.rotate(token(grant_id, presented), now=NOW + later)
    newest = runtime.rotate(token(grant_id, rotations), now=NOW + later)

    assert (foretold, reused, newest) == ("replayed", ("replayed", 0), ("unknown", 0))


def test_asking_does_not_rotate(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)

    asked = [runtime.look_up(grant_id, generation=0) for _ in range(3)]

    assert asked == ["ok"] * 3
    assert runtime.rotate(token(grant_id)) == ("ok", 1)


def test_of_twenty_rotations_at_once_all_get_the_same_generation(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)

    async def twenty() -> list[tuple[str, int]]:
        rotations = (
            grants.rotate(runtime.context, ACCOUNT, token(grant_id), now_seconds=NOW)
            for _ in range(20)
        )
        return await asyncio.gather(*rotations)

    assert set(runtime.run(twenty())) == {("ok", 1)}


def test_a_grant_ends_thirty_days_after_its_last_rotation(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)
    runtime.rotate(token(grant_id), now=NOW + 1000)
    end = NOW + 1000 + REFRESH_TOKEN_LIFETIME_SECONDS

    assert runtime.look_up(grant_id, now=end - 1) == "ok"
    assert runtime.look_up(grant_id, now=end) == "unknown"


def test_a_revoked_grant_stays_revoked_and_its_code_used(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)
    runtime.revoke(grant_id)

    assert runtime.look_up(grant_id) == "unknown"
    assert runtime.rotate(token(grant_id)) == ("unknown", 0)
    assert runtime.redeem(grant_id) == "replayed"


def test_a_grant_that_went_on_is_not_revoked_for_an_older_generation(runtime: GrantRuntime) -> None:
    grant_id = new_id()
    runtime.redeem(grant_id)
    runtime.rotate(token(grant_id))

    runtime.revoke(grant_id, generation=0)
    after_the_older = runtime.look_up(grant_id)
    runtime.revoke(grant_id, generation=1)

    assert (after_the_older, runtime.look_up(grant_id)) == ("ok", "unknown")


def test_a_grant_survives_a_restart(runtime: GrantRuntime) -> None:
    kept, revoked = new_id(), new_id()
    runtime.redeem(kept)
    runtime.redeem(revoked)
    runtime.revoke(revoked)

    async def down_and_up() -> None:
        await runtime.rbt.down()
        await runtime.rbt.up(
            Application(servicers=[GrantsServicer]),
            in_process=True,
            effect_validation=EffectValidation.QUIET,
        )

    runtime.run(down_and_up())
    runtime.context = runtime.rbt.create_external_context(name="test", app_internal=True)

    assert (runtime.look_up(kept), runtime.look_up(revoked)) == ("ok", "unknown")


def test_a_stranger_may_not_call(runtime: GrantRuntime) -> None:
    stranger = runtime.rbt.create_external_context(name="stranger", bearer_token="guess")

    with pytest.raises(Grants.LookUpAborted, match=r"(?i)unauthenticated|permission"):
        runtime.run(Grants.ref(ACCOUNT).look_up(stranger, grant_digest="ab" * 32, now_seconds=NOW))


def test_many_sign_ins_of_one_account_leave_one_bounded_state(runtime: GrantRuntime) -> None:
    account = "c" * 32
    minute = REPEAT_WINDOW_SECONDS

    ids = [new_id() for _ in range(RECORDS_PER_ACCOUNT + 20)]
    outcomes = [
        runtime.run(
            grants.redeem(
                runtime.context,
                account,
                grant_id=grant_id,
                code_expires_at=NOW + (number + 1) * minute,
                now_seconds=NOW + number * minute,
            )
        )
        for number, grant_id in enumerate(ids)
    ]
    last = NOW + len(ids) * minute
    alive = [runtime.look_up(each, account=account, now=last) for each in ids]
    stored = runtime.run(_stored(runtime, account))

    assert set(outcomes) == {"ok"}
    assert alive == ["unknown"] * 20 + ["ok"] * RECORDS_PER_ACCOUNT
    assert stored.keyed == 0
    assert 1000 < stored.bytes < RECORDS_PER_ACCOUNT * 200


@dataclass(frozen=True)
class Stored:
    """What the database holds of an account's grants, and of idempotency keys of all."""

    bytes: int
    keyed: int


async def _stored(runtime: GrantRuntime, account: str) -> Stored:
    client = DatabaseClient(runtime.rbt._server_manager._database_address)
    shard_ids = [shard.shard_id for shard in make_shard_infos()]
    stored = Stored(bytes=0, keyed=0)
    async for item in client.export(Grants.__state_type_name__, shard_ids):
        if item.HasField("idempotent_mutation"):
            stored = dataclasses.replace(stored, keyed=stored.keyed + 1)
        elif account in item.actor.state_ref:
            stored = dataclasses.replace(stored, bytes=item.ByteSize())
    return stored


def record(age: int, *, is_revoked: bool = False, rotated: int | None = None) -> GrantRecord:
    return GrantRecord(
        grant_digest=f"{age} {is_revoked}",
        issued_at_seconds=NOW - age,
        expires_at_seconds=NOW - age + 100_000,
        generation=0,
        rotated_at_seconds=NOW - (age if rotated is None else rotated),
        is_revoked=is_revoked,
    )


def test_a_full_account_gives_up_the_revoked_then_the_longest_unused() -> None:
    living = [record(1000 + age) for age in range(RECORDS_PER_ACCOUNT - 1)]
    revoked = record(500, is_revoked=True)
    old_but_used = record(9999, rotated=1)

    assert revoked not in make_room([*living, revoked], NOW)
    left = make_room([*living, old_but_used], NOW)
    assert old_but_used in left
    assert living[-1] not in left


def test_a_grant_whose_code_may_be_alive_never_leaves() -> None:
    fresh = [record(age) for age in range(RECORDS_PER_ACCOUNT)]

    assert make_room(fresh, NOW) == fresh


def test_expired_grants_are_pruned() -> None:
    records = [record(10), record(200_000)]

    assert prune(records, NOW) == records[:1]


def test_ending_all_access_ends_every_grant_and_leaves_none_of_them(runtime: GrantRuntime) -> None:
    account = secrets.token_hex(16)
    ids = [new_id() for _ in range(2)]
    for each in ids:
        runtime.redeem(each, account=account)

    for _ in range(2):
        runtime.run(grants.end_all(runtime.context, account, now_seconds=NOW + 1))

    living = runtime.run(grants.living(runtime.context, account, now_seconds=NOW + 1))
    assert [runtime.look_up(each, account=account) for each in ids] == ["unknown", "unknown"]
    assert (living.clients, living.ended_at_seconds) == ((), NOW + 1)


def test_what_was_made_before_all_access_ended_counts_no_more(runtime: GrantRuntime) -> None:
    account = secrets.token_hex(16)
    runtime.run(grants.end_all(runtime.context, account, now_seconds=NOW))

    def counts(issued_at: int) -> bool:
        return bool(
            runtime.run(
                grants.counts_still(
                    runtime.context, account, issued_at_seconds=issued_at, now_seconds=NOW + 5
                )
            )
        )

    # Its code is of this very second.
    assert runtime.redeem(new_id(), now=NOW + 1, account=account) == "expired"
    assert (counts(NOW), counts(NOW + 1)) == (False, True)


def test_nobody_who_never_redeemed_has_ended_anything(runtime: GrantRuntime) -> None:
    living = runtime.run(grants.living(runtime.context, secrets.token_hex(16), now_seconds=NOW))

    assert living == grants.AccountGrants()


def test_one_client_ends_and_the_other_does_not(runtime: GrantRuntime) -> None:
    account = secrets.token_hex(16)
    ended, kept = new_id(), new_id()
    runtime.redeem(ended, account=account)
    living = runtime.run(grants.living(runtime.context, account, now_seconds=NOW))
    (client,) = living.clients
    runtime.redeem(kept, account=account)

    runtime.run(grants.end_client(runtime.context, account, digest=client.digest, now_seconds=NOW))

    assert runtime.look_up(ended, account=account) == "unknown"
    assert runtime.look_up(kept, account=account) == "ok"
