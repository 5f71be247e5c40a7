"""How far a search has come, and what another process makes of it."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.tools.search_query import parse_query
from gist_mcp.tools.search_state import (
    MAX_CHARACTERS_AT_ONCE,
    MAX_FOUND_LINES,
    SearchState,
)
from tests.support.listed_gists import contents, listed

THEN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def looked_at(query: str, *gists: Gist, **texts: str) -> SearchState:
    """A search that has looked into gists, each with the same file `a.txt`."""
    state = SearchState(parse_query(query))
    for gist in gists:
        state.look(gist, contents(**texts))
    return state


def carried_on(query: str, written: str, *gists: Gist) -> SearchState:
    """A new search that has seen the lists, and takes over what an earlier one has written."""
    state = SearchState(parse_query(query))
    for gist in gists:
        state.look(gist, None)
    state.recall(written, gists)
    return state


def test_what_lists_show_is_a_hit_whose_contents_are_read_last() -> None:
    state = SearchState(parse_query("web"))
    old, found, new = listed("old"), listed("found", "a web page"), listed("new")

    for gist in (new, found, old):
        state.look(gist, None)

    assert list(state.hits) == ["found"]
    assert [gist.id for gist in state.to_read([new, found, old])] == ["new", "old", "found"]


def test_a_gist_that_lost_a_word_since_it_was_listed_is_no_hit() -> None:
    state = SearchState(parse_query("web text"))
    gist = listed("a", "web text")
    state.look(gist, None)

    state.look(replace(gist, description="text"), contents(a="nothing"))

    assert state.hits == {}


def test_a_gist_that_was_deleted_since_it_was_listed_is_no_hit() -> None:
    state = SearchState(parse_query("web"))
    gist = listed("a", "web")
    state.look(gist, None)

    state.gone(gist)

    assert state.hits == {}
    assert state.to_read([gist]) == []


def test_after_a_restart_only_what_was_not_looked_into_is_read_and_the_hits_to_show_them() -> None:
    missed, hit, waiting = listed("missed"), listed("hit"), listed("waiting")
    state = looked_at("web", missed, a_txt="nothing")
    state.look(hit, contents(a_txt="one\nweb\n\nweb"))

    again = carried_on("web", state.written([missed, hit, waiting]), missed, hit, waiting)

    assert [gist.id for gist in again.to_read([missed, hit, waiting])] == ["waiting", "hit"]
    lines = again.hits["hit"].lines["a.txt"]
    assert [(line.number, line.text) for line in lines] == [(2, None), (4, None)]


def test_a_hit_that_is_read_again_has_its_text_back() -> None:
    hit = listed("hit")
    written = looked_at("web", hit, a_txt="the web").written([hit])
    again = carried_on("web", written, hit)

    again.look(hit, contents(a_txt="the web"))

    assert again.hits["hit"].lines["a.txt"][0].text == "the web"
    assert again.to_read([hit]) == []


def test_what_is_written_has_no_text_of_a_gist() -> None:
    gist = listed("id-of-the-gist", "the description: web", "secret-name.txt")
    state = looked_at("web", gist, **{"secret-name_txt": "the web content"})

    written = state.written([gist])

    for text in ("id-of", "description", "secret-name", "web", "content"):
        assert text not in written


def test_a_gist_that_has_changed_is_looked_at_anew() -> None:
    gist = listed("a")
    written = looked_at("web", gist, a_txt="web").written([gist])
    changed = replace(gist, updated_at=THEN + timedelta(seconds=1))

    again = carried_on("web", written, changed)

    assert again.hits == {}
    assert again.to_read([changed]) == [changed]


def test_a_gist_without_a_time_is_looked_at_anew() -> None:
    gist = replace(listed("a"), updated_at=None)
    written = looked_at("web", gist, a_txt="web").written([gist])

    again = carried_on("web", written, gist)

    assert again.to_read([gist]) == [gist]


def test_what_could_not_be_looked_into_is_still_said_after_a_restart() -> None:
    gist = listed("a")
    state = SearchState(parse_query("web"))
    state.look(gist, GistContents(texts={}, unread=("a.txt", "b.bin")))

    again = carried_on("web", state.written([gist]), gist)

    assert again.unread_files == {"a": 2}


def test_what_is_written_of_3000_gists_that_are_all_found_stays_small() -> None:
    gists = [listed(f"{number:032x}") for number in range(3_000)]
    state = looked_at("web", *gists, a_txt="web\n" * 5)

    written = state.written(gists)

    assert len(written) < 100_000
    assert len(carried_on("web", written, *gists).hits) == 3_000
    assert sum(bool(numbers) for numbers in json.loads(written)["found"].values()) == (
        MAX_FOUND_LINES
    )


def test_files_that_the_list_does_not_have_are_left_out_of_what_is_written() -> None:
    gist = replace(listed("a"), files=())
    state = looked_at("web", gist, a_txt="web")

    again = carried_on("web", state.written([gist]), gist)

    assert again.hits["a"].lines == {}
    file = GistFile(
        filename="b.txt",
        size_bytes=1,
        language=None,
        type=None,
        raw_url=None,
        content=None,
        truncated=False,
        encoding="utf-8",
    )
    assert again.to_read([replace(gist, files=(file,))]) != []


@pytest.mark.anyio
async def test_others_are_served_while_long_contents_are_searched() -> None:
    gist = listed("a")
    state = SearchState(parse_query("web"))
    long = contents(a_txt="w" * MAX_CHARACTERS_AT_ONCE + " web")

    looking = asyncio.create_task(state.look_into(gist, long))
    await asyncio.sleep(0)
    was_searched_at_once = looking.done()
    await looking

    assert not was_searched_at_once
    assert list(state.hits) == [gist.id]
