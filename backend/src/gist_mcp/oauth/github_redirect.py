"""The redirect to GitHub: makes the `state` nonce, records it in durable state, and builds GitHub's
authorization URL."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from gist_mcp.deps import Deps
from gist_mcp.oauth import pkce, sign_in
from gist_mcp.oauth.callback_errors import state_unavailable
from gist_mcp.servicers.unlogged_call import StateUnavailable

SELECT_ACCOUNT: Final = "select_account"
"""The `prompt` with which GitHub asks for the account (GitHub Docs, authorizing OAuth apps).
Without, it goes on with the one that is signed in, and a person who wants another cannot say so."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A sign-in that was recorded: its `state` nonce, and the URL to send the browser to."""

    oauth_state: str = field(repr=False)
    location: str = field(repr=False)


async def github_redirect(
    request: Request,
    *,
    flow: str,
    scopes: Iterable[str],
    browser_secret: str,
    prompt: str | None = None,
) -> Departure:
    """Records a new sign-in of this browser. Raises `SignInFailed` if durable state is away."""
    deps: Deps = request.app.state.deps
    key = deps.sealer.derive("pkce")
    # CSRF (RFC 6749, 10.12): 256 random bits that nobody can guess, bound below to the cookie of
    # this browser. Durable state gets the digests of both (`oauth/sign_in.py`).
    oauth_state = pkce.state_with_key_tag(key, secrets.token_urlsafe(32))
    try:
        await sign_in.issue(
            deps.reboot_context(request),
            oauth_state=oauth_state,
            browser_secret=browser_secret,
            now_seconds=int(deps.clock()),
            flow=flow,
        )
    except StateUnavailable as error:
        raise state_unavailable(error) from None
    # PKCE at GitHub (RFC 7636, 4.2): a code that is stolen on its way back is worth nothing.
    code_verifier = pkce.derived_verifier(key, oauth_state)
    location = deps.github_oauth.authorize_url(
        state=oauth_state,
        code_challenge=pkce.s256_challenge(code_verifier),
        scopes=scopes,
        prompt=prompt,
    )
    return Departure(oauth_state=oauth_state, location=location)
