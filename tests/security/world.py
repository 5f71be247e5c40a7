"""Our application for the attacks: its server processes, Envoy, and GitHub's simulator."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.security.production import ProductionDeployment
from tests.security.wiretap import Wiretap
from tests.support.deployment import Deployment
from tests.support.github_simulator import GitHubSimulator

ALLOWED_ORIGIN = "https://allowed.example"
in_both_modes = pytest.mark.parametrize("world", ["development", "production"], indirect=True)
"""The same attacks on development and on production; see `conftest.py`."""

TOKEN_KEYS = "security-tests-token-keys-4f1d0c97a2"


@dataclass(frozen=True)
class World:
    """A running deployment and the GitHub that it talks to."""

    app: Deployment
    github: GitHubSimulator
    api: Wiretap

    @property
    def is_production(self) -> bool:
        """True if it serves other people, and false if it is for one's own machine."""
        return isinstance(self.app, ProductionDeployment)

    def token(self, login: str = "octocat", scopes: tuple[str, ...] = ("gist", "read:user")) -> str:
        """A token of our OAuth App for a user."""
        return self.github.create_token(login, scopes)

    def asked_about(self, token: str) -> int:
        """How often GitHub's API was sent this token: as a bearer, or in the body of a question
        about it (`POST /applications/{client_id}/token`)."""
        return self.api.heard(token)


@contextmanager
def running_world(
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    port: int | None = None,
    servers: int = 2,
    mode: type[Deployment] = Deployment,
) -> Iterator[World]:
    """Starts both, ends both. `port` is for settings that name it."""
    environ = {"TOKEN_KEYS": TOKEN_KEYS, **(settings or {})}
    app = mode(folder, environ, port=port, servers=servers)
    with (
        GitHubSimulator(callback_urls=(f"{app.url}/oauth/callback",)) as github,
        Wiretap(github.url) as api,
    ):
        environ |= {
            "GITHUB_CLIENT_ID": github.client_id,
            "GITHUB_CLIENT_SECRET": github.client_secret,
            "GITHUB_WEB_URL": github.url,
            "GITHUB_API_URL": api.url,
        }
        app.settings.update(environ)
        github.configure(tokens_per_scope_set=None)
        with app:
            yield World(app, github, api)
