"""Who may use the server, for tests that reach no durable state: nobody is named by login."""

from typing import NoReturn

import pytest

from gist_mcp.config import Config
from gist_mcp.github.client import GitHubClient
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
from gist_mcp.tokens.allowed_records import AllowedUserRecords


def allowed_without_state(config: Config, github: GitHubClient) -> AllowedAccounts:
    """Decides by the ids in `ALLOWED_USERS`. A lookup of a login fails the test."""
    return AllowedAccounts(
        config=config,
        github=github,
        records=AllowedUserRecords(_no_state, issuer=config.github_web_url, incarnation="test"),
        is_looking_up=lambda: False,
        clock=lambda: 0.0,
    )


def _no_state() -> NoReturn:
    pytest.fail("this test has no durable state")
