"""`POST /login/oauth/access_token`: code exchange and refresh.

Almost every failure is HTTP 200 with an `error` in the body.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from github_simulator import choices
from github_simulator.model import AuthorizationCode
from github_simulator.oauth.credentials import (
    ACCESS_TOKEN_LIFETIME_SECONDS,
    REFRESH_TOKEN_LIFETIME_SECONDS,
    IssuedToken,
    find_by_refresh_token,
    issue_token,
    revoke,
    sha256_hex,
)
from github_simulator.oauth.token_answers import TokenError, error_answer, token_answer
from github_simulator.simulator import Simulator, simulator_of

REDIRECT_MISMATCH = "The redirect_uri MUST match the registered callback URL for this application."


async def access_token(request: Request) -> Response:
    """The token endpoint; form, JSON and query parameters are all taken."""
    parameters = await _parameters(request)
    accept = request.headers.get("accept", "")
    try:
        issued = _issue(simulator_of(request), parameters)
    except TokenError as error:
        return error_answer(error, accept)
    fields: dict[str, str | int] = {
        "access_token": issued.access_token,
        "token_type": "bearer",
        "scope": ",".join(issued.token.scopes),
    }
    if issued.refresh_token is not None:
        fields["expires_in"] = ACCESS_TOKEN_LIFETIME_SECONDS
        fields["refresh_token"] = issued.refresh_token
        fields["refresh_token_expires_in"] = REFRESH_TOKEN_LIFETIME_SECONDS
    return token_answer(fields, accept)


async def _parameters(request: Request) -> Mapping[str, str]:
    """The body's parameters over those of the query; a body that is neither kind has none."""
    body = await request.body()
    found = dict(request.query_params)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content_type == "application/json":
            loaded = json.loads(body or b"{}")
            pairs = loaded.items() if isinstance(loaded, dict) else ()
            found.update({str(k): v for k, v in pairs if isinstance(v, str)})
        else:
            found.update(parse_qsl(body.decode(), keep_blank_values=True))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return found
    return found


def _issue(simulator: Simulator, parameters: Mapping[str, str]) -> IssuedToken:
    """The new token. Raises `TokenError`."""
    _check_client(simulator, parameters)
    grant_type = parameters.get("grant_type") or "authorization_code"
    if grant_type == "refresh_token":
        return _refresh(simulator, parameters.get("refresh_token", ""))
    if grant_type != "authorization_code":
        raise TokenError("unsupported_grant_type", "The grant_type is not supported.")
    return _exchange(simulator, parameters)


def _check_client(simulator: Simulator, parameters: Mapping[str, str]) -> None:
    app = simulator.app
    secret = parameters.get("client_secret", "").encode("utf-8", "replace")
    is_secret = hmac.compare_digest(secret, app.client_secret.encode())
    if parameters.get("client_id") != app.client_id or not is_secret:
        raise TokenError(
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        )


def _exchange(simulator: Simulator, parameters: Mapping[str, str]) -> IssuedToken:
    code = simulator.world.codes.pop(sha256_hex(parameters.get("code", "")), None)
    simulator.store.changed()
    if code is None or code.expires_at <= simulator.clock.now():
        raise TokenError("bad_verification_code", "The code passed is incorrect or expired.")
    if parameters.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
        raise TokenError("redirect_uri_mismatch", REDIRECT_MISMATCH)
    _check_verifier(code, parameters.get("code_verifier", ""))
    if not simulator.world.accounts[code.user_id].email_verified:
        raise TokenError("unverified_user_email", "The user must have a verified primary email.")
    wants_expiry = code.offline_access or simulator.settings.expiring_tokens
    expires = wants_expiry and simulator.product.expires_tokens
    return issue_token(simulator, code.user_id, code.scopes, expires=expires)


def _check_verifier(code: AuthorizationCode, code_verifier: str) -> None:
    if code.code_challenge is None:
        return
    digest = hashlib.sha256(code_verifier.encode("utf-8", "replace")).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=")
    if not hmac.compare_digest(challenge, code.code_challenge.encode()):
        raise TokenError(choices.BAD_VERIFIER_ERROR, choices.BAD_VERIFIER_DESCRIPTION)


def _refresh(simulator: Simulator, refresh_token: str) -> IssuedToken:
    """A new pair; both old ones are dead from now on."""
    old = find_by_refresh_token(simulator, refresh_token)
    if old is None:
        raise TokenError("bad_refresh_token", "The refresh token passed is incorrect or expired.")
    revoke(simulator, old)
    return issue_token(simulator, old.user_id, old.scopes, expires=True)
