"""Asks GitHub whether a token is alive and whose it is.

There are two ways to ask. Whether a token was issued to this OAuth App, only the app itself can ask
(`POST /applications/{client_id}/token`), out of one budget for all of its users. So it is asked
once, about a GitHub token that comes without our seal. What we sealed came from GitHub to this
app, and no token changes its app: whether it is still alive is asked with the token itself
(`GET /user`), out of its own user's budget, and free of charge while nothing has changed.
"""

from dataclasses import dataclass, replace

from gist_mcp.config import Config
from gist_mcp.errors import SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.github.models import SameUser
from gist_mcp.tokens.direct_token import sign_in_at


@dataclass(frozen=True, kw_only=True)
class Validated:
    """GitHub's yes. `etag` is for asking again free of charge."""

    credential: GitHubCredential
    etag: str | None = None


class GitHubTokenCheck:
    """The questions to GitHub about tokens. Remembers nothing."""

    def __init__(self, config: Config, github: GitHubClient) -> None:
        self._config = config
        self._github = github

    async def ask(self, token: GitHubToken, before: Validated | None) -> Validated:
        """Whether the token is alive and whose it is. `before` is what is known already of a
        token that is certainly of a kind that is taken here.

        Raises `SignInRequired`, `GitHubUnavailable`, `RateLimited`.
        """
        # A token that its owner gave to another app must not work here, or that app could act in
        # the owner's name (RFC 6749, 10.16). What we have sealed is known to be this app's.
        if before is None and self._config.github_tokens != "any":
            validated = await self._ask_as_the_app(token)
            if validated is not None:
                return validated
        return await self._ask_as_the_user(token, before)

    async def _ask_as_the_app(self, token: GitHubToken) -> Validated | None:
        """Whether the token is one of this app's, and whose; `None` if GitHub names no user.

        Raises `SignInRequired` if it is not. Asking as the app does not count as a failed login
        (GitHub Docs, OAuth application token endpoints).
        """
        config = self._config
        check = await self._github.check_token(
            token, config.github_client_id, config.github_client_secret
        )
        if check is None:
            raise SignInRequired(
                "GitHub knows no such token of this server's OAuth App: it was issued to another "
                f"app, or it has expired or was revoked. {sign_in_at(config)}"
            )
        if check.user_id is None or check.login is None:
            return None
        return Validated(
            credential=GitHubCredential(
                token=token,
                user_id=check.user_id,
                login=check.login,
                # An empty list says as little of permissions as an empty header.
                scopes=(check.scopes or None) if token.has_permissions else check.scopes,
                expires_at_seconds=check.expires_at_seconds,
            )
        )

    async def _ask_as_the_user(self, token: GitHubToken, before: Validated | None) -> Validated:
        """Whose token it is. What GitHub does not say again is as it was `before`."""
        if before is None:
            answer = await self._github.get_user(token)
            return Validated(
                credential=GitHubCredential(
                    token=token,
                    user_id=answer.user.id,
                    login=answer.user.login,
                    scopes=answer.scopes,
                ),
                etag=answer.etag,
            )
        known = before.credential
        again = await self._github.get_user(token, etag=before.etag)
        scopes = known.scopes if again.scopes is None else again.scopes
        if isinstance(again, SameUser):
            return replace(before, credential=replace(known, scopes=scopes))
        credential = replace(known, user_id=again.user.id, login=again.user.login, scopes=scopes)
        return Validated(credential=of_the_same_account(credential, known), etag=again.etag)


def of_the_same_account(
    credential: GitHubCredential, known: GitHubCredential | None
) -> GitHubCredential:
    """The credential. Raises `SignInRequired` if it is not of the account that is known."""
    # GitHub never gives a token to another account. If it seems so, nothing may be done in either
    # name: fail closed.
    if known is not None and credential.user_id != known.user_id:
        raise SignInRequired(
            "This token belongs to another GitHub account than before. Sign in again."
        )
    return credential
