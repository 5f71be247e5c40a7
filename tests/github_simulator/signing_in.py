"""The web flow and the REST API, as a client of GitHub uses them."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.support.consent_form import NO_CERTIFICATES
from tests.support.github_simulator import GitHubSimulator

CALLBACK = "http://localhost:9991/oauth/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]


def api_client(github: GitHubSimulator, token: str | None = None) -> httpx.Client:
    """A client of the REST API, with a token or without."""
    headers = {"user-agent": "tests"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx.Client(base_url=github.url, headers=headers, timeout=10.0, verify=NO_CERTIFICATES)


def authorize_url(github: GitHubSimulator, **changes: str | None) -> str:
    """A proper authorization request, with changes; None leaves a parameter out."""
    parameters: dict[str, str | None] = {
        "client_id": github.client_id,
        "redirect_uri": CALLBACK,
        "scope": "gist read:user",
        "state": "state-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    present = {name: value for name, value in parameters.items() if value is not None}
    return f"{github.url}/login/oauth/authorize?{urlencode(present)}"


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL, each occurring once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def approved_code(
    github: GitHubSimulator, scopes: list[str] | None = None, **changes: str | None
) -> str:
    """The code of an approved sign-in as octocat."""
    return query_of(github.approve(authorize_url(github, **changes), scopes=scopes))["code"]


def exchange(
    github: GitHubSimulator, code: str, accept: str = "application/json", **changes: str | None
) -> httpx.Response:
    """The code exchange, with changes; None leaves a parameter out."""
    fields = {
        "client_id": github.client_id,
        "client_secret": github.client_secret,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    url = f"{github.url}/login/oauth/access_token"
    return httpx.post(url, data=present, headers={"accept": accept}, verify=NO_CERTIFICATES)


def signed_in(github: GitHubSimulator, **changes: str | None) -> dict[str, Any]:
    """The token answer of a whole sign-in as octocat."""
    answer: dict[str, Any] = exchange(github, approved_code(github, None, **changes)).json()
    return answer
