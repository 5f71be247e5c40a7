"""What the tools that list gists and comments show: pages that fit, and how to go on."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gist_mcp.config import MIN_RESULT_TOKENS
from gist_mcp.github.models import Gist, UnreadableGist
from gist_mcp.github.own_gists import OwnGistList
from gist_mcp.tools.answer_budget import tokens
from gist_mcp.tools.gist_lists import moment
from gist_mcp.tools.history_and_comments import comments_of
from gist_mcp.tools.results import GistList, listed_gists, own_gist_list
from tests.support.gists import ME, OTHER, comment, file, gist, gist_page, page_of

HIDDEN = "".join(chr(code) for code in range(0x200B, 0x2010))


def numbered(number: int, **fields: Any) -> Gist:
    return gist(id=f"{number:032}", **fields)


def listed(gists: list[Gist], page: int = 1, per_page: int = 10, **asked: Any) -> GistList:
    pages = [gist_page(*gists[begin : begin + 100]) for begin in range(0, len(gists), 100)]
    known: dict[str, Any] = {"since": None, "visibility": "all", "max_tokens": 20_000}
    return own_gist_list(
        OwnGistList(pages=tuple(pages) or (gist_page(),), is_whole=True),
        ME,
        page=page,
        per_page=per_page,
        **{**known, **asked},
    )


def all_ids(gists: list[Gist], max_tokens: int, per_page: int) -> list[str]:
    """The gists that a client sees that makes each call that `more` names."""
    page, ids, calls = 1, list[str](), 0
    while True:
        shown = listed(gists, page, per_page, max_tokens=max_tokens)
        assert tokens(shown) <= max_tokens
        ids += [each.id for each in shown.gists]
        calls += 1
        assert calls <= 1 + len(gists)
        if shown.more is None:
            return ids
        page = shown.more.arguments["page"]
        per_page = shown.more.arguments.get("per_page", 10)


def test_the_first_ten_are_listed_and_all_are_counted() -> None:
    shown = listed([numbered(number) for number in range(25)])

    assert shown.count == 25
    assert [each.id for each in shown.gists] == [f"{number:032}" for number in range(10)]
    assert shown.more is not None
    assert shown.more.tool == "list_my_gists"
    assert shown.more.arguments == {"page": 2}
    assert listed([numbered(number) for number in range(25)], page=3).more is None


def test_a_thousand_gists_fit_the_budget_and_each_is_listed_once() -> None:
    gists = [numbered(number, description=f"gist {number}") for number in range(1_000)]

    ids = all_ids(gists, max_tokens=20_000, per_page=100)

    assert ids == [each.id for each in gists]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=130),
    st.integers(min_value=1, max_value=100),
)
def test_gists_of_any_length_are_each_listed_once(names: list[int], per_page: int) -> None:
    gists = [
        numbered(number, files=tuple(file(f"{place}{'漢' * 84}") for place in range(count % 40)))
        if count % 3
        else numbered(number, description="d" * count * 100)
        for number, count in enumerate(names)
    ]

    ids = all_ids(gists, MIN_RESULT_TOKENS, per_page)

    assert ids == [each.id for each in gists]


def test_a_gist_of_300_long_names_says_how_many_names_are_left_out() -> None:
    names = [f"{number:03}{'漢' * 84}" for number in range(300)]
    long = gist(*(file(name) for name in names))

    shown = listed([long] * 1 + [numbered(number) for number in range(9)])

    assert tokens(shown) <= 20_000
    assert len(shown.gists) == 10
    (first, *others) = shown.gists
    assert first.files == names[: len(first.files)]
    assert (
        first.note == f"{300 - len(first.files)} file names are left out; get_gist lists the files."
    )
    assert all(each.note is None for each in others)


def test_filters_are_applied_before_counting() -> None:
    old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    gists = [
        numbered(1, public=True, updated_at=new),
        numbered(2, public=True, updated_at=old),
        numbered(3, public=False, updated_at=new),
        numbered(4, public=False, updated_at=None),
    ]

    def found(**asked: Any) -> list[int]:
        shown = listed(gists, **asked)
        assert shown.count == len(shown.gists)
        return [int(each.id) for each in shown.gists]

    assert found(visibility="public") == [1, 2]
    assert found(visibility="secret") == [3, 4]
    # What has no legible time is not hidden.
    assert found(since=moment("2026-06-01")) == [1, 3, 4]
    assert found(since=moment("2026-06-01T02:00:00+02:00"), visibility="public") == [1]


def test_a_page_behind_the_last_gist_says_so() -> None:
    gists = [numbered(number, public=True) for number in range(12)]

    assert listed(gists, page=2).note is None
    behind = listed(gists, page=3)
    assert (behind.count, behind.gists, behind.more) == (12, [], None)
    assert behind.note is not None
    assert "behind the last gist" in behind.note


def test_the_filters_are_in_the_next_call() -> None:
    gists = [numbered(number, public=True) for number in range(12)]

    shown = listed(gists, per_page=5, page=2, visibility="public", since=moment("2026-01-01"))

    assert shown.more is not None
    assert shown.more.arguments == {
        "page": 3,
        "per_page": 5,
        "visibility": "public",
        "since": "2026-01-01T00:00:00+00:00",
    }


def test_unreadable_gists_are_counted_and_said() -> None:
    page = gist_page(numbered(1), unreadable=(UnreadableGist(created_at=None),))
    shown = own_gist_list(
        OwnGistList(pages=(page,), is_whole=True),
        ME,
        page=1,
        per_page=10,
        since=None,
        visibility="all",
        max_tokens=20_000,
    )

    assert (shown.count, len(shown.gists), shown.left_out) == (2, 1, 1)
    assert "cannot read" in (shown.note or "")


def test_a_token_without_scopes_that_shows_no_secret_gist_is_said_to_be_unsure() -> None:
    def note(public: bool) -> str | None:
        page = gist_page(numbered(1, public=public), scopes=None)
        return own_gist_list(
            OwnGistList(pages=(page,), is_whole=True),
            ME,
            page=1,
            per_page=10,
            since=None,
            visibility="all",
            max_tokens=20_000,
        ).note

    assert "secret gists" in (note(public=True) or "")
    assert note(public=False) is None


def test_a_page_of_others_fits_whatever_they_wrote() -> None:
    hostile = [
        numbered(
            number,
            files=tuple(
                file(f"{place}{'漢' * 80}{HIDDEN}", language=f"Language number {place}")
                for place in range(300)
            ),
            description=HIDDEN + "\x01漢" * 4_000,
            owner_id=OTHER,
            owner_login="a" * 39,
            html_url=f"https://gist.github.com/{'a' * 39}/{number:032}",
        )
        for number in range(30)
    ]

    shown = listed_gists(
        gist_page(*hostile, next_url="https://api.github.com/gists/starred?page=2"),
        ME,
        "list_starred_gists",
        {},
        page=1,
        max_tokens=MIN_RESULT_TOKENS,
    )

    assert tokens(shown) <= MIN_RESULT_TOKENS
    assert len(shown.gists) == 30
    assert shown.more is not None
    assert shown.more.arguments == {"page": 2}
    assert {each.author for each in shown.gists} == {"other"}
    assert not any("\u200b" in (each.description or "") for each in shown.gists)


def test_a_page_of_the_longest_comments_is_cut_to_the_budget() -> None:
    long = [comment(number, HIDDEN + "漢\x01" * 30_000, user_id=OTHER) for number in range(29)]
    page = page_of(comment(99, "short"), *long, next_url="https://api.github.com/x")

    shown = comments_of("1", page, 1, ME, MIN_RESULT_TOKENS)

    assert tokens(shown) <= MIN_RESULT_TOKENS
    first, *others = shown.comments
    assert (first.body, first.is_complete, first.author) == ("short", True, "mine")
    assert len(others) == 29
    assert not any(each.is_complete for each in others)
    assert all((each.body or "").startswith("漢") for each in others)
    assert shown.more is not None
    assert shown.more.arguments == {"gist_id": "1", "page": 2}
    assert "cut" in (shown.note or "")


def test_comments_that_fit_are_shown_as_they_are() -> None:
    texts = ["one", "tag \U000e0041\U000e0042 end", None]
    page = page_of(
        *(comment(number, text, user_id=OTHER) for number, text in enumerate(texts, 1)),
        comment(4, "mine\u202e", user_id=ME),
        comment(5, "of a deleted account", user_id=None, login=None),
        unreadable=1,
    )

    shown = comments_of("1", page, 1, ME, 20_000)

    assert [each.body for each in shown.comments] == [
        "one",
        "tag  end",
        None,
        "mine\u202e",
        "of a deleted account",
    ]
    authors = [each.author for each in shown.comments]
    assert authors == ["other", "other", "other", "mine", "unknown"]
    assert shown.more is None
    assert "1 comments" in (shown.note or "")
