"""Find-and-replace edits: made exactly, or refused with the reason."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gist_mcp.calls.argument_schema import MAX_FAULTS
from gist_mcp.changes.text_edits import (
    MAX_EDITS,
    MAX_HINT_CHARACTERS,
    Edit,
    appended,
    check_edits,
    edited,
)
from gist_mcp.errors import InvalidArgument

TEXT = "server {\n  listen 80;\n  root /var/www;\n}\nserver {\n  listen 443;\n}\n"
MEGABYTE = 1_000_000


def refusal(text: str, *edits: Edit) -> str:
    with pytest.raises(InvalidArgument) as refused:
        edited(text, edits)
    return str(refused.value)


def refused_at_once(*edits: Edit, append: str = "") -> str:
    with pytest.raises(InvalidArgument) as refused:
        check_edits(edits, append)
    return str(refused.value)


def test_edits_are_made_in_their_order() -> None:
    edits = [Edit("listen 80;", "listen 8080;"), Edit("8080;\n  root", "8080;\n  index")]

    assert edited(TEXT, edits) == TEXT.replace("listen 80;", "listen 8080;").replace(
        "root", "index"
    )


@pytest.mark.parametrize(
    ("old_text", "reason"),
    [
        ("listen 81;", "is not in the file. Read the file again"),
        ("  Listen 80;", "upper and lower case differ (see line 2)"),
        ("listen  80;", "blanks, tabs or line breaks differ (see line 2)"),
        ("80;\r\n  root", "the lines of the file end with LF (see line 2)"),
        ("root\u200b /var", "characters differ that look alike or cannot be seen (see line 3)"),
        ("server {", "2 times (it begins at the lines 1, 5)"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(old_text: str, reason: str) -> None:
    assert reason in refusal(TEXT, Edit(old_text, "x"))


@pytest.mark.parametrize(
    ("text", "ends"),
    [("a\r\nb\r\n", "CR LF"), ("x\na\r\nb\r\n", "CR LF in some places and LF in others")],
)
def test_a_file_says_with_what_its_lines_end(text: str, ends: str) -> None:
    assert f"the lines of the file end with {ends} (see" in refusal(text, Edit("a\nb", "c"))


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (Edit("", "x"), "edits[0].old_text: is empty"),
        (Edit("root", "root"), "edits[0].new_text: is the same as old_text"),
        (Edit("\ud800", "x"), "edits[0].old_text: has U+D800, half of a character"),
        (Edit("x", "\x00"), "edits[0].new_text: has the NUL character"),
    ],
)
def test_what_no_text_can_make_right_is_refused_before_anything_is_read(
    edit: Edit, fault: str
) -> None:
    assert fault in refused_at_once(edit)


def test_there_is_something_to_do_and_not_too_much() -> None:
    check_edits([Edit("a", "b")] * MAX_EDITS, "")
    check_edits([], "\n")

    assert "nothing would change" in refused_at_once()
    assert f"{MAX_EDITS} at most" in refused_at_once(*[Edit("a", "b")] * (MAX_EDITS + 1))
    assert "append: has U+D800" in refused_at_once(append="\ud800")


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = refusal(TEXT, Edit("nowhere", "x"), Edit("listen 80;", "y"), Edit("server {", "z"))

    assert "edits[0].old_text" in text
    assert "edits[2].old_text" in text
    assert "edits[1]" not in text


def test_places_that_overlap_are_two() -> None:
    assert "2 times" in refusal("aaa", Edit("aa", "b"))


def test_of_many_places_a_few_are_named() -> None:
    assert "more than 5 times (it begins at the lines 1, 2, 3, 4, 5, ...)" in refusal(
        "a\n" * 20, Edit("a", "b")
    )


@pytest.mark.parametrize(
    ("text", "old_text"),
    [
        ("a" * MEGABYTE, "a" * (MEGABYTE // 2)),
        ("a" * MEGABYTE, "a" * (MEGABYTE // 2) + "b"),
        ("ab\n" * (MAX_HINT_CHARACTERS // 3), "AB\nab"),
        ("\u0130\u200b " * (MAX_HINT_CHARACTERS // 3), "\u0130 \u0131"),
        (" \t" * (MAX_HINT_CHARACTERS // 2), "\t\t"),
        ("e\u0301" * (MAX_HINT_CHARACTERS // 2), "\u00e9\u00e9"),
    ],
)
def test_a_refusal_takes_no_longer_than_a_call_may_hold_up_others(text: str, old_text: str) -> None:
    begun_at = time.process_time()

    refusal(text, *[Edit(old_text, str(number)) for number in range(MAX_EDITS)])

    # Quadratic time would be hours.
    assert time.process_time() - begun_at < 60


def test_no_more_faults_are_explained_than_shown() -> None:
    text = refusal(TEXT, *[Edit(f"nowhere {number}", "x") for number in range(MAX_EDITS)])

    assert text.count("is not in the file") == MAX_FAULTS


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


SCARCE = st.text(alphabet="aA \r\n\u00e9e\u0301\u200b", max_size=12)


@given(SCARCE, SCARCE.filter(bool))
def test_every_text_is_edited_or_refused_with_a_reason(text: str, old: str) -> None:
    """Texts of few letters, so that each reason comes up."""
    count = sum(text.startswith(old, at) for at in range(len(text)))
    if count == 1:
        assert edited(text, [Edit(old, "x")]) == text.replace(old, "x")
        return
    refused = refusal(text, Edit(old, "x"))
    assert refused.startswith("edits[0].old_text: is ")
    assert ("not in the file" in refused) == (count == 0)


@given(st.text(alphabet="ab\r\n"), st.text(alphabet="ab\r\n"))
def test_what_was_there_stays_in_front_of_what_is_appended(text: str, addition: str) -> None:
    result = appended(text, addition)

    assert result.startswith(text)
    assert result.endswith(addition)
    assert result[len(text) : len(result) - len(addition)] in ("", "\n", "\r\n")
