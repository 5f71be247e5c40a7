"""The application together with a simulated GitHub that a test controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from github_simulator.products import ProductName
from tests.support.deployment import Deployment
from tests.support.github_simulator import GitHubSimulator
from tests.support.sign_in import SignedIn, sign_in

CLIENT_ID = "Ov23liTestOAuthApp00"
TOKEN_KEY = "test-token-key-of-more-than-32-characters"


@dataclass(frozen=True, kw_only=True)
class World:
    """Our server and GitHub, both real processes."""

    server: Deployment
    github: GitHubSimulator

    def sign_in(self, account: str = "octocat", scopes: list[str] | None = None) -> SignedIn:
        """A person signs in; see `tests.support.sign_in`."""
        return sign_in(self.server.url, self.github, account=account, scopes=scopes)


@contextmanager
def world(
    folder: Path,
    settings: dict[str, str] | None = None,
    *,
    servers: int = 2,
    effect_validation: str = "quiet",
    product: ProductName = "github.com",
) -> Iterator[World]:
    """Both, running, with the application configured for this GitHub."""
    server = Deployment(folder, servers=servers, effect_validation=effect_validation)
    with configured(server, settings, product) as github, server:
        yield World(server=server, github=github)


@contextmanager
def configured(
    server: Deployment,
    settings: dict[str, str] | None = None,
    product: ProductName = "github.com",
) -> Iterator[GitHubSimulator]:
    """A GitHub of the server's own. The server is set up for it, and not started."""
    callback_url = f"{(settings or {}).get('PUBLIC_URL', server.url)}/oauth/callback"
    callback_urls = [callback_url]
    with GitHubSimulator(
        client_id=CLIENT_ID, callback_urls=callback_urls, product=product
    ) as github:
        server.settings = {
            "GITHUB_CLIENT_ID": CLIENT_ID,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.api_url,
            "TOKEN_KEYS": TOKEN_KEY,
            **(settings or {}),
        }
        yield github
