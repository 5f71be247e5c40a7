"""Who sent a REST request: bearer token, the app's Basic credentials, or nobody."""

import base64
import binascii
import hmac

from starlette.datastructures import Headers

from github_simulator.choices import WRONG_APP_SECRET_STATUS
from github_simulator.oauth.credentials import find_token, sha256_hex
from github_simulator.rest.answers import ApiError
from github_simulator.rest.call import Caller
from github_simulator.simulator import Simulator


def authenticate(simulator: Simulator, headers: Headers) -> Caller:
    """The caller. Raises `ApiError` 401 for a bad token, 403 while logins are locked out."""
    authorization = headers.get("authorization")
    if authorization is None:
        return Caller()
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        return _app(simulator, value.strip())
    if simulator.limits.is_locked_out(simulator.clock.now()):
        raise ApiError(403, "Maximum number of login attempts exceeded. Please try again later.")
    if scheme.lower() in ("bearer", "token"):
        token = find_token(simulator, sha256_hex(value.strip()))
        if token is not None:
            token.last_used_at = simulator.clock.now()
            return Caller(token, simulator.world.accounts[token.user_id])
    raise _bad_credentials(simulator)


def _app(simulator: Simulator, encoded: str) -> Caller:
    """The app with its secret. User names with passwords are not accepted by GitHub."""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _bad_credentials(simulator) from None
    is_secret = hmac.compare_digest(password.encode(), simulator.app.client_secret.encode())
    if name == simulator.app.client_id and is_secret:
        return Caller(is_app=True)
    raise ApiError(WRONG_APP_SECRET_STATUS, "Bad credentials")


def _bad_credentials(simulator: Simulator) -> ApiError:
    settings = simulator.settings
    if settings.failed_login_limit is not None:
        simulator.limits.bad_login(
            settings.failed_login_limit,
            settings.failed_login_window_seconds,
            simulator.clock.now(),
        )
    return ApiError(401, "Bad credentials")
