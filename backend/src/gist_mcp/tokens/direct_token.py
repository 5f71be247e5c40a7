"""A GitHub token that comes as it is, without our seal: which ones are worth asking about.

Pure rules, no I/O. What is refused here is refused for what it certainly is, and in words that
say so; GitHub is not asked.
"""

import re

from gist_mcp.config import Config
from gist_mcp.errors import SignInRequired
from gist_mcp.github.credential import GitHubToken, TokenKind

_POSSIBLE_TOKEN = re.compile(r"[A-Za-z0-9_]{24,266}\Z")
"""GitHub's alphabet, and room for 255 characters behind a prefix (GitHub Docs, token formats). Not
the prefixes: an Enterprise Server may have others, or none, and formats change."""

_OUR_PREFIX = "ggm_"

_PERSONAL = frozenset({TokenKind.CLASSIC, TokenKind.FINE_GRAINED})


def direct_token(bearer: str, config: Config) -> GitHubToken:
    """The token, if it may be a person's and of a kind that is taken. Raises `SignInRequired`."""
    refusal = _refusal(bearer, config)
    if refusal is not None:
        raise SignInRequired(f"{refusal} {sign_in_at(config)}")
    return GitHubToken(bearer)


def sign_in_at(config: Config) -> str:
    """What a person does whose token is not taken."""
    return f"Sign in at {config.public_url}/oauth/authorize."


def _refusal(bearer: str, config: Config) -> str | None:
    # The operator decides whether tokens without our seal, and so without a client, work at all.
    if config.github_tokens == "none":
        return "This server does not take GitHub tokens."
    kind = GitHubToken(bearer).kind
    # It acts for whoever installed the app, in their repositories: there is no person to act as.
    if kind is TokenKind.APP_INSTALLATION:
        return "This is an installation token of a GitHub App, which acts for no person."
    # It would be sent to GitHub's API, where it has no business, and from there to logs.
    if kind is TokenKind.REFRESH:
        return "This is a refresh token of GitHub, not an access token."
    if kind in _PERSONAL and config.github_tokens == "app":
        # Its owner has made it at GitHub; no app has such tokens.
        return (
            "This is a personal access token, so it was not issued to this server's OAuth App, "
            "and others are not taken here unless whoever runs the server sets GITHUB_TOKENS=any."
        )
    # Anything else is not sent to GitHub: a code or refresh token of ours, or another's secret.
    if bearer.startswith(_OUR_PREFIX) or not _POSSIBLE_TOKEN.match(bearer):
        return "This is not an access token of this server or of GitHub."
    return None
