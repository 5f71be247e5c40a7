"""Any name that GitHub takes and git checks out; what is refused is named."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.calls.file_names import check_file_name
from gist_mcp.errors import InvalidArgument


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 9.41.00\u202fAM.md",
        "👩\u200d💻.md",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
        "क्\u200dष.txt",
        "全角\u3000空白.txt",
        "a\u00a0b.txt",
        "שלום\u200f!.txt",
        "soft\u00adhyphen.txt",
        "private-use-\ue000.txt",
        "a:b?*|<>.txt",
        ".gitignore",
        ".gitmodules",
        ".github",
        "git",
        "git~10",
        "git~2",
        "x.git",
        "...",
        "notes.",
        "gistfile",
        "gistfile1.tar.gz",
        "x" * 255,
        "é" * 127,
    ],
)
def test_a_name_that_github_takes_and_git_checks_out_passes(name: str) -> None:
    check_file_name("filename", name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a/b", "U+002F"),
        ("a\\b", "U+005C"),
        ("a\x00b", "U+0000"),
        ("a\x07b", "U+0007"),
        ("a\tb", "U+0009"),
        ("a\x7fb", "U+007F"),
        ("a\x85b", "U+0085"),
        ("a\u2028b", "U+2028"),
        ("a\u2029b", "U+2029"),
        ("gpj\u202eexe.md", "U+202E"),
        ("a\u202ab", "U+202A"),
        ("a\u2066b", "U+2066"),
        ("a\ud800b", "U+D800"),
        ("a\udfffb", "U+DFFF"),
    ],
)
def test_a_refused_character_is_named(name: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        check_file_name("filename", name)


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "..",
        ".git",
        ".GIT",
        ".gIt",
        ".git.",
        ".git ..",
        ".git. .",
        ".g\u200cit",
        "\ufeff.git",
        ".git\u200d",
        ".GI\u206eT",
        "\u200e.git\u200f...",
        "git~1",
        "GIT~1",
        "git~1.",
        ".git:stream",
        ".git::$INDEX_ALLOCATION",
    ],
)
def test_every_spelling_of_what_git_keeps_for_itself_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="git keeps for itself"):
        check_file_name("filename", name)


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "👩" * 64])
def test_the_length_of_a_name_is_counted_in_bytes(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"has {len(name.encode())} bytes"):
        check_file_name("filename", name)


@pytest.mark.parametrize("name", [" a", "a ", "a\u202f", "\u3000a"])
def test_blanks_at_the_ends_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="blank"):
        check_file_name("filename", name)


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "\u200d\ufeff", "\u202f"])
def test_a_name_that_shows_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"is empty|shows nothing"):
        check_file_name("filename", name)


@pytest.mark.parametrize("name", ["gistfile1.txt", "GistFile22", "gistfile1."])
def test_a_name_that_github_keeps_for_itself_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="reserved by GitHub"):
        check_file_name("filename", name)


@given(st.text())
def test_a_refusal_can_be_shown_on_a_screen(name: str) -> None:
    try:
        check_file_name("filename", name)
    except InvalidArgument as refusal:
        assert str(refusal).isprintable()
