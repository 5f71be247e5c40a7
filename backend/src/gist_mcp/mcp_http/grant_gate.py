"""Before `/mcp`: refuses an access token whose grant the user has revoked.

An access token is sealed and opens by itself, and what GitHub says of it is remembered for a while.
So only durable state tells of a revocation at once, in every process and after a restart.
"""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable, SignInRequired
from gist_mcp.logs.event import event
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import bearer_token
from gist_mcp.servicers.grant import OK
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens import grants
from gist_mcp.tokens.access_token import (
    ACCESS_TOKEN_PREFIX,
    AccessTokenPayload,
    open_access_token,
)

logger = logging.getLogger(__name__)


class GrantGate:
    """ASGI middleware: passes on every request but one with a token of a revoked grant."""

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 for a token of a revoked grant, 503 while durable state does not answer."""
        request = Request(scope, receive)
        payload = self._opened_token(request)
        try:
            is_revoked = payload is not None and not await self._is_alive(request, payload)
        except StateUnavailable as error:
            # Fails closed: nobody can say whether the grant is revoked. Not 401, because the
            # client would throw away a token that is probably good.
            logger.warning("grant gate: %s", error.log_reason, extra=event("state_unavailable"))
            reason = GitHubUnavailable(str(error), retry_after_seconds=error.retry_after_seconds)
            await challenges.cannot_ask_github(reason)(scope, receive, send)
            return
        if is_revoked:
            over = SignInRequired("Access was taken back. Sign in again.")
            await challenges.refusal(self._deps.config, request, over)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _opened_token(self, request: Request) -> AccessTokenPayload | None:
        """What an access token of ours holds; `None` for any other bearer token and for none."""
        bearer = bearer_token(request)
        if not bearer.startswith(ACCESS_TOKEN_PREFIX):
            return None
        deps = self._deps
        try:
            return open_access_token(
                deps.sealer, bearer, resource=deps.config.resource, now=int(deps.clock())
            )
        except SignInRequired:
            # Expired, forged or another server's: the verifier refuses it, in its own words.
            return None

    async def _is_alive(self, request: Request, payload: AccessTokenPayload) -> bool:
        """True if the token's grant is not revoked, nor all access of its account ended since.

        Raises `StateUnavailable`.
        """
        context = self._deps.reboot_context(request)
        account = grants.account_id(self._deps.config.github_web_url, payload.user_id)
        now_seconds = int(self._deps.clock())
        if not payload.grant_id:
            # From the tutorial's page, which hands out a token without a client and a grant.
            return await grants.counts_still(
                context, account, issued_at_seconds=payload.issued_at, now_seconds=now_seconds
            )
        outcome = await grants.look_up(
            context,
            # Not only by its id: the grant must also be one of the token's own account.
            account,
            grant_id=payload.grant_id,
            now_seconds=now_seconds,
        )
        return outcome == OK
