"""Parameters are read, or refused with `OAuthError`, whatever is sent."""

import asyncio
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gist_mcp.errors import OAuthError
from gist_mcp.oauth.parameters import (
    MAX_FORM_BYTES,
    MAX_PARAMETER_CHARACTERS,
    MAX_QUERY_BYTES,
    form_parameters,
    parse_parameters,
    query_parameters,
)

NAMES = ("code", "state")


def test_named_parameters_are_read_and_others_ignored() -> None:
    assert parse_parameters(b"code=a%2Bb&state=c+d&x=1&x=2", NAMES) == {
        "code": "a+b",
        "state": "c d",
    }


def test_a_parameter_without_value_counts_as_left_out() -> None:
    assert parse_parameters(b"code=&state", NAMES) == {}


@pytest.mark.parametrize(
    "encoded",
    [
        b"code=a&code=a",
        b"code=&code=a",
        b"code=" + b"a" * (MAX_PARAMETER_CHARACTERS + 1),
        b"code=%C3%A9",
        b"code=%FF",
        b"code=\xff",
        b"code=a%0Ab",
        b"code=%00",
        b"&".join(b"a%d=1" % number for number in range(200)),
    ],
)
def test_impossible_parameters_are_refused(encoded: bytes) -> None:
    with pytest.raises(OAuthError) as refused:
        parse_parameters(encoded, NAMES)

    assert (refused.value.code, refused.value.status_code) == ("invalid_request", 400)


def test_a_list_may_be_repeated_and_is_long_as_a_whole() -> None:
    half = "a" * (MAX_PARAMETER_CHARACTERS // 2)

    assert parse_parameters(b"code=a&code=&code=b", NAMES, repeatable=("code",)) == {"code": "a b"}
    with pytest.raises(OAuthError):
        parse_parameters(f"code={half}&code={half}".encode(), NAMES, repeatable=("code",))
    with pytest.raises(OAuthError):
        parse_parameters(b"code=a&state=b&state=c", NAMES, repeatable=("code",))


def test_what_may_be_any_text_is_still_text() -> None:
    read = parse_parameters(b"state=%C3%A9%00", NAMES, any_characters=("state",))

    assert read == {"state": "\u00e9\x00"}
    with pytest.raises(OAuthError):
        parse_parameters(b"state=%FF", NAMES, any_characters=("state",))
    with pytest.raises(OAuthError):
        parse_parameters(b"code=%C3%A9", NAMES, any_characters=("state",))


def test_the_longest_value_is_read() -> None:
    value = "a" * MAX_PARAMETER_CHARACTERS

    assert parse_parameters(f"code={value}".encode(), NAMES) == {"code": value}


def test_an_endless_query_is_refused() -> None:
    request = Request({"type": "http", "query_string": b"x=" + b"y" * MAX_QUERY_BYTES})

    with pytest.raises(OAuthError):
        query_parameters(request, NAMES)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40)))
def test_what_a_browser_encodes_is_read_or_refused(values: dict[str, str]) -> None:
    try:
        found = parse_parameters(urlencode(values).encode(), NAMES)
    except OAuthError:
        assert not all(each.isascii() and each.isprintable() for each in values.values())
    else:
        assert found == {name: value for name, value in values.items() if value}


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(encoded: bytes) -> None:
    try:
        found = parse_parameters(encoded, NAMES)
    except OAuthError:
        return
    assert set(found) <= set(NAMES)


def form_request(chunks: list[bytes], content_type: str) -> Request:
    messages = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


FORM = "application/x-www-form-urlencoded"


def test_a_form_is_read_across_chunks() -> None:
    request = form_request([b"code=a", b"b&state=c"], f"{FORM}; charset=utf-8")

    assert asyncio.run(form_parameters(request, NAMES)) == {"code": "ab", "state": "c"}


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data; boundary=x"]
)
def test_only_urlencoded_forms_are_read(content_type: str) -> None:
    with pytest.raises(OAuthError, match="form"):
        asyncio.run(form_parameters(form_request([b"code=a"], content_type), NAMES))


def test_an_endless_form_is_refused_while_reading() -> None:
    chunks = [b"x" * 1024] * (MAX_FORM_BYTES // 1024 + 50)
    request = form_request(chunks, FORM)

    with pytest.raises(OAuthError) as refused:
        asyncio.run(form_parameters(request, NAMES))

    assert refused.value.status_code == 413
