"""The ledger stays bounded: bytes for each gist, and after 10,000 of them."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from reboot.aio.external import ExternalContext

from gist_mcp.auth.sealing import Sealer
from gist_mcp.constants import LEDGER_RETENTION_SECONDS
from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions.ledger import bucket_id, bucket_ids
from gist_state.v1.gist_ledger_rbt import GistLedger
from tests.durability.stage import USER_IDS, Stage, stage
from tests.support.world import TOKEN_KEY

GISTS = 10_000
NEXT_DAY = 2_560
BYTES_FOR_EACH_GIST = 800
AT_A_TIME = 32


class Writer:
    """Writes to octocat's ledger as the tools do, without GitHub."""

    def __init__(self, built: Stage) -> None:
        secret = Sealer([TOKEN_KEY]).derive("reboot-front-door").hex()
        self._context = ExternalContext(
            name="ledger size", url=built.server.url, bearer_token=secret
        )
        self._issuer, self._user_id = built.github.url, GitHubUserId(USER_IDS["octocat"])

    async def make(self, numbers: range, *, now_seconds: int) -> None:
        """One gist for each number, from its intent to its record."""
        turns = asyncio.Semaphore(AT_A_TIME)

        async def one(number: int) -> None:
            async with turns:
                await self._one(number, now_seconds)

        await asyncio.gather(*(one(number) for number in numbers))

    async def stored(self) -> "Sizes":
        """What all buckets hold, its size as JSON."""
        found = [
            await GistLedger.ref(bucket).records(self._context)
            for bucket in bucket_ids(self._issuer, self._user_id)
        ]
        return Sizes(
            sum(len(each.writes) for each in found),
            sum(len(each.claims) for each in found),
            sum(len(each.model_dump_json(exclude_none=True)) for each in found),
        )

    async def _one(self, number: int, now_seconds: int) -> None:
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        write_id, gist_id, runner = f"key-{digest}", digest[:32], digest[:36]
        digests = dict.fromkeys(("description", "files", "public"), digest)
        write = GistLedger.ref(bucket_id(self._issuer, self._user_id, write_id))
        claim = GistLedger.ref(bucket_id(self._issuer, self._user_id, gist_id))
        intended = await write.intend(
            self._context,
            write_id=write_id,
            request_digests=digests,
            runner=runner,
            now_seconds=now_seconds,
        )
        assert intended.outcome == "run"
        await claim.claim(
            self._context, gist_id=gist_id, write_id=write_id, now_seconds=now_seconds
        )
        await write.finish(
            self._context,
            write_id=write_id,
            runner=runner,
            phase="done",
            gist_id=gist_id,
            gist_url=f"https://gist.github.com/{gist_id}",
        )


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@dataclass(frozen=True)
class Sizes:
    """Changes, claims and bytes of a ledger."""

    writes: int
    claims: int
    size_bytes: int


async def _two_days(built: Stage) -> tuple[Sizes, Sizes]:
    """A day of 10,000 gists, and the next, on which each bucket is written a few times."""
    writer = Writer(built)
    today = int(time.time())
    await writer.make(range(GISTS), now_seconds=today)
    full = await writer.stored()
    tomorrow = today + LEDGER_RETENTION_SECONDS + 1
    await writer.make(range(GISTS, GISTS + NEXT_DAY), now_seconds=tomorrow)
    return full, await writer.stored()


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_users_ledger_stays_bounded(tmp_path: Path) -> None:
    with stage(tmp_path, servers=1, effect_validation="disabled") as built:
        empty_bytes = _folder_bytes(built.server.state_folder)
        full, later = asyncio.run(_two_days(built))
        on_disk_bytes = _folder_bytes(built.server.state_folder) - empty_bytes

    print(  # noqa: T201 - the numbers for docs/durability.md
        f"{GISTS} gists: {full.size_bytes} bytes, {full.size_bytes / GISTS:.0f} each; "
        f"a day and {NEXT_DAY} gists later {later.size_bytes} bytes; on disk {on_disk_bytes}"
    )
    assert (full.writes, full.claims) == (GISTS, GISTS)
    assert full.size_bytes < GISTS * BYTES_FOR_EACH_GIST
    assert later.writes < 2 * NEXT_DAY
    assert later.claims < 2 * NEXT_DAY
