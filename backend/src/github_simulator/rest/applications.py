"""Check, reset and revoke tokens: `/applications/CLIENT_ID/...` and `/credentials/revoke`."""

from github_simulator.choices import DELETE_UNKNOWN_TOKEN_STATUS
from github_simulator.clock import iso_time
from github_simulator.model import Token
from github_simulator.oauth.credentials import (
    find_token,
    issue_token,
    revoke,
    revoke_grant,
    sha256_hex,
)
from github_simulator.rest.answers import (
    Answer,
    ApiError,
    FieldProblem,
    JsonObject,
    not_found,
    refuse,
    refuse_shape,
)
from github_simulator.rest.call import Call
from github_simulator.rest.user_bodies import simple_user

MAX_CREDENTIALS_PER_CALL = 1000


def check_token(call: Call) -> Answer:
    """POST /applications/CLIENT_ID/token."""
    value, token = _token_of_app(call)
    return Answer(200, _authorization(call, token, value))


def reset_token(call: Call) -> Answer:
    """PATCH /applications/CLIENT_ID/token: a new token for the old one, which dies."""
    _, old = _token_of_app(call)
    revoke(call.simulator, old)
    issued = issue_token(
        call.simulator, old.user_id, old.scopes, expires=old.expires_at is not None
    )
    return Answer(200, _authorization(call, issued.token, issued.access_token))


def delete_token(call: Call) -> Answer:
    """DELETE /applications/CLIENT_ID/token."""
    revoke(call.simulator, _token_of_app(call, DELETE_UNKNOWN_TOKEN_STATUS)[1])
    return Answer(204)


def delete_grant(call: Call) -> Answer:
    """DELETE /applications/CLIENT_ID/grant: all tokens of that token's user."""
    _, token = _token_of_app(call, DELETE_UNKNOWN_TOKEN_STATUS)
    revoke_grant(call.simulator, token.user_id, call.simulator.app.client_id)
    return Answer(204)


def revoke_credentials(call: Call) -> Answer:
    """POST /credentials/revoke: anybody who holds a token may revoke it."""
    if call.caller.token is not None or call.caller.is_app:
        raise ApiError(403, "Forbidden")
    values = call.json_object().get("credentials")
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_CREDENTIALS_PER_CALL:
        refuse_shape("credentials must be a list of 1 to 1000 strings.")
    digests = {sha256_hex(value) for value in values if isinstance(value, str)}
    for token in list(call.simulator.world.tokens.values()):
        if digests & {token.digest, token.refresh_digest}:
            revoke(call.simulator, token)
    return Answer(202, {})


def _token_of_app(call: Call, unknown_status: int = 404) -> tuple[str, Token]:
    """The token that the body names, with its value. Raises `ApiError`."""
    if call.path["client_id"] != call.simulator.app.client_id:
        raise not_found()
    value = call.json_object().get("access_token")
    if not isinstance(value, str) or not value:
        refuse(FieldProblem("OauthAccess", "access_token", "missing_field"))
    token = find_token(call.simulator, sha256_hex(value))
    if token is None or token.client_id != call.simulator.app.client_id:
        raise ApiError(unknown_status, "Not Found")
    return value, token


def _authorization(call: Call, token: Token, value: str) -> JsonObject:
    """Schema authorization."""
    app, account = call.simulator.app, call.simulator.world.accounts[token.user_id]
    expires_at = None if token.expires_at is None else iso_time(token.expires_at)
    return {
        "id": token.token_id,
        "url": f"{call.api_url}/authorizations/{token.token_id}",
        "app": {
            "name": app.name,
            "url": f"{call.base_url}/",
            "client_id": app.client_id,
        },
        "token": value,
        "hashed_token": token.digest,
        "token_last_eight": token.last_eight,
        "note": None,
        "note_url": None,
        "created_at": iso_time(token.created_at),
        "updated_at": iso_time(token.updated_at),
        "expires_at": expires_at,
        "scopes": token.scopes,
        "fingerprint": None,
        "user": simple_user(call, account),
        "installation": None,
    }
