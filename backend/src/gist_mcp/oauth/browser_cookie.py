"""The cookie that binds a sign-in to the browser that began it.

Login CSRF (RFC 6749, 10.12; RFC 9700, 4.7): without the cookie an attacker could send a victim the
last URL of the attacker's own sign-in, and the victim would work in the attacker's account.

Each cookie has a name of its own: a prefix and a random suffix. Two tabs that open at the same
time both come without a cookie. With one name for both, the response to the second tab would
replace the cookie of the first.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.constants import SIGN_IN_REMEMBERED_SECONDS

SECURE_NAME: Final = "__Host-gist-mcp-browser-"
"""With this prefix browsers refuse the cookie from a sub-domain and over http (RFC 6265bis)."""

LOOPBACK_NAME: Final = "gist-mcp-browser-"
"""For http, which in production is on loopback only: `__Host-` needs https."""

MAX_COOKIES: Final = 8
"""How many cookies of one browser are read: tabs that open at the same time."""

_WHITE_SPACE = b" \t"
"""What browsers strip around names and values, and nothing else (RFC 6265bis, 5.7)."""

_SUFFIX = re.compile(r"[0-9a-f]{8}\Z")
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, kw_only=True)
class BrowserCookie:
    """A cookie of ours: its name without the prefix, and the secret in it."""

    suffix: str
    secret: str = field(repr=False)


def cookie_prefix(*, is_secure: bool) -> str:
    """How the cookie's name begins. `is_secure` is true if browsers reach us over https."""
    return SECURE_NAME if is_secure else LOOPBACK_NAME


def new_browser_cookie() -> BrowserCookie:
    """A cookie with a new secret: 32 random bytes as 43 characters of base64url."""
    # 256 bits: nobody guesses the cookie of another browser.
    return BrowserCookie(suffix=secrets.token_hex(4), secret=secrets.token_urlsafe(32))


def browser_cookies(request: Request, *, is_secure: bool) -> list[BrowserCookie]:
    """The cookies of the request that have the form of ours, `MAX_COOKIES` at most."""
    # Sorted, so that a browser with several cookies uses the same one for each sign-in.
    prefix = cookie_prefix(is_secure=is_secure)
    brought = [
        BrowserCookie(suffix=name.removeprefix(prefix), secret=value)
        for name, value in sorted(cookies_of(request))
        if name.startswith(prefix)
    ]
    return [c for c in brought if _SUFFIX.match(c.suffix) and _VALUE.match(c.secret)][:MAX_COOKIES]


def browser_cookie_or_new(request: Request, *, is_secure: bool) -> BrowserCookie:
    """A cookie that the browser has, or a new one. `set_browser_cookie` puts it in the response."""
    brought = browser_cookies(request, is_secure=is_secure)
    return brought[0] if brought else new_browser_cookie()


def set_browser_cookie(response: Response, cookie: BrowserCookie, *, is_secure: bool) -> None:
    """Sets the cookie on a response, for `SIGN_IN_REMEMBERED_SECONDS`."""
    # Longer than a sign-in may take: a browser that comes back late reads "too late" and not
    # "another browser". Durable state alone decides how long a sign-in may take.
    response.set_cookie(
        cookie_prefix(is_secure=is_secure) + cookie.suffix,
        cookie.secret,
        max_age=SIGN_IN_REMEMBERED_SECONDS,
        path="/",
        secure=is_secure,
        # Cross-site scripting: no script reads the secret.
        httponly=True,
        # Not `Strict`: GitHub's redirect back is a navigation from another site, and browsers would
        # not send the cookie with it.
        samesite="lax",
    )


def cookies_of(request: Request) -> list[tuple[str, str]]:
    """Names and values of the `Cookie` header as the browser has them, in its order.

    A name may come twice. Quotes and escapes of values stay as they are.
    """
    # Cookie tossing: a sub-domain beside ours can set a cookie for the parent domain, and browsers
    # send it to us too. Only the prefix `__Host-` keeps it from passing for ours: browsers refuse
    # that prefix to it (RFC 6265bis, 4.1.3.2), and they compare bytes. Starlette's
    # `request.cookies` decodes Latin-1 and strips all white space of Unicode, so a cookie that a
    # browser knows as `\xa0__Host-x` would arrive as `__Host-x`. With both cookies of an
    # attacker's own sign-in set like that, a person's callback would send the code for their
    # account to the attacker's client.
    # HTTP/2 lets a client send the header in several pieces (RFC 9113, 8.2.3).
    header = b";".join(value for name, value in request.headers.raw if name == b"cookie")
    pairs = (each.partition(b"=") for each in header.split(b";"))
    return [
        (name.strip(_WHITE_SPACE).decode(), value.strip(_WHITE_SPACE).decode("latin-1"))
        for name, equals, value in pairs
        # A name that is not ASCII is none of ours.
        if equals and name.isascii()
    ]
