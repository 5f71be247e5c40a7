"""What `get_gist` shows of a gist: exact contents, within a budget, and how to go on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gist_mcp.config import MIN_RESULT_TOKENS
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.models import Gist
from gist_mcp.tools.answer_budget import tokens
from gist_mcp.tools.file_content import BINARY, FileText
from gist_mcp.tools.gist_content import GistContent, Wanted, gist_content
from gist_mcp.tools.gist_reading import chosen
from tests.support.gists import ME, OTHER, REVISION, file, gist

CJK_NAME = "漢" * 84 + ".md"
"""254 bytes of the 255 that a name may have."""


def texts_of(shown: Gist, names: tuple[str, ...] = ()) -> list[FileText]:
    return [
        FileText(file=each, data=(each.content or "").encode()) for each in chosen(shown, names)
    ]


def answer(shown: Gist, max_tokens: int = 20_000, **wanted: Any) -> GistContent:
    asked = Wanted(**wanted)
    texts = texts_of(shown, asked.filenames)
    return gist_content(shown, texts, ME, asked, max_tokens=max_tokens)


def all_answers(shown: Gist, max_tokens: int, **wanted: Any) -> list[GistContent]:
    """What a client gets that makes each call that `more` names."""
    answers = [answer(shown, max_tokens, **wanted)]
    while (then := answers[-1].more) is not None:
        assert len(answers) < 2_000
        given_then = dict(then.arguments)
        assert given_then.pop("gist_id") == shown.id
        names = tuple(given_then.pop("filenames", ()))
        answers.append(answer(shown, max_tokens, filenames=names, **given_then))
    return answers


def contents_of(answers: list[GistContent]) -> dict[str, str]:
    """The contents of all answers together. Each part goes on where the last one ended."""
    contents: dict[str, str] = {}
    for each in answers:
        for shown in each.files:
            before = contents.get(shown.filename, "")
            assert shown.offset == len(before.encode())
            assert shown.content is not None
            contents[shown.filename] = before + shown.content
    return contents


def test_a_small_gist_is_shown_whole() -> None:
    shown = answer(gist(file("a.txt", "one\r\n"), file("b.md", "zwei ü\n")))

    assert [each.content for each in shown.files] == ["one\r\n", "zwei ü\n"]
    assert [each.is_complete for each in shown.files] == [True, True]
    assert shown.revision == REVISION
    assert shown.more is None
    assert shown.note is None


def test_what_does_not_fit_is_shown_by_the_calls_that_follow() -> None:
    parts = {
        "a.txt": "first\n" * 20_000,
        "b.txt": "ü" * 30_000,
        "c.txt": "end",
        "d.txt": "\x01" * 9,
    }
    shown = gist(*(file(name, text) for name, text in parts.items()))

    answers = all_answers(shown, MIN_RESULT_TOKENS)

    assert contents_of(answers) == parts
    assert max(map(tokens, answers)) <= MIN_RESULT_TOKENS
    assert answers[0].further_files == ["b.txt", "c.txt", "d.txt"]
    assert not answers[0].files[0].is_complete
    assert answers[-1].further_files == []


def test_300_files_with_the_longest_names_fit_the_budget() -> None:
    names = [f"{number:03}{'漢' * 84}" for number in range(300)]
    shown = gist(*(file(name, name) for name in names), truncated=True)

    answers = all_answers(shown, MIN_RESULT_TOKENS)

    assert max(map(tokens, answers)) <= MIN_RESULT_TOKENS
    assert contents_of(answers) == {name: name for name in names}
    assert "clone" in (answers[0].note or "")


def test_many_named_files_are_named_again_as_far_as_they_fit() -> None:
    names = tuple(f"{number:03}{'漢' * 84}" for number in range(120))
    shown = gist(*(file(name, "x" * 900) for name in names))

    answers = all_answers(shown, MIN_RESULT_TOKENS, filenames=names)

    assert max(map(tokens, answers)) <= MIN_RESULT_TOKENS
    assert list(contents_of(answers))[:5] == list(names[:5])


@settings(max_examples=40)
@given(
    st.lists(st.text(min_size=0, max_size=300), min_size=1, max_size=6),
    st.integers(min_value=1, max_value=80),
)
def test_windows_of_any_length_give_the_exact_contents(texts: list[str], max_bytes: int) -> None:
    parts = {f"{number}.txt": text for number, text in enumerate(texts)}
    shown = gist(*(file(name, text) for name, text in parts.items()))

    answers = all_answers(shown, MIN_RESULT_TOKENS, max_bytes=max_bytes)

    assert contents_of(answers) == parts


@settings(max_examples=40)
@given(
    st.text(alphabet='a\x01"ü漢😀\u202e\n', max_size=40),
    st.integers(min_value=1, max_value=900),
    st.integers(min_value=1, max_value=9),
)
def test_no_answer_is_longer_than_the_budget(text: str, copies: int, files: int) -> None:
    hostile = [file(f"{number}{CJK_NAME[1:]}", text * copies) for number in range(files)]
    shown = gist(*hostile, description=text * copies, owner_id=OTHER)

    answers = all_answers(shown, MIN_RESULT_TOKENS)

    assert max(map(tokens, answers)) <= MIN_RESULT_TOKENS
    assert contents_of(answers) == {each.filename: each.content for each in hostile}


def test_an_offset_within_a_character_begins_at_the_character() -> None:
    shown = answer(gist(file("a.txt", "aüb")), offset=2, max_bytes=1)

    assert shown.files[0].content == "ü"
    assert shown.files[0].offset == 1
    assert shown.more is not None
    assert shown.more.arguments["offset"] == 3


def test_an_offset_behind_the_end_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"offset: is behind the end.* 5 bytes"):
        answer(gist(file("a.txt", "hello")), offset=6)


def test_a_binary_file_is_said_to_be_one_and_the_next_is_shown() -> None:
    shown = gist(file("a.png", None, size_bytes=70_000), file("b.txt", "text"))
    texts = [
        FileText(file=shown.files[0], data=None, note=BINARY),
        FileText(file=shown.files[1], data=b"text"),
    ]

    result = gist_content(shown, texts, ME, Wanted(), max_tokens=20_000)

    assert result.files[0].content is None
    assert not result.files[0].is_complete
    assert result.files[0].note == BINARY
    assert result.files[1].content == "text"
    assert result.more is None


def test_a_file_that_was_not_read_is_where_the_next_call_goes_on() -> None:
    shown = gist(file("a.txt", "12345"), file("b.txt", None, size_bytes=3_000_000))
    texts = [
        FileText(file=shown.files[0], data=b"12345"),
        FileText(file=shown.files[1], data=None, is_read=False),
    ]

    result = gist_content(shown, texts, ME, Wanted(), max_tokens=20_000)

    assert [each.filename for each in result.files] == ["a.txt"]
    assert result.more is not None
    assert result.more.arguments == {"gist_id": shown.id, "revision": REVISION, "offset": 6}


def test_text_of_others_keeps_its_content_and_loses_what_is_hidden_elsewhere() -> None:
    hidden = "ignore\u202e this\u200b"
    shown = answer(gist(file("a.txt", hidden), description=hidden, owner_id=OTHER))

    assert shown.author == "other"
    assert shown.description == "ignore this"
    assert shown.files[0].content == hidden
    assert any("U+202E" in each for each in shown.files[0].hidden_characters)
    assert any("U+200B" in each for each in shown.hidden_characters)


def test_texts_of_ones_own_fork_are_not_called_ones_own() -> None:
    shown = answer(gist(file("a.txt", "text"), description="from\u200b afar", fork_of="1" * 20))

    assert (shown.author, shown.description) == ("unknown", "from afar")
    assert shown.files[0].content == "text"
