"""Reads gist ledgers of a running deployment from outside, as an operator's audit would."""

import asyncio
from dataclasses import dataclass

from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext

from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions.ledger import bucket_id, bucket_ids
from gist_mcp.tokens.sealing import Sealer
from gist_state.v1.gist_ledger_rbt import GistLedger


@dataclass(frozen=True, kw_only=True)
class LedgerWrite:
    """A change in the ledger."""

    write_id: str
    phase: str
    gist_id: str | None


@dataclass(frozen=True, kw_only=True)
class LedgerPicture:
    """All of one user's ledger. `claims` maps gist ids to write ids."""

    writes: list[LedgerWrite]
    claims: dict[str, str]

    def phases(self) -> dict[str, str]:
        """The phase of each change."""
        return {write.write_id: write.phase for write in self.writes}


def read_ledger(url: str, token_key: str, issuer: str, user_id: int) -> LedgerPicture:
    """Reads all buckets of a user, showing the front door's secret."""
    return asyncio.run(_read(url, token_key, bucket_ids(issuer, GitHubUserId(user_id))))


def read_phase(url: str, token_key: str, issuer: str, user_id: int, write_id: str) -> str | None:
    """The phase of one change, `None` if there is none. Asks only the bucket that would hold it."""
    bucket = bucket_id(issuer, GitHubUserId(user_id), write_id)
    return asyncio.run(_read(url, token_key, [bucket])).phases().get(write_id)


async def _read(url: str, token_key: str, buckets: list[str]) -> LedgerPicture:
    secret = Sealer([token_key]).derive("reboot-front-door").hex()
    context = ExternalContext(name="ledger audit", url=url, bearer_token=secret)
    answers = await asyncio.gather(*(_records(context, bucket) for bucket in buckets))
    found = [answer for answer in answers if answer is not None]
    return LedgerPicture(
        writes=[
            LedgerWrite(write_id=write.write_id, phase=write.phase, gist_id=write.gist_id)
            for answer in found
            for write in answer.writes
        ],
        claims={claim.gist_id: claim.write_id for answer in found for claim in answer.claims},
    )


async def _records(context: ExternalContext, bucket: str) -> GistLedger.RecordsResponse | None:
    try:
        return await GistLedger.ref(bucket).records(context)
    except GistLedger.RecordsAborted as aborted:
        if isinstance(aborted.error, StateNotConstructed):
            return None
        raise
