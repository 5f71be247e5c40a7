"""Find-and-replace edits: made exactly, or refused with the reason."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gist_mcp.changes.text_edits import Edit, appended, edited
from gist_mcp.errors import InvalidArgument

TEXT = "server {\n  listen 80;\n  root /var/www;\n}\nserver {\n  listen 443;\n}\n"


def refusal(text: str, *edits: Edit) -> str:
    with pytest.raises(InvalidArgument) as refused:
        edited(text, edits)
    return str(refused.value)


def test_edits_are_made_in_their_order() -> None:
    edits = [Edit("listen 80;", "listen 8080;"), Edit("8080;\n  root", "8080;\n  index")]

    assert edited(TEXT, edits) == TEXT.replace("listen 80;", "listen 8080;").replace(
        "root", "index"
    )


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Edit("listen 81;", ""), "is not in the file."),
        (Edit("  Listen 80;", ""), "upper and lower case differ"),
        (Edit("listen  80;", ""), "blanks, tabs or line breaks differ"),
        (Edit("80;\r\n  root", ""), "ends its lines with LF"),
        (Edit("server {", ""), "2 times (at the lines 1, 5)"),
        (Edit("", "x"), "is empty"),
        (Edit("root", "root"), "nothing would change"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(edit: Edit, reason: str) -> None:
    assert reason in refusal(TEXT, edit)


def test_a_file_with_line_breaks_of_windows_says_so() -> None:
    assert "ends its lines with CR LF" in refusal("a\r\nb\r\n", Edit("a\nb", "c"))


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = refusal(TEXT, Edit("nowhere", "x"), Edit("listen 80;", "y"), Edit("server {", "z"))

    assert "edits[0].old_text" in text
    assert "edits[2].old_text" in text
    assert "edits[1]" not in text


def test_places_that_overlap_are_two() -> None:
    assert "2 times" in refusal("aaa", Edit("aa", "b"))


def test_what_is_appended_begins_a_line() -> None:
    assert appended("a", "b") == "a\nb"
    assert appended("a\n", "b\n") == "a\nb\n"
    assert appended("a\r\nb", "c") == "a\r\nb\r\nc"
    assert appended("", "b") == "b"
    assert appended("a", "") == "a"


@given(st.text(), st.text(min_size=1), st.text(), st.text())
def test_an_edit_changes_its_place_and_nothing_else(
    before: str, old: str, after: str, new: str
) -> None:
    text = before + old + after
    assume(old != new)

    try:
        result = edited(text, [Edit(old, new)])
    except InvalidArgument:
        first = text.find(old)
        assert text.find(old, first + 1) >= 0
        return
    assert result == before + new + after
