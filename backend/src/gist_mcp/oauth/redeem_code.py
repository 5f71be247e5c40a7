"""A client redeems its authorization code (RFC 6749, 4.1.3; RFC 7636, 4.5).

Everything that the code is bound to is checked before it counts as used: who has the code but
not the verifier cannot use it up. Whoever passes all that a second time has stolen it, or been
stolen from, and what was issued is taken back.
"""

from collections.abc import Mapping

from starlette.requests import Request

from gist_mcp.clients.client import Client
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.authorization_request import check_resource
from gist_mcp.oauth.pkce import verify_s256
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.token_pair import TokenPair, issue_token_pair
from gist_mcp.servicers.grant import FULL, OK, REPLAYED
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens import grants
from gist_mcp.tokens.code_and_refresh_token import AuthorizationCode, dead, open_code


async def redeem_code(request: Request, client: Client, parameters: Mapping[str, str]) -> TokenPair:
    """The first tokens of a grant. Raises `OAuthError`, `StateUnavailable`."""
    deps: Deps = request.app.state.deps
    for name in ("code", "code_verifier"):
        if name not in parameters:
            raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    check_resource(parameters.get("resource"), deps.config)
    code = open_code(deps.sealer, parameters["code"], resource=deps.config.resource)
    _check_binding(code, client, parameters)
    granted = code.granted
    outcome = await grants.redeem(
        deps.reboot_context(request),
        grants.account_id(deps.config.github_web_url, granted.user_id),
        grant_id=granted.grant_id,
        code_expires_at=code.expires_at,
        now_seconds=int(deps.clock()),
    )
    if outcome == REPLAYED:
        await revoke_at_github(deps, granted.github)
    if outcome == FULL:
        raise StateUnavailable("Too many sign-ins of this account at once. Try again in a minute.")
    if outcome != OK:
        raise dead(f"code {outcome}")
    return issue_token_pair(deps, granted, generation=0)


def _check_binding(code: AuthorizationCode, client: Client, parameters: Mapping[str, str]) -> None:
    """Raises `OAuthError` (`invalid_grant`) if this is not who the code was made for."""
    if code.granted.client_key != client.key:
        raise dead("code of another client")
    # OAuth 2.1 (draft, 10.2) dropped the parameter, because PKCE protects the code; who sends it
    # must send the right one.
    if parameters.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
        raise dead("code for another redirect URI")
    if not verify_s256(parameters["code_verifier"], code.code_challenge):
        raise dead("wrong code_verifier")
