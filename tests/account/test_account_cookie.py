"""The cookie of a person who is signed in to `/account`."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.config_source import parse_config
from gist_mcp.oauth.account_cookie import (
    LIFETIME_SECONDS,
    AccountSession,
    account_session,
    set_account_session,
)
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.sealing import Sealer

NOW = 1_800_000_000
OCTOCAT = GitHubUserId(583231)


def deps(*, now: int = NOW, key: str = "k" * 32, **settings: str) -> Any:
    given = {"PUBLIC_URL": "https://gists.example.com", "DEV_PUBLIC": "1"} | settings
    return SimpleNamespace(
        config=parse_config(given, production=False),
        sealer=Sealer([key]),
        clock=lambda: float(now),
    )


def cookie(of: Any) -> tuple[str, set[str]]:
    """The pair of name and value, and the attributes."""
    response = Response()
    set_account_session(response, of, OCTOCAT, "octocat")
    pair, *attributes = response.headers["set-cookie"].split("; ")
    return pair, set(attributes)


def read(at: Any, pair: str) -> AccountSession | None:
    app = Starlette()
    app.state.deps = at
    scope = {"type": "http", "app": app, "headers": [(b"cookie", pair.encode())]}
    return account_session(Request(scope))


def test_it_says_whose_account_it_is_and_shows_that_to_nobody() -> None:
    pair, _ = cookie(deps())

    signed_in = read(deps(), pair)

    assert signed_in is not None
    assert (signed_in.person.user_id, signed_in.login) == (OCTOCAT, "octocat")
    assert "octocat" not in pair and str(OCTOCAT) not in pair
    assert signed_in.form_token not in pair and signed_in.form_token not in repr(signed_in)


def test_over_https_it_is_bound_to_the_host_and_no_script_reads_it() -> None:
    pair, attributes = cookie(deps())

    assert pair.startswith("__Host-gist-mcp-account=")
    assert attributes == {"HttpOnly", "Max-Age=900", "Path=/", "SameSite=lax", "Secure"}


def test_on_loopback_it_has_a_plain_name() -> None:
    pair, attributes = cookie(deps(PUBLIC_URL="http://localhost:9991"))

    assert pair.startswith("gist-mcp-account=")
    assert attributes == {"HttpOnly", "Max-Age=900", "Path=/", "SameSite=lax"}


def test_it_ends_after_a_quarter_of_an_hour_also_for_who_keeps_it() -> None:
    pair, _ = cookie(deps())

    assert read(deps(now=NOW + LIFETIME_SECONDS - 1), pair) is not None
    assert read(deps(now=NOW + LIFETIME_SECONDS), pair) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        deps(key="x" * 32),
        deps(GITHUB_WEB_URL="https://github.example.com"),
        # A name without the prefix may come from a site beside ours.
        deps(PUBLIC_URL="http://localhost:9991"),
    ],
    ids=["another key", "another GitHub", "another name"],
)
def test_it_opens_nowhere_else(elsewhere: Any) -> None:
    pair, _ = cookie(deps())

    assert read(elsewhere, pair) is None


@pytest.mark.parametrize("value", ["", "x", "A" * 5000, "é", "=;="])
def test_what_was_made_up_is_nobodys(value: str) -> None:
    assert read(deps(), f"__Host-gist-mcp-account={value}") is None
