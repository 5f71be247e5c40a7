"""The cookie that binds a sign-in to the browser that began it.

Without it somebody could send a victim the end of the attacker's own sign-in (login CSRF,
RFC 6749, 10.12; RFC 9700, 4.7): the victim would work in the attacker's account. `Lax` is as
strict as can be: the return from GitHub is a navigation from another site, to which `Strict`
sends nothing.

A browser without one gets one under a name of its own. Two tabs that open at the same time both
come without a cookie; under one name the answer to the second would take the first tab's away.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.constants import SIGN_IN_REMEMBERED_SECONDS

SECURE_NAME: Final = "__Host-gist-mcp-browser-"
"""The prefix makes browsers refuse this cookie from a sub-domain or over http (RFC 6265bis)."""

LOOPBACK_NAME: Final = "gist-mcp-browser-"
"""On http, which only loopback uses in production: `__Host-` would need https."""

MAX_COOKIES: Final = 8
"""Tabs of one browser that may open at the same time; more cookies are not looked at."""

_WHITE_SPACE = b" \t"
"""What browsers take off around names and values, and nothing else (RFC 6265bis, 5.7)."""

_SUFFIX = re.compile(r"[0-9a-f]{8}\Z")
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, kw_only=True)
class BrowserCookie:
    """A cookie that we made: its name without the prefix, and the secret in it."""

    suffix: str
    secret: str


def cookie_prefix(*, is_secure: bool) -> str:
    """How the cookie's name begins, by whether browsers reach us over https."""
    return SECURE_NAME if is_secure else LOOPBACK_NAME


def new_browser_cookie() -> BrowserCookie:
    """With a secret of 32 random bytes as 43 characters of base64url."""
    return BrowserCookie(suffix=secrets.token_hex(4), secret=secrets.token_urlsafe(32))


def browser_cookies(request: Request, *, is_secure: bool) -> list[BrowserCookie]:
    """Those that the browser brought and that we could have made."""
    prefix = cookie_prefix(is_secure=is_secure)
    brought = [
        BrowserCookie(suffix=name.removeprefix(prefix), secret=value)
        for name, value in sorted(cookies_of(request))
        if name.startswith(prefix)
    ]
    return [c for c in brought if _SUFFIX.match(c.suffix) and _VALUE.match(c.secret)][:MAX_COOKIES]


def browser_cookie_or_new(request: Request, *, is_secure: bool) -> BrowserCookie:
    """One that the browser has, or a new one. It is the answer's part to set it."""
    brought = browser_cookies(request, is_secure=is_secure)
    return brought[0] if brought else new_browser_cookie()


def set_browser_cookie(response: Response, cookie: BrowserCookie, *, is_secure: bool) -> None:
    """Sets the cookie, for longer than a sign-in may take: a browser that comes back late is to be
    told so, and not that it is another one. How long a sign-in may take is for durable state."""
    response.set_cookie(
        cookie_prefix(is_secure=is_secure) + cookie.suffix,
        cookie.secret,
        max_age=SIGN_IN_REMEMBERED_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def cookies_of(request: Request) -> list[tuple[str, str]]:
    """Names and values of the `Cookie` header as the browser has them, in its order; a name may
    come twice.

    A sub-domain beside ours may set a cookie for the parent domain that browsers send to us too.
    Only the prefix `__Host-` keeps it from posing as ours: browsers refuse that prefix to it (RFC
    6265bis, 4.1.3.2). They compare bytes. Starlette's `request.cookies` decodes Latin-1 and strips
    all white space of Unicode, so a cookie that a browser knows as `\\xa0__Host-x` arrives as
    `__Host-x`. With both cookies of an attacker's own sign-in planted like that, a person's
    callback would deliver the code for their account to the attacker's client.

    A name that is not ASCII is none of ours and left out. Quotes and escapes of values stay. HTTP/2
    lets a client send the header in several pieces (RFC 9113, 8.2.3).
    """
    header = b";".join(value for name, value in request.headers.raw if name == b"cookie")
    pairs = (each.partition(b"=") for each in header.split(b";"))
    return [
        (name.strip(_WHITE_SPACE).decode(), value.strip(_WHITE_SPACE).decode("latin-1"))
        for name, equals, value in pairs
        if equals and name.isascii()
    ]
