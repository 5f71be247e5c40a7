"""What a refusal shows of the changes of somebody else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.changes.what_changed import (
    MAX_DIFF_CHARACTERS,
    MAX_DIFF_LINES,
    changed_files,
    differences,
)
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId


def gist_with(files: dict[str, str], *, truncated: bool = False) -> Gist:
    return Gist(
        id="1",
        html_url="https://gist.github.com/1",
        description=None,
        public=False,
        files=tuple(
            GistFile(
                filename=name,
                size_bytes=len(text),
                language=None,
                type=None,
                raw_url=None,
                content=text,
                truncated=truncated,
                encoding="utf-8",
            )
            for name, text in files.items()
        ),
        owner_id=GitHubUserId(1),
        owner_login="octocat",
        created_at=None,
        updated_at=None,
        truncated=False,
        comments=0,
    )


def difference(old: str, new: str, *, truncated: bool = False) -> list[str]:
    before, after = (gist_with({"a": text}, truncated=truncated) for text in (old, new))
    return differences(before, after, {"a"})


def test_a_difference_says_where_it_is() -> None:
    old = "".join(f"line {number}\n" for number in range(1, 101))

    (shown,) = difference(old, old.replace("line 50\n", "line fifty\nand more\n"))

    assert shown.split("\n") == [
        "--- a as you have read it",
        "+++ a now",
        "@@ -49,3 +49,4 @@",
        " line 49",
        "-line 50",
        "+line fifty",
        "+and more",
        " line 51",
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("a\n", "a\r\n", ["-a", "+a\r"]),
        ("a\n", "a", [" a", "-"]),
        ("a\u2028b", "a\u2028c", ["-a\u2028b", "+a\u2028c"]),
        ("", "a", ["-", "+a"]),
    ],
)
def test_line_ends_count(old: str, new: str, lines: list[str]) -> None:
    (shown,) = difference(old, new)

    assert shown.split("\n")[3 : 3 + len(lines)] == lines


def test_only_files_that_are_concerned_are_compared() -> None:
    before, after = gist_with({"a": "1", "b": "1"}), gist_with({"a": "2", "b": "2"})

    (shown,) = differences(before, after, {"b", "c"})

    assert "--- b as you have read it" in shown


def test_of_a_file_that_is_shown_in_part_nothing_is_compared() -> None:
    assert difference("beginning", "other beginning", truncated=True) == []


def test_a_file_with_another_name_and_the_same_text_is_renamed() -> None:
    old = gist_with({"a": "text", "same 1": "twice", "gone": "x"})
    new = gist_with({"b": "text", "same 2": "twice", "same 3": "twice", "new": "y"})

    assert changed_files(old, new) == [
        "Renamed: a to b",
        "Deleted: same 1, gone",
        "Added: same 2, same 3, new",
    ]


def test_a_name_cannot_change_the_line_that_it_is_in() -> None:
    before, after = (gist_with({"a\n\u202e+b": text}) for text in "12")

    (shown,) = differences(before, after, {"a\n\u202e+b"})

    assert shown.startswith("--- aU+000AU+202E+b as you have read it\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("".join(f"{n}\n" for n in range(40_000)), "".join(f"{-n}\n" for n in range(40_000))),
        ("x" * 1_000_000, "y" * 1_000_000),
        (
            "".join(f"{n * 7919 % MAX_DIFF_LINES}\n" for n in range(MAX_DIFF_LINES - 1)),
            "".join(f"{n * 6007 % MAX_DIFF_LINES}\n" for n in range(MAX_DIFF_LINES - 1)),
        ),
        ("a\nb\n" * (MAX_DIFF_LINES // 2 - 1), "b\na\n" * (MAX_DIFF_LINES // 2 - 1)),
    ],
    ids=["many lines", "a long line", "lines in another order", "lines that repeat themselves"],
)
def test_what_differs_much_is_told_in_short(old: str, new: str) -> None:
    begun_at = time.process_time()

    (shown,) = difference(old, new)

    assert len(shown) <= MAX_DIFF_CHARACTERS + 50
    # The square of the lines of a file would be hours.
    assert time.process_time() - begun_at < 60


def made_from(old: str, shown: str) -> str:
    """The text that the difference makes of the old one."""
    left, made = old.split("\n"), list[str]()
    done = 0
    for line in shown.split("\n")[2:]:
        if line.startswith("@@ -"):
            first = int(line.removeprefix("@@ -").partition(",")[0]) - 1
            made += left[done:first]
            done = first
            continue
        if line[0] in "- ":
            assert left[done] == line[1:]
            done += 1
        if line[0] in "+ ":
            made.append(line[1:])
    return "\n".join(made + left[done:])


@given(st.text(alphabet="abc\n", max_size=40), st.text(alphabet="abc\n", max_size=40))
def test_a_difference_makes_the_new_text_of_the_old_one(old: str, new: str) -> None:
    shown = difference(old, new)

    assert (shown == []) == (old == new)
    assert made_from(old, shown[0] if shown else "\n") == new
