"""In front of `/mcp`: an access token is worth nothing once its grant is revoked.

A sealed token opens by itself, and GitHub's yes to what is inside is remembered for a while, so
neither notices a revocation at once. Durable state does, in every process and after a restart.
"""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import GitHubUnavailable, SignInRequired
from gist_mcp.mcp_http import challenges
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
    """Passes on whatever does not carry a token of a revoked grant."""

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 for a token of a grant that is over, 503 while nobody can say."""
        request = Request(scope, receive)
        payload = self._payload(request)
        try:
            is_over = payload is not None and not await self._is_alive(request, payload)
        except StateUnavailable as error:
            logger.warning("grant gate: %s", error.log_reason)
            reason = GitHubUnavailable(str(error), retry_after_seconds=1)
            await challenges.cannot_ask_github(reason)(scope, receive, send)
            return
        if is_over:
            over = SignInRequired("Access was taken back. Sign in again.")
            await challenges.token_refused(self._deps.config, request, over)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _payload(self, request: Request) -> AccessTokenPayload | None:
        """What the bearer token stands for, if it is one of ours that works by itself."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not bearer.strip().startswith(ACCESS_TOKEN_PREFIX):
            return None
        deps = self._deps
        try:
            return open_access_token(
                deps.sealer,
                bearer.strip(),
                resource=deps.config.resource,
                now=int(deps.clock()),
            )
        except SignInRequired:
            # The verifier refuses it, in its own words.
            return None

    async def _is_alive(self, request: Request, payload: AccessTokenPayload) -> bool:
        """Raises `StateUnavailable`. A token from the sign-in page belongs to no grant."""
        if not payload.grant_id:
            return True
        outcome = await grants.look_up(
            self._deps.reboot_context(request),
            grants.account_id(self._deps.config.github_web_url, payload.user_id),
            grant_id=payload.grant_id,
            now_seconds=int(self._deps.clock()),
        )
        return outcome == OK
