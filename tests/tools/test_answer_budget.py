"""How long results are, and what is left of what does not fit."""

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gist_mcp.tools.answer_budget import (
    beginning,
    entry_bytes,
    fitting,
    json_bytes,
    largest_share,
    names_that_fit,
    tokens,
)


class Entry(BaseModel):
    text: str


class Listing(BaseModel):
    entries: list[Entry]


def test_the_estimate_is_a_token_for_three_bytes_of_the_indented_json() -> None:
    result = {"name": "日本"}

    text = json.dumps(result, indent=2, ensure_ascii=False)

    assert len(text.encode()) == 22
    assert tokens(result) == 8


@given(st.lists(st.text(max_size=30), max_size=20))
def test_a_list_is_as_long_as_its_entries_and_what_is_around_them(texts: list[str]) -> None:
    entries = [Entry(text=text) for text in texts]

    whole = json_bytes(Listing(entries=entries))
    frame = json_bytes(Listing(entries=[]))

    # The first entry has no comma; a list that is not empty ends on a line of its own.
    assert abs(whole - frame - sum(map(entry_bytes, entries))) <= 3


@given(st.text(), st.integers(min_value=-5, max_value=400))
def test_a_beginning_is_as_long_as_it_can_be(text: str, max_bytes: int) -> None:
    cut = beginning(text, max_bytes)

    assert text.startswith(cut)
    assert json_bytes(cut) - 2 <= max(0, max_bytes)
    if cut != text:
        # Not one more by far: where many characters take 6 bytes, a few too many are cut.
        assert json_bytes(text[: len(cut) + 6]) - 2 > max_bytes - 36


@given(st.lists(st.integers(min_value=0, max_value=1_000)), st.integers(min_value=0))
def test_a_share_makes_all_fit_and_leaves_the_small_ones(sizes: list[int], total: int) -> None:
    share = largest_share(sizes, total)

    cut = [min(size, share) for size in sizes]
    assert sum(cut) <= total
    if cut != sizes:
        assert sum(min(size, share + 1) for size in sizes) > total


def test_one_entry_is_shown_whatever_its_length() -> None:
    entries = [Entry(text="x" * 90_000), Entry(text="y")]

    assert fitting(entries, 20_000) == entries[:1]


@given(st.lists(st.text(max_size=40)), st.integers(min_value=0, max_value=500))
def test_names_fit_from_the_first_on(names: list[str], max_bytes: int) -> None:
    fit = names_that_fit(names, max_bytes)

    assert fit == names[: len(fit)]
    assert sum(entry_bytes(name) for name in fit) <= max_bytes
    assert fit == names or sum(entry_bytes(name) for name in names[: len(fit) + 1]) > max_bytes
