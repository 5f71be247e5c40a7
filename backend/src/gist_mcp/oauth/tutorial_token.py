"""The end of a sign-in without an OAuth client: the token on a page or as JSON, to copy by hand."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.github.credential import GitHubCredential
from gist_mcp.oauth.answers import json_response, wants_page
from gist_mcp.oauth.finish_sign_in import SignedIn
from gist_mcp.pages import page
from gist_mcp.sessions.audit import TOKEN_TAKEN, Entry
from gist_mcp.tokens.access_token import (
    SIGN_IN_PAGE_CLIENT_ID,
    AccessTokenPayload,
    access_token_lifetime,
    seal_access_token,
)
from gist_mcp.tokens.grants import account_id

INSTRUCTIONS = "Include this token in MCP requests using the Authorization header: Bearer <token>"
"""The text that the tutorial shows."""

USER_IMPLIES = frozenset({"read:user", "user:email", "user:follow"})
"""The scopes that `user` includes (GitHub Docs, scopes for OAuth apps)."""


async def tutorial_token_response(request: Request, signed_in: SignedIn) -> Response:
    """The token: on a page for a browser, as JSON for a program."""
    deps: Deps = request.app.state.deps
    missing = missing_scopes(deps.config.github_scopes, signed_in.scopes)
    access_token, expires_in_seconds = await _access_token(deps, signed_in)
    await deps.audit.note(
        deps.reboot_context(request),
        account_id(deps.config.github_web_url, signed_in.user_id),
        Entry(event=TOKEN_TAKEN, source=f"{TOKEN_TAKEN}\n{signed_in.sign_in_id}"),
    )
    scopes = None if signed_in.scopes is None else sorted(signed_in.scopes)
    if wants_page(request):
        return page(
            "token.html",
            access_token=access_token,
            login=signed_in.login,
            scopes=scopes,
            missing_scopes=missing,
            expires_in_minutes=expires_in_seconds and expires_in_seconds // 60,
            mcp_url=deps.config.resource,
            revoke_url=deps.config.github_revoke_url,
        )
    answer: dict[str, object] = {
        "access_token": access_token,
        "token_type": "bearer",
        "login": signed_in.login,
        "instructions": INSTRUCTIONS,
    }
    if scopes is not None:
        answer["scope"] = " ".join(scopes)
    if expires_in_seconds is not None:
        answer["expires_in"] = expires_in_seconds
    return json_response(answer)


def missing_scopes(asked: Iterable[str], granted: frozenset[str] | None) -> list[str]:
    """The scopes that were asked for and not granted. `granted` is `None` if GitHub did not say."""
    if granted is None:
        return []
    # GitHub's answer leaves out a scope that a wider one includes.
    implied = USER_IMPLIES if "user" in granted else frozenset()
    return sorted(set(asked) - granted - implied - {"offline_access"})


async def _access_token(deps: Deps, signed_in: SignedIn) -> tuple[str, int | None]:
    """The token for the person, and for how many seconds it works; `None` if it does not expire."""
    # The operator allows GitHub's own tokens at `/mcp`: then the person gets GitHub's.
    if deps.config.github_tokens != "none":
        # The person will bring it to `/mcp` as it is. GitHub has just given it to this app, which
        # then need not ask whose it is, and no flood of made-up tokens keeps it out.
        await deps.known_tokens.remember(
            GitHubCredential(
                token=signed_in.github.access,
                user_id=signed_in.user_id,
                login=signed_in.login,
                scopes=signed_in.scopes,
                expires_at_seconds=signed_in.github.expires_at,
            )
        )
        return signed_in.github.access.reveal(), signed_in.github.expires_in_seconds(deps.clock())
    issued_at = int(deps.clock())
    lifetime_seconds = access_token_lifetime(signed_in.github, now=issued_at)
    # Else the person gets a token of ours with GitHub's sealed inside: it works here only.
    payload = AccessTokenPayload(
        github_token=signed_in.github.access,
        user_id=signed_in.user_id,
        login=signed_in.login,
        client_id=SIGN_IN_PAGE_CLIENT_ID,
        scopes=signed_in.scopes,
        resource=deps.config.resource,
        issued_at=issued_at,
        expires_at=issued_at + lifetime_seconds,
    )
    return seal_access_token(deps.sealer, payload), lifetime_seconds
