"""The cookie that keeps a client's sealed authorization request while the browser is at GitHub.

Each sign-in has one, named after its `state`, so that two tabs do not replace each other's cookie.
"""

import hashlib
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.constants import SIGN_IN_REMEMBERED_SECONDS
from gist_mcp.oauth.authorization_request import (
    AuthorizationRequest,
    open_from_cookie,
    seal_for_cookie,
)
from gist_mcp.oauth.browser_cookie import cookies_of
from gist_mcp.tokens.sealing import Sealer

NAME: Final = "gist-mcp-request-"
MAX_COOKIES: Final = 4
"""Sign-ins of one browser at the same time. With many large cookies the request header would be too
long for the server, and the browser could not reach it any more."""

_SUFFIX = re.compile(r"[0-9a-f]{16}\Z")


def set_request_cookie(
    request: Request,
    response: Response,
    sealer: Sealer,
    wanted: AuthorizationRequest,
    *,
    oauth_state: str,
    is_secure: bool,
) -> None:
    """Sets the cookie of this sign-in, and deletes those of abandoned sign-ins."""
    others = [name for name, _ in cookies_of(request) if _is_ours(name, is_secure)]
    for name in others[: max(0, len(others) + 1 - MAX_COOKIES)]:
        _delete(response, name, is_secure)
    response.set_cookie(
        _name(oauth_state, is_secure),
        # Sealed with `state`: nobody can put the cookie of another sign-in in its place, which
        # would send the code to another client.
        seal_for_cookie(sealer, wanted, oauth_state=oauth_state),
        # Longer than a sign-in may take, so that the person can start it again. The cookie alone
        # grants nothing: a client gets a code only after a claim in time, and a restart asks first.
        max_age=SIGN_IN_REMEMBERED_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def read_request_cookie(
    request: Request, sealer: Sealer, *, oauth_state: str, is_secure: bool
) -> AuthorizationRequest | None:
    """The client's request that belongs to this `state`; `None` if the browser did not send it."""
    wanted_name = _name(oauth_state, is_secure)
    for name, sealed in cookies_of(request):
        if name == wanted_name:
            return open_from_cookie(sealer, sealed, oauth_state=oauth_state)
    return None


def delete_request_cookie(response: Response, *, oauth_state: str, is_secure: bool) -> None:
    """Deletes the cookie of this sign-in."""
    _delete(response, _name(oauth_state, is_secure), is_secure)


def _prefix(is_secure: bool) -> str:
    return f"__Host-{NAME}" if is_secure else NAME


def _name(oauth_state: str, is_secure: bool) -> str:
    # A digest, so that the name does not show `state`, which the callback trusts.
    return _prefix(is_secure) + hashlib.sha256(oauth_state.encode()).hexdigest()[:16]


def _is_ours(name: str, is_secure: bool) -> bool:
    """True for a name that `_name` can return."""
    # A site beside ours can set any name, and Python's cookies raise for some that browsers take.
    prefix = _prefix(is_secure)
    return name.startswith(prefix) and _SUFFIX.match(name.removeprefix(prefix)) is not None


def _delete(response: Response, name: str, is_secure: bool) -> None:
    response.delete_cookie(name, path="/", secure=is_secure, httponly=True, samesite="lax")
