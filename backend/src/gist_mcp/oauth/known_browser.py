"""The cookie of a browser that has signed in here before: it names the account, sealed.

It lets nobody in. It keeps a stranger's flood from shutting out people who come back: their
sign-ins are counted for their account, and not among the strangers (`tokens/guess_budget.py`,
`http/limits.py`).
"""

import json
import re
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.oauth.browser_cookie import cookies_of
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.grants import account_id
from gist_mcp.tokens.sealing import SealBroken, Sealer

NAME: Final = "gist-mcp-known"

LIFETIME_SECONDS: Final = 180 * 24 * 3600
"""Since the last sign-in. Most people sign in again every month, when their refresh token ends."""

MAX_READ: Final = 4
"""Cookies of this name that are read. A browser has one of its own; a site beside ours may add
others."""

_PURPOSE: Final = "known-browser"
_ACCOUNT = re.compile(r"[0-9a-f]{32}\Z")


def known_account(
    request: Request, sealer: Sealer, *, is_secure: bool, clock: Callable[[], float]
) -> str | None:
    """The account that signed in last with this browser (`grants.account_id`), or `None`.

    `clock` gives Unix time in seconds.
    """
    name = _name(is_secure)
    brought = [value for each, value in cookies_of(request) if each == name]
    for sealed in brought[:MAX_READ]:
        account = _opened(sealer, sealed, clock())
        if account is not None:
            return account
    return None


def set_known_account(response: Response, deps: Deps, user_id: GitHubUserId) -> None:
    """This browser has just signed in as this account."""
    is_secure = deps.config.is_secure
    inside = {
        # A digest: whoever has `TOKEN_KEYS` and the cookie still does not see whose it is.
        "account": account_id(deps.config.github_web_url, user_id),
        "signed_in_at_seconds": int(deps.clock()),
    }
    response.set_cookie(
        _name(is_secure),
        # Sealed: whoever could write it would have the small budget of any account that they name,
        # and so as many as they like.
        deps.sealer.seal(_PURPOSE, json.dumps(inside).encode()),
        max_age=LIFETIME_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        # GitHub's redirect back is a navigation from another site.
        samesite="lax",
    )


def _name(is_secure: bool) -> str:
    return f"__Host-{NAME}" if is_secure else NAME


def _opened(sealer: Sealer, sealed: str, now_seconds: float) -> str | None:
    try:
        inside = json.loads(sealer.open(_PURPOSE, sealed))
    except SealBroken:
        return None
    # What a browser is told to forget, a thief of cookies keeps.
    if now_seconds >= inside["signed_in_at_seconds"] + LIFETIME_SECONDS:
        return None
    account = inside["account"]
    return account if _ACCOUNT.match(account) else None
