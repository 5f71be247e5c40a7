"""Reads gist ledgers of a running deployment from outside, as an operator's audit would."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr
from rbt.v1alpha1.errors_pb2 import StateNotConstructed
from reboot.aio.external import ExternalContext

from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions.ledger import bucket_ids
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
    secret = Sealer([token_key]).derive("reboot-front-door").hex()
    return asyncio.run(_read(url, SecretStr(secret), issuer, GitHubUserId(user_id)))


async def _read(url: str, secret: SecretStr, issuer: str, user_id: GitHubUserId) -> LedgerPicture:
    context = ExternalContext(name="ledger audit", url=url, bearer_token=secret.get_secret_value())
    answers = await asyncio.gather(
        *(_records(context, bucket) for bucket in bucket_ids(issuer, user_id))
    )
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
