"""Signing in as a person does, by HTTP: our pages, GitHub's page, our page."""

from dataclasses import dataclass

import httpx

from tests.support.github_simulator import GitHubSimulator


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """What `/oauth/callback` answers a program."""

    access_token: str
    login: str
    scope: str

    @property
    def headers(self) -> dict[str, str]:
        """The header with which a client uses it."""
        return {"Authorization": f"Bearer {self.access_token}"}


def sign_in(
    url: str,
    simulator: GitHubSimulator,
    *,
    account: str = "octocat",
    scopes: list[str] | None = None,
) -> SignedIn:
    """The tutorial's flow from start to end."""
    with httpx.Client(base_url=url, headers={"Accept": "application/json"}, timeout=30) as browser:
        start = browser.get("/oauth/authorize")
        assert start.status_code == 302, start.text
        back = simulator.approve(start.headers["location"], account=account, scopes=scopes)
        answer = browser.get(back)
        assert answer.status_code == 200, answer.text
        body = answer.json()
    return SignedIn(access_token=body["access_token"], login=body["login"], scope=body["scope"])
