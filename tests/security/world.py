"""Our application for the attacks: two server processes, Envoy, and GitHub's simulator."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.deployment import Deployment
from tests.support.github_simulator import GitHubSimulator

ALLOWED_ORIGIN = "https://allowed.example"
TOKEN_KEYS = "security-tests-token-keys-4f1d0c97a2"


@dataclass(frozen=True)
class World:
    """A running deployment and the GitHub that it talks to."""

    app: Deployment
    github: GitHubSimulator

    def token(self, login: str = "octocat", scopes: tuple[str, ...] = ("gist", "read:user")) -> str:
        """A token of our OAuth App for a user."""
        return self.github.create_token(login, scopes)

    def asked_about(self, token: str) -> int:
        """How many requests GitHub has seen with this bearer token."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        return sum(1 for each in self.github.requests() if each.token_sha256 == digest)


@contextmanager
def running_world(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[World]:
    """Starts both, ends both."""
    environ = {"TOKEN_KEYS": TOKEN_KEYS, **(settings or {})}
    app = Deployment(folder, environ)
    with GitHubSimulator(callback_urls=(f"{app.url}/oauth/callback",)) as github:
        environ |= {
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": github.url,
        }
        app.settings.update(environ)
        with app:
            yield World(app, github)
