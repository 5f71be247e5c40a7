"""The cookie that binds a sign-in to the browser that began it.

Without it somebody could send a victim the end of the attacker's own sign-in (login CSRF,
RFC 6749, 10.12; RFC 9700, 4.7): the victim would work in the attacker's account. `Lax` is as
strict as can be: the return from GitHub is a navigation from another site, to which `Strict`
sends nothing.
"""

import re
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.constants import SIGN_IN_LIFETIME_SECONDS

SECURE_NAME: Final = "__Host-gist-mcp-browser"
"""The prefix makes browsers refuse this cookie from a sub-domain or over http (RFC 6265bis)."""

LOOPBACK_NAME: Final = "gist-mcp-browser"
"""On http, which only loopback uses in production: `__Host-` would need https."""

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def cookie_name(*, is_secure: bool) -> str:
    """The cookie's name, by whether browsers reach us over https."""
    return SECURE_NAME if is_secure else LOOPBACK_NAME


def new_browser_secret() -> str:
    """32 random bytes as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def browser_secret(request: Request, *, is_secure: bool) -> str | None:
    """The secret that the browser brought; `None` without a cookie, or if we never made it."""
    value = request.cookies.get(cookie_name(is_secure=is_secure), "")
    return value if _VALUE.match(value) else None


def remember_browser(response: Response, secret: str, *, is_secure: bool) -> None:
    """Sets the cookie for as long as the sign-in may take."""
    response.set_cookie(
        cookie_name(is_secure=is_secure),
        secret,
        max_age=SIGN_IN_LIFETIME_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )
