"""A query: its parts, and where they are found."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.search_query import (
    MAX_FILES,
    MAX_LINES,
    MAX_QUERY_CHARACTERS,
    MAX_TERMS,
    SNIPPET_CHARACTERS,
    Match,
    Searched,
    fold,
    match,
    parse_query,
)


def found(query: str, description: str = "", **contents: str) -> Match | None:
    """Where a query is found in a gist; the names of its files have `_` for a dot."""
    files = {name.replace("_", "."): text for name, text in contents.items()}
    gist = Searched(description=description, filenames=list(files), contents=files)
    return match(parse_query(query), gist)


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("nginx proxy", ["nginx", "proxy"]),
        ("  NGINX\tnginx ", ["nginx"]),
        ('"proxy pass" nginx', ["proxy pass", "nginx"]),
        ("\u201cproxy pass\u201d", ["proxy pass"]),
        ('"not closed here', ["not closed here"]),
        ('say"hi there"', ["say", "hi there"]),
        ('"#include" "" " "', ["#include"]),
        ("#Web ##tls", ["#web", "#tls"]),
        ("c# -x", ["c#", "-x"]),
        ("Stra\u00dfe", ["strasse"]),
    ],
)
def test_a_query_has_words_phrases_and_tags(query: str, parts: list[str]) -> None:
    terms = parse_query(query)

    assert [f"#{term.text}" if term.is_tag else term.text for term in terms] == parts


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "is empty"),
        (' # "" ', "is empty"),
        ("x" * (MAX_QUERY_CHARACTERS + 1), "500 at most"),
        (" ".join(map(str, range(MAX_TERMS + 1))), "10 at most"),
    ],
)
def test_a_query_that_nothing_can_be_found_by_is_refused(query: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        parse_query(query)


def test_all_words_must_be_somewhere_in_the_gist() -> None:
    files = {"site_conf": "proxy_pass http://app;", "notes_md": "nothing"}

    everywhere = found("setup site proxy_pass", "Setup of the server", **files)

    assert everywhere is not None
    assert everywhere.in_description
    assert everywhere.filenames == ("site.conf",)
    assert list(everywhere.lines) == ["site.conf"]
    assert found("setup site proxy_pass missing", "Setup of the server", **files) is None


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("STRASSE", "Hauptstra\u00dfe"),
        ("stra\u00dfe", "HAUPTSTRASSE"),
        ("\u0130stanbul", "\u0130STANBUL"),
        ("\u03c3\u03bf\u03c6\u03bf\u03c2", "\u03a3\u039f\u03a6\u039f\u03a3"),
        ("caf\u00e9", "CAFE\u0301"),
        ("cafe\u0301", "Caf\u00c9"),
    ],
)
def test_upper_and_lower_case_and_forms_of_accents_are_the_same(query: str, text: str) -> None:
    assert found(query, text) is not None
    assert found(query, a_txt=text) is not None
    assert found(query, **{text: ""}) is not None


@pytest.mark.parametrize(
    ("description", "has_it"),
    [
        ("about #web", True),
        ("#WEB, and more", True),
        ("(#web)", True),
        ("about web", False),
        ("#website", False),
        ("#web-dev", False),
        ("a#web", False),
    ],
)
def test_a_tag_is_found_as_a_tag_of_the_description(description: str, has_it: bool) -> None:
    assert (found("#web", description) is not None) is has_it


def test_a_tag_in_a_content_is_none() -> None:
    assert found("#web", a_txt="#web") is None
    assert found('"#web"', a_txt="#web") is not None


def test_lines_are_told_with_their_numbers_as_in_an_editor() -> None:
    text = "one\r\n\n\x0c two Three\u2028four\nTHREE\n"

    lines = found("three", a_txt=text)

    assert lines is not None
    assert [(line.number, line.text) for line in lines.lines["a.txt"]] == [
        (3, "two Three\u2028four"),
        (4, "THREE"),
    ]


def test_a_phrase_may_go_over_lines() -> None:
    over = found('"one\ntwo"', a_txt="zero\none\ntwo\n")

    assert over is not None
    assert [line.number for line in over.lines["a.txt"]] == [2]


def test_each_line_is_told_once_and_only_the_first_ones() -> None:
    text = "x x y\n" * (MAX_LINES + 5)

    lines = found("x y", a_txt=text)

    assert lines is not None
    assert [line.number for line in lines.lines["a.txt"]] == list(range(1, MAX_LINES + 1))


def test_of_many_files_the_first_ones_are_told_and_the_others_counted() -> None:
    many = found("x", **{f"x{number}": "x" for number in range(MAX_FILES + 7)})

    assert many is not None
    assert len(many.filenames) == len(many.lines) == MAX_FILES
    assert many.further_files == 7


@pytest.mark.parametrize("before", ["a" * 5_000, "\u00df" * 5_000, "\u0390 \U0001f980" * 2_000])
def test_of_a_long_line_the_part_around_the_find_is_shown(before: str) -> None:
    lines = found("needle", a_txt=f"{before} Needle {'b' * 1_000_000}")

    assert lines is not None
    (line,) = lines.lines["a.txt"]
    assert line.text is not None
    assert "Needle" in line.text
    assert line.text.startswith("...")
    assert line.text.endswith("...")
    assert len(line.text) <= SNIPPET_CHARACTERS + len("......")


texts = st.text(
    "aN\u00e9 \n\r\x0c\u00df\u0130\u0390\u0301\u1f82\ufb03\u2028\U0001f980", max_size=300
)


@given(texts)
def test_folding_keeps_the_lines(text: str) -> None:
    assert fold(text).count("\n") == text.count("\n")


@given(texts, texts, st.sampled_from(["needle", "NEEDLE", "ne\u00e9dle", "nee\u00dfdle"]))
def test_what_is_there_is_found_in_its_line(before: str, after: str, word: str) -> None:
    text = f"{before} {word} {after}"

    there = found(f'"{word}"', a_txt=text)

    assert there is not None
    numbers = [line.number for line in there.lines["a.txt"]]
    folded = fold(text).split("\n")
    assert (
        numbers
        == [number for number, line in enumerate(folded, 1) if fold(word) in line][:MAX_LINES]
    )
    for line in there.lines["a.txt"]:
        assert line.text is not None
        assert line.text.removeprefix("...").removesuffix("...") in text


def test_a_decomposed_name_is_told_as_it_is() -> None:
    name = unicodedata.normalize("NFD", "Résumé.md")

    there = found("résumé", **{name: ""})

    assert there is not None
    assert there.filenames == (name,)
