"""Reads an authorization request and says what is wrong with it: no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

from github_simulator import choices
from github_simulator.oauth.redirect_uri import redirect_uri_matches
from github_simulator.oauth.scopes import OFFLINE_ACCESS, parse_scopes
from github_simulator.products import PRODUCTS
from github_simulator.settings import Settings
from github_simulator.simulator import RegisteredApp

TROUBLESHOOTING = (
    "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/"
)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")

PARAMETERS = (
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "login",
    "prompt",
)


@dataclass(frozen=True)
class AuthorizationRequest:
    """The parameters of `/login/oauth/authorize`; absent and empty are told apart."""

    client_id: str
    redirect_uri: str | None
    scope: str | None
    state: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    login: str | None
    prompt: str | None

    @property
    def scopes(self) -> list[str]:
        """The scope names asked for, as written."""
        return parse_scopes(self.scope or "")

    @property
    def wants_offline_access(self) -> bool:
        """True if the app asks for an expiring token with a refresh token."""
        return OFFLINE_ACCESS in self.scopes

    def target(self, app: RegisteredApp) -> str:
        """Where the answer goes: the redirect URI, or the first callback URL without one."""
        return self.redirect_uri or app.callback_urls[0]


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused, and whether a page or a redirect says so."""

    way: Literal["page", "redirect"]
    error: str
    description: str
    target: str = ""


def parse_authorization_request(values: Mapping[str, str]) -> AuthorizationRequest:
    """The request in a query or a form; unknown parameters are ignored."""
    found = {name: values.get(name) for name in PARAMETERS}
    client_id = found.pop("client_id") or ""
    return AuthorizationRequest(client_id=client_id, **found)


def refusal(
    request: AuthorizationRequest, app: RegisteredApp, settings: Settings
) -> Refusal | None:
    """What is wrong with the request, None if it may go on."""
    if request.client_id != app.client_id:
        return Refusal("page", "unknown_client", "No application has this client_id.")
    matches = redirect_uri_matches(
        request.target(app), app.callback_urls, wildcard=settings.wildcard_redirects
    )
    if not matches:
        return Refusal(
            "redirect" if settings.redirect_on_mismatch else "page",
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
            app.callback_urls[0],
        )
    if settings.app_suspended:
        return Refusal(
            "redirect",
            "application_suspended",
            "Your application has been suspended. Contact support@github.com.",
            request.target(app),
        )
    problem = _pkce_problem(request) if PRODUCTS[settings.product].takes_pkce else None
    if problem is not None:
        return Refusal("redirect", choices.INVALID_PKCE_ERROR, problem, request.target(app))
    return None


def _pkce_problem(request: AuthorizationRequest) -> str | None:
    challenge, method = request.code_challenge, request.code_challenge_method
    if challenge is None and method is None:
        return None
    if challenge is None or method is None:
        return "code_challenge and code_challenge_method are required together."
    if method != "S256":
        return "code_challenge_method must be S256."
    if not _CHALLENGE.match(challenge):
        return "code_challenge must be 43 characters of base64url."
    return None


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The URL with these parameters behind its own."""
    separator = "&" if urlsplit(url).query else "?"
    return url + separator + urlencode(parameters)


def error_parameters(error: str, description: str) -> dict[str, str]:
    """The parameters of an error redirect, `state` and `iss` apart."""
    return {
        "error": error,
        "error_description": description,
        "error_uri": TROUBLESHOOTING + "#" + error.replace("_", "-"),
    }
