"""Whose text it is, and what in it cannot be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.calls.foreign_text import Author, author_of, hidden_characters, without_hidden
from gist_mcp.principal import GitHubUserId

ME = GitHubUserId(1)


def test_a_text_has_an_author_or_nobody_knows() -> None:
    assert author_of(ME, ME) is Author.MINE
    assert author_of(GitHubUserId(2), ME) is Author.OTHER
    assert author_of(None, ME) is Author.UNKNOWN


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abc\u202edcba", "U+202E RIGHT-TO-LEFT OVERRIDE, 1 time"),
        ("a\u200bb\u200bc", "U+200B ZERO WIDTH SPACE, 2 times"),
        ("a\U000e0061b", "U+E0061 TAG LATIN SMALL LETTER A, 1 time"),
        ("\ufeffabc", "U+FEFF ZERO WIDTH NO-BREAK SPACE, 1 time"),
        ("a\u200db", "U+200D ZERO WIDTH JOINER, 1 time"),
        ("\x1b[31m", "U+001B, 1 time"),
        ("\ufe0fa", "U+FE0F VARIATION SELECTOR-16, 1 time"),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, found: str) -> None:
    assert hidden_characters(text) == [found]
    assert hidden_characters(without_hidden(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "plain\ttext\r\nwith lines\n",
        "👩\u200d💻 and ❤\ufe0f\u200d🔥 and 🏳\ufe0f\u200d🌈",
        "می\u200cخواهم",  # noqa: RUF001 - Persian
        "क्\u200dष",
        "Screenshot 9.41.00\u202fAM.png",
        "ideographic\u3000space",
    ],
)
def test_what_languages_and_emoji_need_is_not_reported(text: str) -> None:
    assert hidden_characters(text) == []
    assert without_hidden(text) == text


def test_a_report_is_short() -> None:
    many = "".join(chr(0xE0020 + number) for number in range(90))

    assert len(hidden_characters(many)) == 11


@given(st.text())
def test_what_is_left_hides_nothing_that_was_reported(text: str) -> None:
    cleaned = without_hidden(text)

    assert len(cleaned) <= len(text)
    if not hidden_characters(text):
        assert cleaned == text


@pytest.mark.parametrize("base", ["😀", "字", "❤\ufe0f", "é"])
def test_selectors_after_a_selector_are_reported(base: str) -> None:
    # Half a byte for each of them: any text can be hidden behind one emoji.
    hidden = "".join(chr(0xFE00 + half) for byte in b"obey" for half in divmod(byte, 16))
    text = f"{base}\ufe0f{hidden}."

    assert hidden_characters(text) != []
    assert without_hidden(text).count("\ufe0f") <= 1
    assert len(without_hidden(text)) <= len(base) + 2


def test_a_joiner_does_not_make_room_for_selectors() -> None:
    assert hidden_characters("😀\u200d\ufe01\ufe02😀") != []
