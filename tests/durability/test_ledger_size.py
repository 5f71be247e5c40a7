"""The ledger stays bounded: bytes for each gist, and after 10,000 of them in a day.

A ledger is spread over buckets that know nothing of each other. A few of them are filled here, by
the calls that the tools make, with exactly what falls to them of all the gists; the rest is like
them, so the whole is so many times as large.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from rebootdev.aio.contexts import EffectValidation

from gist_mcp.constants import CLAIM_RETENTION_SECONDS, LEDGER_BUCKETS_PER_USER
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_mcp.sessions.ledger import bucket_id, bucket_ids
from gist_state.v1.gist_ledger_rbt import GistLedger
from tests.support.runtime import Runtime, running

GISTS = 10_000
NEXT_DAY = 2_560
FILLED_BUCKETS = 3
BYTES_FOR_EACH_GIST = 800
TODAY = 1_800_000_000
TOMORROW = TODAY + CLAIM_RETENTION_SECONDS + 1

ISSUER, USER_ID = "https://github.com", GitHubUserId(583231)
FILLED = bucket_ids(ISSUER, USER_ID)[:FILLED_BUCKETS]


@dataclass(frozen=True)
class Sizes:
    """Changes, claims and bytes of JSON in the buckets that are filled."""

    writes: int
    claims: int
    size_bytes: int

    @property
    def whole_bytes(self) -> int:
        """What a ledger with all its buckets takes."""
        return self.size_bytes * LEDGER_BUCKETS_PER_USER // FILLED_BUCKETS


@dataclass
class Ledger:
    """Writes to one user's ledger as the tools do, without GitHub."""

    runtime: Runtime
    made: set[str]
    claimed: set[str]

    def make(self, numbers: range, *, now_seconds: int) -> None:
        """One gist for each number, from its intent to its record."""
        self.made, self.claimed = set(), set()
        for number in numbers:
            self.runtime.run(self._make(number, now_seconds))

    def stored(self) -> Sizes:
        """What the buckets hold."""
        found = [
            self.runtime.run(GistLedger.ref(bucket).records(self.runtime.context))
            for bucket in FILLED
        ]
        return Sizes(
            sum(len(each.writes) for each in found),
            sum(len(each.claims) for each in found),
            sum(len(each.model_dump_json(exclude_none=True)) for each in found),
        )

    async def _make(self, number: int, now_seconds: int) -> None:
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        write_id, gist_id, runner = f"key-{digest}", digest[:32], digest[:36]
        write, claim = self._bucket(write_id), self._bucket(gist_id)
        if write is not None:
            self.made.add(write_id)
            intended = await write.intend(
                self.runtime.context,
                write_id=write_id,
                request_digests=dict.fromkeys(("description", "files", "public"), digest),
                runner=runner,
                now_seconds=now_seconds,
            )
            assert intended.outcome == "run"
            held = await write.hold(
                self.runtime.context,
                write_id=write_id,
                runner=runner,
                intended_at_seconds=intended.intended_at_seconds,
                now_seconds=now_seconds,
            )
            assert held.held
        if claim is not None:
            self.claimed.add(gist_id)
            await claim.claim(
                self.runtime.context, gist_id=gist_id, write_id=write_id, now_seconds=now_seconds
            )
        if write is not None:
            await write.finish(
                self.runtime.context,
                write_id=write_id,
                runner=runner,
                intended_at_seconds=intended.intended_at_seconds,
                phase="done",
                gist_id=gist_id,
                gist_url=f"https://gist.github.com/{gist_id}",
            )

    def _bucket(self, name: str) -> Any:
        """The bucket that holds `name`, `None` for one that is not filled here."""
        bucket = bucket_id(ISSUER, USER_ID, name)
        return GistLedger.ref(bucket) if bucket in FILLED else None


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    unvalidated = EffectValidation.DISABLED
    with (
        asyncio.Runner() as runner,
        running(Runtime, GistLedgerServicer, runner, unvalidated) as runtime,
    ):
        yield Ledger(runtime, set(), set())


def test_a_users_ledger_stays_bounded(ledger: Ledger) -> None:
    ledger.make(range(GISTS // 2), now_seconds=TODAY)
    half = ledger.stored()
    ledger.make(range(GISTS // 2, GISTS), now_seconds=TODAY)
    full = ledger.stored()
    ledger.make(range(GISTS, GISTS + NEXT_DAY), now_seconds=TOMORROW)
    later = ledger.stored()

    print(  # noqa: T201 - the numbers for docs/durability.md
        f"{GISTS // 2} gists: {half.whole_bytes} bytes; {GISTS}: {full.whole_bytes}; "
        f"a day and {NEXT_DAY} gists later: {later.whole_bytes}"
    )
    for sizes in (half, full, later):
        assert sizes.size_bytes < max(sizes.writes, sizes.claims) * BYTES_FOR_EACH_GIST
    # Nothing of yesterday is left.
    assert (later.writes, later.claims) == (len(ledger.made), len(ledger.claimed))
    assert later.writes > FILLED_BUCKETS
