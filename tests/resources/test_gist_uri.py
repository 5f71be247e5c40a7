"""The URIs of resources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl

from gist_mcp.resources.gist_uri import GistUri, file_uri, gist_uri, parse_gist_uri

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=80
)


@given(NAMES)
def test_a_uri_of_a_file_names_the_file_whatever_its_name(name: str) -> None:
    uri = file_uri("aa5a315d61ae9438b18d", name)

    # As the MCP SDK's clients send it.
    sent = str(AnyUrl(uri))

    assert uri.isascii()
    assert parse_gist_uri(sent) == GistUri(gist_id="aa5a315d61ae9438b18d", filename=name)


def test_a_uri_of_a_gist_names_the_gist() -> None:
    assert parse_gist_uri(gist_uri("12345")) == GistUri(gist_id="12345")
    assert parse_gist_uri("gist://12345/") == GistUri(gist_id="12345")


@pytest.mark.parametrize(
    ("uri", "filename"),
    [
        ("gist://1/notes.md", "notes.md"),
        ("gist://1/what? yes#1.md", "what? yes#1.md"),
        ("GIST://1/a", "a"),
        ("gist://1/%2e%2e", ".."),
        ("gist://1/a%2Fb", "a/b"),
    ],
)
def test_a_file_is_named_with_or_without_percent_encoding(uri: str, filename: str) -> None:
    assert parse_gist_uri(uri) == GistUri(gist_id="1", filename=filename)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "gist://",
        "gist:///a.md",
        "gist:1",
        "https://gist.github.com/1",
        "file:///etc/passwd",
        "gist://../../user/a.md",
        "gist://1:80/a",
        "gist://u@1/a",
        "gist://1/%ff",
        "gist://1/" + "a" * 1_000,
    ],
)
def test_what_names_no_gist_is_none(uri: str) -> None:
    assert parse_gist_uri(uri) is None
