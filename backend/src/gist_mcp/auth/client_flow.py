"""The sign-in that an OAuth client begins for its user (RFC 6749, 4.1).

The one door to it: registration, consent and codes of our own belong behind this function.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.auth.answers import oauth_error
from gist_mcp.errors import OAuthError

CLIENT_PARAMETERS: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "state",
    "scope",
    "resource",
)
"""Whoever sends one of these to `/oauth/authorize` is an OAuth client and not a person."""

NO_CLIENTS_DESCRIPTION: Final = (
    "This server does not register OAuth clients yet. Open /oauth/authorize without parameters "
    "in a browser, and give the client the token from there."
)


async def authorize_client(request: Request, parameters: Mapping[str, str]) -> Response:
    """Refuses: no client is known here. Never redirects, for no redirect URI is known good."""
    return oauth_error(OAuthError("unauthorized_client", NO_CLIENTS_DESCRIPTION))
