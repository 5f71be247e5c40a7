"""What holds a secret does not show it: a log line or a traceback may print it."""

import pytest

from gist_mcp.oauth.browser_cookie import BrowserCookie
from gist_mcp.oauth.github_answer import GitHubAnswer
from gist_mcp.oauth.github_redirect import Departure
from gist_mcp.oauth.token_pair import TokenPair

SECRET = "k" * 43


@pytest.mark.parametrize(
    "holder",
    [
        BrowserCookie(suffix="0" * 8, secret=SECRET),
        Departure(oauth_state=SECRET, location=f"https://github.com/?state={SECRET}"),
        GitHubAnswer(
            oauth_state=SECRET,
            code=SECRET,
            error=None,
            browser_secrets=(SECRET,),
            wanted=None,
            known_account=None,
            address="",
        ),
        TokenPair(
            access_token=SECRET, refresh_token=SECRET, expires_in_seconds=3600, scopes=frozenset()
        ),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_a_secret_is_not_in_the_repr(holder: object) -> None:
    assert SECRET not in repr(holder)
