"""A browser gets a page, a program gets JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.oauth.answers import prefers_html

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME = FIREFOX.replace("*/*", "image/avif,image/webp,*/*") + ",application/signed-exchange;q=0.7"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (FIREFOX, True),
        (CHROME, True),
        ("text/html", True),
        ("TEXT/HTML ; Q=0.5", True),
        ("text/*", True),
        ("*/*;q=0.1, text/html;q=0.2", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=nan", False),
        ("text/html;q=7", False),
        ("text/html;q=", False),
        ("text/html," * 1000, False),
    ],
)
def test_the_header_decides(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


@given(st.text(max_size=200))
def test_no_header_breaks_it(accept: str) -> None:
    assert prefers_html(accept) in (True, False)
