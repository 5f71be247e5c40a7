"""What the content of a file is: exact, or said to be missing."""

import base64

import pytest

from gist_mcp.tools.file_content import given_bytes, is_text, known_length
from tests.support.gists import file


@pytest.mark.parametrize(
    ("content", "fields", "expected"),
    [
        ("one\r\ntwo", {}, b"one\r\ntwo"),
        (base64.b64encode(b"\x00\xff").decode(), {"encoding": "base64"}, b"\x00\xff"),
        ("begin", {"truncated": True, "size_bytes": 2_000_000}, None),
        (None, {"size_bytes": 5}, None),
        ("not base64!", {"encoding": "base64"}, None),
        # Latin-1 in the repository: GitHub's text does not say what was there.
        ("gr\ufffdn", {"size_bytes": 4}, None),
        # The character itself, in a file of UTF-8.
        ("a\ufffd", {}, "a\ufffd".encode()),
        ("a\ufffd", {"size_bytes": None}, "a\ufffd".encode()),
    ],
)
def test_the_bytes_that_an_answer_has(
    content: str | None, fields: dict[str, object], expected: bytes | None
) -> None:
    assert given_bytes(file("a.txt", content, **fields)) == expected


def test_the_length_is_what_github_says_or_what_it_gives() -> None:
    assert known_length(file("a.txt", "ü", size_bytes=None)) == 2
    assert known_length(file("a.txt", "begin", truncated=True, size_bytes=3_000_000)) == 3_000_000
    assert known_length(file("a.txt", None, size_bytes=None)) == 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", True), ("ü\x1b[0m".encode(), True), (b"a\x00b", False), (b"gr\xfcn", False)],
)
def test_text_is_utf_8_without_nul(data: bytes, expected: bool) -> None:
    assert is_text(data) is expected
