"""The cookie of a person who has signed in to `/account`: whose account they may see and end.

It holds no credential of GitHub's. It is sealed and stored nowhere, and short: what it opens can
end all access. `Grants` says when a person has signed out everywhere, which ends it too.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.oauth.browser_cookie import cookies_of
from gist_mcp.principal import GitHubUserId
from gist_mcp.sessions.account_end import Person
from gist_mcp.tokens.sealing import SealBroken

NAME: Final = "gist-mcp-account"

LIFETIME_SECONDS: Final = 15 * 60
"""Since the sign-in. Long enough to read the page, short for a browser that is left open."""

MAX_READ: Final = 4
"""Cookies of this name that are read. A browser has one of its own; a site beside ours may add
others."""

_PURPOSE: Final = "account-session"


@dataclass(frozen=True, kw_only=True)
class AccountSession:
    """A person who is signed in to `/account`. `form_token` is in every form of theirs.

    `opened_at_seconds` is Unix time.
    """

    person: Person
    login: str
    opened_at_seconds: int
    form_token: str = field(repr=False)


def account_session(request: Request) -> AccountSession | None:
    """Who is signed in with this browser, as far as the cookie says."""
    deps: Deps = request.app.state.deps
    name = _name(deps.config.is_secure)
    brought = [value for each, value in cookies_of(request) if each == name]
    opened = (_opened(deps, sealed) for sealed in brought[:MAX_READ])
    return next((each for each in opened if each is not None), None)


def set_account_session(response: Response, deps: Deps, user_id: GitHubUserId, login: str) -> None:
    """This browser has just signed in to `/account` as this account."""
    inside = {
        "user_id": user_id,
        "login": login,
        "opened_at_seconds": int(deps.clock()),
        # CSRF: a page of another site cannot read it, so it can make no form that has it.
        "form_token": secrets.token_urlsafe(32),
    }
    response.set_cookie(
        _name(deps.config.is_secure),
        # Sealed for this GitHub: on another one the same number is another person.
        deps.sealer.seal(_PURPOSE, json.dumps(inside).encode(), context=deps.config.github_web_url),
        max_age=LIFETIME_SECONDS,
        path="/",
        secure=deps.config.is_secure,
        httponly=True,
        # Not `Strict`: the cookie is set on the way back from GitHub, and browsers would not send
        # it with the rest of that way.
        samesite="lax",
    )


def delete_account_session(response: Response, deps: Deps) -> None:
    """This browser is not signed in to `/account` any more."""
    is_secure = deps.config.is_secure
    response.delete_cookie(
        _name(is_secure), path="/", secure=is_secure, httponly=True, samesite="lax"
    )


def _name(is_secure: bool) -> str:
    return f"__Host-{NAME}" if is_secure else NAME


def _opened(deps: Deps, sealed: str) -> AccountSession | None:
    issuer = deps.config.github_web_url
    try:
        inside = json.loads(deps.sealer.open(_PURPOSE, sealed, context=issuer))
    except SealBroken:
        return None
    # What a browser is told to forget, a thief of cookies keeps.
    if deps.clock() >= inside["opened_at_seconds"] + LIFETIME_SECONDS:
        return None
    return AccountSession(
        person=Person(issuer=issuer, user_id=GitHubUserId(inside["user_id"])),
        login=inside["login"],
        opened_at_seconds=inside["opened_at_seconds"],
        form_token=inside["form_token"],
    )
