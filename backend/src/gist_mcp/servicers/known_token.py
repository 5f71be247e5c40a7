"""The only writer of `KnownTokens`: which GitHub tokens are known to be of this OAuth App.

Nothing here is believed for itself: a token that is known is asked about with the token itself.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import ReaderContext, WriterContext

from gist_mcp.servicers.authorizers import front_door_only
from gist_state.v1.known_token import KnownTokenRecord
from gist_state.v1.known_token_rbt import KnownTokens

BUCKETS: Final = 1024
"""Never change this number: known tokens would be looked for in another bucket."""

RECORDS_PER_BUCKET: Final = 32
"""Some 32,000 tokens, about 8 MB of state. GitHub keeps ten for a user, an app and a set of scopes,
and makes ten an hour: nobody pushes out the tokens of others without many accounts."""

LIFETIME_SECONDS: Final = 365 * 24 * 3600
"""GitHub ends a token after a year without use. One that is older is asked about anew."""


def bucket_id(token_digest: str) -> str:
    """The id of the state that holds the token with this digest (hexadecimal)."""
    return _nth_bucket(int(token_digest[:8], 16))


def bucket_ids() -> list[str]:
    """All buckets. Most of them may never have been written."""
    return [_nth_bucket(number) for number in range(BUCKETS)]


def _nth_bucket(number: int) -> str:
    return f"bucket-{number % BUCKETS:04d}"


class KnownTokensServicer(KnownTokens.Servicer):
    """One bucket of known tokens."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def remember(
        self, context: WriterContext, request: KnownTokens.RememberRequest
    ) -> KnownTokens.RememberResponse:
        """Remembers what GitHub has said of a token."""
        new = request.record
        kept = without(prune(self.state.records or [], new.known_at_seconds), new.token_digest)
        # The oldest leaves: a token that is forgotten costs the app one more question.
        self.state.records = [*kept[-(RECORDS_PER_BUCKET - 1) :], new]
        return KnownTokens.RememberResponse()

    async def look_up(
        self, context: ReaderContext, request: KnownTokens.LookUpRequest
    ) -> KnownTokens.LookUpResponse:
        """The token's record, if there is one."""
        living = prune(self.state.records or [], request.now_seconds)
        return KnownTokens.LookUpResponse(record=find(living, request.token_digest))

    async def forget(
        self, context: WriterContext, request: KnownTokens.ForgetRequest
    ) -> KnownTokens.ForgetResponse:
        """Forgets a token that GitHub refuses."""
        living = prune(self.state.records or [], request.now_seconds)
        self.state.records = without(living, request.token_digest)
        return KnownTokens.ForgetResponse()

    async def holds(
        self, context: ReaderContext, request: KnownTokens.HoldsRequest
    ) -> KnownTokens.HoldsResponse:
        """Whether the bucket has a token of an account."""
        records = self.state.records or []
        return KnownTokens.HoldsResponse(
            holds=any(each.user_id == request.user_id for each in records)
        )

    async def forget_account(
        self, context: WriterContext, request: KnownTokens.ForgetAccountRequest
    ) -> KnownTokens.ForgetAccountResponse:
        """Forgets every token of an account."""
        records = self.state.records or []
        self.state.records = [each for each in records if each.user_id != request.user_id]
        return KnownTokens.ForgetAccountResponse()


def find(records: Sequence[KnownTokenRecord], token_digest: str) -> KnownTokenRecord | None:
    """The record with this digest, if the bucket holds one."""
    return next((each for each in records if _same(each.token_digest, token_digest)), None)


def without(records: Sequence[KnownTokenRecord], token_digest: str) -> list[KnownTokenRecord]:
    """The records less that of one token."""
    return [each for each in records if not _same(each.token_digest, token_digest)]


def prune(records: Sequence[KnownTokenRecord], now_seconds: int) -> list[KnownTokenRecord]:
    """The records of tokens that may still be alive."""
    return [
        each
        for each in records
        if now_seconds < each.known_at_seconds + LIFETIME_SECONDS
        and (each.expires_at_seconds is None or now_seconds < each.expires_at_seconds)
    ]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
