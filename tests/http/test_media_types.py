"""`Accept` and `Content-Type` of `/mcp`, by the rules of RFC 9110."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gist_mcp.http.media_types import (
    MediaTypeRefused,
    check_media_types,
    quality,
    takes_events,
)

BOTH = "application/json, text/event-stream"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def request(
    method: str = "POST", *, accept: list[str] | str = BOTH, content_type: str | None = None
) -> Request:
    lines = [accept] if isinstance(accept, str) else accept
    headers = [(b"accept", line.encode("latin-1")) for line in lines]
    if content_type is not None:
        headers.append((b"content-type", content_type.encode("latin-1")))
    return Request({"type": "http", "method": method, "headers": headers})


def status_of(asked: Request) -> int:
    try:
        check_media_types(asked)
    except MediaTypeRefused as refused:
        return refused.status_code
    return 200


@pytest.mark.parametrize(
    ("accept", "media_type", "expected"),
    [
        # RFC 9110, 12.5.1, its own example.
        ("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", "text/plain", 0.7),
        ("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", "text/html", 0.3),
        ("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", "image/jpeg", 0.5),
        ("", "text/html", 1.0),
        (" , ,", "text/html", 1.0),
        ("*", "text/html", 1.0),
        ("*/*, text/html;q=0", "text/html", 0.0),
        ('application/json;profile="a, text/html"', "text/html", 0.0),
        ("application/json;charset=utf-8", "application/json", 1.0),
        ("Application/JSON ; Q=0.5", "application/json", 0.5),
        ("application/json;q=nan", "application/json", 0.0),
    ],
)
def test_the_most_specific_range_decides(accept: str, media_type: str, expected: float) -> None:
    assert quality(accept, media_type) == expected


@pytest.mark.parametrize(
    "accept",
    [
        BOTH,
        "*/*",
        "*",
        [],
        "",
        "application/*",
        "application/*, text/*",
        "Application/JSON, Text/Event-Stream",
        "application/json;charset=utf-8, text/event-stream;q=0.5",
        "application/json",
        "text/event-stream",
        ["application/json", "text/event-stream"],
        BROWSER,
        "nonsense",
    ],
)
def test_a_post_is_taken_from_whoever_takes_one_of_the_two(accept: list[str] | str) -> None:
    assert status_of(request(accept=accept)) == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "text/*;q=0", "*/*;q=0", "application/json;q=0", "text/plain"],
)
def test_whoever_takes_neither_is_told(accept: str) -> None:
    assert status_of(request(accept=accept)) == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/event-stream", 200),
        ("TEXT/*", 200),
        ("*/*", 200),
        ([], 200),
        ("application/json", 406),
        ("application/json, text/event-stream;q=0", 406),
        ("*/*, text/event-stream;q=0.0", 406),
    ],
)
def test_a_get_is_for_event_streams(accept: list[str] | str, expected: int) -> None:
    assert status_of(request("GET", accept=accept)) == expected


def test_a_delete_has_no_type() -> None:
    assert status_of(request("DELETE", accept="text/html", content_type="text/plain")) == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; Charset=UTF-8",
        "application/json, application/json",
        "application/json, application/x-www-form-urlencoded",
    ],
)
def test_json_is_read_however_it_is_announced(content_type: str | None) -> None:
    assert status_of(request(content_type=content_type)) == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;application/json",
        "text/plain; a, application/json",
        'text/plain; a=", application/json"',
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/jsonx",
        "application/json/x",
        "json",
        "*/*",
    ],
)
def test_what_a_page_may_send_unasked_is_refused(content_type: str) -> None:
    assert status_of(request(content_type=content_type)) == 415


NAMES = st.sampled_from(["application/json", "text/event-stream", "text/*", "*/*", "text/html"])
RANGES = st.lists(st.tuples(NAMES, st.integers(min_value=0, max_value=1000)), max_size=6)


@given(RANGES)
def test_case_blanks_and_parameters_change_nothing(ranges: list[tuple[str, int]]) -> None:
    plain = ",".join(f"{name};q={weight / 1000}" for name, weight in ranges)
    spaced = ' , "",'.join(f' {name.upper()} ; x="," ; Q = {w / 1000} ' for name, w in ranges)

    for media_type in ("application/json", "text/event-stream", "text/html"):
        assert quality(plain, media_type) == quality(spaced, media_type)


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_header_breaks_it(text: str) -> None:
    assert 0.0 <= quality(text, "text/event-stream") <= 1.0
    assert status_of(request(accept=text, content_type=text)) in (200, 406, 415)
    assert takes_events(request(accept=text)) in (True, False)
