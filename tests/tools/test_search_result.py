"""What a search tells of what it found, and of what it did not look at."""

from dataclasses import replace

from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist
from gist_mcp.tools.answer_budget import tokens
from gist_mcp.tools.search_query import parse_query
from gist_mcp.tools.search_result import SearchEnd, SearchResult, search_result
from gist_mcp.tools.search_state import SearchState
from tests.support.listed_gists import ME, contents, listed

END = SearchEnd(
    query="web",
    skip=0,
    me=ME,
    max_tokens=20_000,
    stopped="",
    failed=0,
    refused=0,
    unlisted=0,
    is_whole_list=True,
)


def looked_into(*gists: Gist, **texts: str) -> SearchState:
    state = SearchState(parse_query("web"))
    for gist in gists:
        state.look(gist, contents(**texts))
    return state


def result(state: SearchState, *gists: Gist, end: SearchEnd = END) -> SearchResult:
    return search_result(state, gists, end)


def test_a_find_is_told_with_its_places_and_whose_it_is() -> None:
    gist = listed("a", "my web", "web.txt")

    told = result(looked_into(gist, web_txt="first\nthe web\u202e"), gist)

    (found,) = told.found
    assert (found.id, found.author, found.in_description) == ("a", "mine", True)
    assert found.in_filenames == ["web.txt"]
    (place,) = found.in_contents
    assert [(line.line, line.text) for line in place.lines] == [(2, "the web\u202e")]
    assert place.hidden_characters == ["U+202E RIGHT-TO-LEFT OVERRIDE, 1 time"]
    assert (told.searched, told.not_searched, told.note, told.more) == (1, 0, None, None)


def test_the_newest_is_told_first_whatever_was_read_first() -> None:
    new, old = listed("new", "web"), listed("old", "web")

    told = result(looked_into(old, new, a_txt=""), new, old)

    assert [found.id for found in told.found] == ["new", "old"]


def test_what_does_not_fit_is_counted_and_the_next_call_shows_it() -> None:
    gists = [listed(f"{number:032x}", "web " * 100) for number in range(100)]
    state = looked_into(*gists, a_txt="")
    end = replace(END, max_tokens=5_000)

    first = result(state, *gists, end=end)

    shown = len(first.found)
    assert 0 < shown < 100
    assert tokens(first) <= 5_000
    assert first.found_in_all == 100
    assert first.note == f"Gists found and not shown here: {100 - shown}."
    assert first.more is not None
    assert first.more.arguments == {"query": "web", "skip": shown}
    second = result(state, *gists, end=replace(end, skip=shown))
    assert second.found[0].id == gists[shown].id


def test_one_gist_with_hits_everywhere_does_not_fill_a_result() -> None:
    names = [f"web {number} {'\u6f22' * 70}.txt" for number in range(300)]
    gist = listed("a", "web", *names)
    texts = dict.fromkeys(names, f"{'web' * 10_000}\n" * 10)
    state = SearchState(parse_query("web"))
    state.look(gist, GistContents(texts=texts, unread=()))

    told = result(state, gist)

    assert told.found[0].further_files == 295
    assert tokens(told) < 10_000


def test_a_gist_of_300_long_names_leaves_room_for_the_others() -> None:
    names = [f"{number:03}{'漢' * 82}.md" for number in range(300)]
    long = listed("long", "web", *names)
    others = [listed(f"g{number}", "web") for number in range(5)]
    state = looked_into(long, *others, a_txt="")

    told = result(state, long, *others)

    assert tokens(told) <= END.max_tokens
    assert len(told.found) == 6
    first = told.found[0]
    assert 0 < len(first.files) < 300
    assert (
        first.note == f"{300 - len(first.files)} file names are left out; get_gist lists the files."
    )


def test_what_was_not_looked_at_is_told_with_numbers_and_the_next_call() -> None:
    gists = [listed(f"g{number}") for number in range(10)]
    state = looked_into(*gists[:4], a_txt="web")
    state.look(gists[4], GistContents(texts={}, unread=("a.bin",)))
    end = replace(
        END,
        stopped="A search reads 9 MB at most.",
        failed=2,
        refused=1,
        unlisted=3,
        is_whole_list=False,
    )

    told = result(state, *gists, end=end)

    assert (told.searched, told.not_searched) == (5, 8)
    assert told.note == (
        "A search reads 9 MB at most. Gists that GitHub did not give in time: 2. Gists that "
        "GitHub does not show, such as blocked ones: 1. Gists listed in a form that cannot be "
        "read: 3. Only the newest 10 gists were listed. Files not looked into, binary or over "
        "5 MB or in a gist of much more: 1."
    )
    assert told.more is not None
    assert (told.more.tool, told.more.arguments) == ("search_my_gists", {"query": "web"})


def test_files_that_github_does_not_list_are_told() -> None:
    gist = replace(listed("a"), truncated=True)

    told = result(looked_into(gist, a_txt=""), gist)

    assert told.note == "Gists with more files than the 300 that GitHub shows: 1."


def test_what_github_shows_nobody_is_told_and_no_call_is_told_to_look_again() -> None:
    gist = listed("a")

    told = result(looked_into(), gist, end=replace(END, refused=1))

    assert told.not_searched == 1
    assert told.note == "Gists that GitHub does not show, such as blocked ones: 1."
    assert told.more is None


def test_of_thousands_of_finds_all_are_counted() -> None:
    gists = [listed(f"{number:032x}", "web") for number in range(3_000)]

    told = result(looked_into(*gists, a_txt=""), *gists)

    assert told.found_in_all == 3_000
    assert told.note == f"Gists found and not shown here: {3_000 - len(told.found):,}."


def test_a_line_that_is_known_by_its_number_only_is_told_without_text() -> None:
    gist = listed("a")
    state = SearchState(parse_query("web"))
    state.recall(looked_into(gist, a_txt="\nweb").written([gist]), [gist])

    told = result(state, gist)

    (line,) = told.found[0].in_contents[0].lines
    assert (line.line, line.text) == (2, "")
