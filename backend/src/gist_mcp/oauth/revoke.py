"""`POST /oauth/revoke`: a client revokes its grant, here and at GitHub (RFC 7009)."""

import logging
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError, SignInRequired
from gist_mcp.http.limits import too_many_requests
from gist_mcp.logs.context import note
from gist_mcp.logs.event import event
from gist_mcp.oauth.answers import NO_STORE, unavailable_response
from gist_mcp.oauth.audit_events import note_event
from gist_mcp.oauth.client_authentication import authenticated_client, client_error_response
from gist_mcp.oauth.garbage import TooMuchGarbage, limit_garbage
from gist_mcp.oauth.parameters import form_parameters
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.audit import CLIENT_LEFT
from gist_mcp.tokens import grants
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.code_and_refresh_token import open_refresh_token
from gist_mcp.tokens.github_tokens import GitHubPair

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """What revocation needs of an access token or a refresh token."""

    grant_id: str
    client_key: str
    user_id: GitHubUserId
    github: GitHubPair


async def revoke(request: Request) -> Response:
    """200 for a token that is not valid from now on, whether it ever was (RFC 7009, 2.2)."""
    try:
        await _revoke(request)
    except TooMuchGarbage as error:
        return too_many_requests(error.wait_seconds)
    except StateUnavailable as error:
        logger.warning("revoke: %s", error.log_reason, extra=event("state_unavailable"))
        return unavailable_response(error)
    except OAuthError as error:
        told = event("revocation_refused", reason=error.log_reason)
        logger.info("revoke refused: %s", error.log_reason, extra=told)
        return client_error_response(request, error)
    return Response(status_code=200, headers=NO_STORE)


async def _revoke(request: Request) -> None:
    deps: Deps = request.app.state.deps
    parameters = await form_parameters(request, ("token", "client_id", "client_secret"))
    limit_garbage(request, parameters)
    client = await authenticated_client(request, parameters)
    if "token" not in parameters:
        raise OAuthError("invalid_request", "The parameter token is missing.")
    opened = _open(deps, parameters["token"])
    if opened is None:
        # Not an error: the client could do nothing about it (RFC 7009, 2.2).
        return
    # RFC 7009, 2.1: else any client could end the grants of any other.
    if opened.client_key != client.key:
        raise OAuthError("invalid_grant", "This token was issued to another client.")
    note(account_id=opened.user_id, client_id=client.key)
    # The whole grant ends, its other tokens too (RFC 7009, 2.1). Durable state comes first: from
    # here on our tokens are refused, whatever happens at GitHub.
    context = deps.reboot_context(request)
    has_ended = await grants.revoke(
        context,
        grants.account_id(deps.config.github_web_url, opened.user_id),
        grant_id=opened.grant_id,
        now_seconds=int(deps.clock()),
    )
    if has_ended:
        # Else nothing would begin a log anew for somebody who has had theirs erased.
        await note_event(
            deps, context, CLIENT_LEFT, client, user_id=opened.user_id, grant_id=opened.grant_id
        )
    await revoke_at_github(deps, opened.github)


def _open(deps: Deps, text: str) -> _Opened | None:
    """The content of a valid token of either kind, `None` for any other text."""
    # `token_type_hint` (RFC 7009, 2.1) is not needed: the prefix tells the kind.
    resource, now = deps.config.resource, int(deps.clock())
    if text.startswith(ACCESS_TOKEN_PREFIX):
        try:
            payload = open_access_token(deps.sealer, text, resource=resource, now=now)
        except SignInRequired:
            return None
        return _Opened(
            grant_id=payload.grant_id,
            client_key=payload.client_id,
            user_id=payload.user_id,
            github=GitHubPair(access=payload.github_token),
        )
    try:
        granted = open_refresh_token(deps.sealer, text, resource=resource, now=now).granted
    except OAuthError:
        return None
    return _Opened(
        grant_id=granted.grant_id,
        client_key=granted.client_key,
        user_id=granted.user_id,
        github=granted.github,
    )
