"""Calls to the `KnownTokens` state: which GitHub tokens are known to be of this OAuth App.

Only the app can ask GitHub whether a token is its own, out of one budget for all of its users. So
it asks once for a token, over all server processes and restarts.
"""

import asyncio
import contextlib
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import Any

from gist_mcp.config import Config
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.known_token import bucket_id, bucket_ids
from gist_mcp.servicers.process_call import StateCalls
from gist_mcp.servicers.unlogged_call import StateMissing, StateUnavailable
from gist_mcp.tokens.sealing import Sealer
from gist_state.v1 import known_token_pb2 as messages
from gist_state.v1 import known_token_rbt as rbt
from gist_state.v1.known_token import KnownTokenRecord, LookUpResponse, RememberRequest
from gist_state.v1.known_token_pb2_grpc import KnownTokensMethodsStub

logger = logging.getLogger(__name__)

_PURPOSE = "known-github-token"

_BUCKETS_AT_ONCE = 16


class KnownTokens:
    """The known tokens of the deployment. `clock` gives Unix time in seconds."""

    def __init__(
        self, config: Config, sealer: Sealer, calls: StateCalls, clock: Callable[[], float]
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._keys = sealer.derive_all(_PURPOSE)
        # What is known of a token holds for this app, at this GitHub, under this setting: with
        # `any` GitHub was not asked whose app it is.
        self._scope = "\n".join(
            (config.github_tokens, config.github_api_url, config.github_client_id)
        )

    async def look_up(self, token: GitHubToken) -> GitHubCredential | None:
        """What GitHub has said of the token, or `None`. Raises `StateUnavailable`."""
        # All keys: a token stays known while `TOKEN_KEYS` rotate.
        for digest in self._digests(token):
            record = await self._record(digest)
            if record is not None:
                return GitHubCredential(
                    token=token,
                    user_id=GitHubUserId(record.user_id),
                    login=record.login,
                    scopes=None if record.scopes is None else frozenset(record.scopes),
                    expires_at_seconds=record.expires_at_seconds,
                )
        return None

    async def remember(self, credential: GitHubCredential) -> None:
        """Remembers a token that GitHub has just said, or given, to this app."""
        digest = self._digests(credential.token)[0]
        scopes = credential.scopes
        record = KnownTokenRecord(
            token_digest=digest,
            user_id=credential.user_id,
            login=credential.login,
            scopes=None if scopes is None else sorted(scopes),
            expires_at_seconds=credential.expires_at_seconds,
            known_at_seconds=int(self._clock()),
        )
        request = rbt.KnownTokensRememberRequestToProto(RememberRequest(record=record))
        try:
            await self._call(digest, "Remember", request)
        except StateUnavailable as error:
            # The app will ask once more. Nobody's request is to fail for it.
            logger.warning("a token was not remembered: %s", error.log_reason)

    async def forget(self, token: GitHubToken) -> None:
        """Forgets a token that GitHub refuses."""
        for digest in self._digests(token):
            request = messages.KnownTokensForgetRequest(
                token_digest=digest, now_seconds=int(self._clock())
            )
            try:
                await self._call(digest, "Forget", request)
            except StateUnavailable as error:
                logger.warning("a token was not forgotten: %s", error.log_reason)

    async def forget_account(self, user_id: GitHubUserId) -> None:
        """Forgets every token of an account. May be repeated. Raises `StateUnavailable`.

        It takes a second: a token is found by its digest, and an account's are anywhere.
        """
        at_once = asyncio.Semaphore(_BUCKETS_AT_ONCE)

        async def forget_in(bucket: str) -> None:
            async with at_once:
                # Most were never written, and are not to be made for this.
                with contextlib.suppress(StateMissing):
                    asked = messages.KnownTokensHoldsRequest(user_id=user_id)
                    if (await self._call_bucket(bucket, "Holds", asked)).holds:
                        request = messages.KnownTokensForgetAccountRequest(user_id=user_id)
                        await self._call_bucket(bucket, "ForgetAccount", request)

        await asyncio.gather(*map(forget_in, bucket_ids()))

    def _digests(self, token: GitHubToken) -> list[str]:
        """Under each key, the sealing one first."""
        # Under a key, so that a copy of the state does not even tell whether a token that somebody
        # has found was in use here.
        text = f"{self._scope}\n{token.reveal()}".encode()
        return [hmac.new(key, text, hashlib.sha256).hexdigest() for key in self._keys]

    async def _record(self, digest: str) -> KnownTokenRecord | None:
        request = messages.KnownTokensLookUpRequest(
            token_digest=digest, now_seconds=int(self._clock())
        )
        try:
            answer = await self._call(digest, "LookUp", request)
        except StateMissing:
            return None
        response: LookUpResponse = rbt.KnownTokensLookUpResponseFromProto(answer)
        return response.record

    async def _call(self, digest: str, method: str, request: object) -> Any:
        return await self._call_bucket(bucket_id(digest), method, request)

    async def _call_bucket(self, bucket: str, method: str, request: object) -> Any:
        return await self._calls.call(
            rbt.KnownTokens, KnownTokensMethodsStub, bucket, method, request
        )
