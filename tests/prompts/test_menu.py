"""Prompts: what a person fills in reaches the model as a text to work on, whole and marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import InvalidArgument
from gist_mcp.prompts.menu import MAX_ARGUMENT_CHARACTERS, MENU, MenuEntry, _marked

BY_NAME = {entry.name: entry for entry in MENU}
texts = st.text(min_size=1, max_size=300).filter(lambda text: text.strip() != "")


def filled(entry: MenuEntry, text: str) -> dict[str, object]:
    return {argument.name: text for argument in entry.arguments}


@given(texts)
def test_a_snippet_stands_between_lines_that_it_does_not_hold(snippet: str) -> None:
    text = BY_NAME["share_snippet"].filled_in({"snippet": snippet})

    before, _, inside = text.partition(f"\n{snippet}\n-----")
    line = before.rpartition("\n")[2]
    assert set(line) == {"-"}
    assert line not in snippet
    assert inside.strip("-") == ""


@pytest.mark.parametrize("entry", MENU, ids=lambda entry: entry.name)
def test_what_is_not_required_may_be_left_out(entry: MenuEntry) -> None:
    needed = {each.name: "x = 1" for each in entry.arguments if each.is_required}

    assert entry.filled_in(needed)
    assert entry.filled_in(filled(entry, "x = 1"))


@pytest.mark.parametrize("entry", MENU, ids=lambda entry: entry.name)
def test_an_unknown_argument_is_refused_by_name(entry: MenuEntry) -> None:
    with pytest.raises(InvalidArgument, match=r"^colour: "):
        entry.filled_in({**filled(entry, "x"), "colour": "red"})


@pytest.mark.parametrize("snippet", [None, 5, True, ["x"], {"text": "x"}, "", "  \n"])
def test_what_is_no_text_is_refused(snippet: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^snippet: "):
        BY_NAME["share_snippet"].filled_in({"snippet": snippet})


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"^snippet: is missing"):
        BY_NAME["share_snippet"].filled_in({})


def test_a_text_has_a_limit() -> None:
    most = "x" * MAX_ARGUMENT_CHARACTERS

    assert most in BY_NAME["share_snippet"].filled_in({"snippet": most})
    with pytest.raises(InvalidArgument, match="100,001 characters"):
        BY_NAME["share_snippet"].filled_in({"snippet": most + "x"})


def test_a_row_of_dashes_is_not_looked_through_once_for_each_of_them() -> None:
    looked = 0

    class Counted(str):
        __slots__ = ()

        def __contains__(self, part: object) -> bool:
            nonlocal looked
            looked += 1
            return str(self).find(str(part)) >= 0

    marked = _marked(Counted("a --- b " + "-" * 1_000))

    assert marked.splitlines()[0] == "-" * 1_001
    assert looked <= 2
