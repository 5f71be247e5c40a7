"""Delete, fork, star, comment: what is refused before a send, what a look finds after one."""

from collections.abc import AsyncIterator, Iterator

import pytest

from gist_mcp.changes.add_comment import AddComment
from gist_mcp.changes.delete_gist import DeleteGist
from gist_mcp.changes.fork_gist import ForkGist
from gist_mcp.changes.star_gist import StarGist, UnstarGist
from gist_mcp.changes.work import NeverMade
from gist_mcp.constants import CLOCK_SKEW_SECONDS
from gist_mcp.errors import Conflict, InvalidArgument, NotFound, OutcomeUnknown
from gist_mcp.github.http import make_http_client
from gist_mcp.tools.gists_of_others import MAX_COMMENT_CHARACTERS, check_comment
from tests.changes.other_changes import (
    OTHER,
    STRANGER,
    USER,
    USER_ID,
    ChangeWorld,
    change_world,
)
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.anyio

LONG_AGO_SECONDS = CLOCK_SKEW_SECONDS + 60
BODY = "Well done."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture
async def here(simulator: GitHubSimulator) -> AsyncIterator[ChangeWorld]:
    simulator.reset()
    async with make_http_client() as http:
        yield change_world(simulator, http)


def delete(gist_id: str) -> DeleteGist:
    return DeleteGist(gist_id, user_id=USER_ID)


def fork(gist_id: str) -> ForkGist:
    return ForkGist(gist_id, user_id=USER_ID)


def comment(gist_id: str, body: str = BODY) -> AddComment:
    return AddComment(gist_id, body, user_id=USER_ID)


async def test_only_ones_own_gist_can_be_deleted(here: ChangeWorld) -> None:
    gist_id = here.gist()

    with pytest.raises(Conflict, match="belongs to somebody else"):
        await here.sent(delete(gist_id))

    assert [each.gist_id for each in here.stored(STRANGER)] == [gist_id]


async def test_a_gist_that_was_never_there_is_not_deleted(here: ChangeWorld) -> None:
    with pytest.raises(NotFound):
        await delete("f" * 32).prepare(here.token)


async def test_a_gist_that_is_gone_after_a_send_was_deleted(here: ChangeWorld) -> None:
    work = delete(here.gist(USER))
    url = await work.prepare(here.token)

    before = await here.looked(work, note=url)
    made = await work.send(here.token, url)
    after = await here.looked(work, note=url)

    assert before is None
    assert after == made
    assert after.url == url
    assert here.stored() == []


async def test_ones_own_gist_cannot_be_forked(here: ChangeWorld) -> None:
    gist_id = here.gist(USER)

    with pytest.raises(Conflict, match=f"your own .*{gist_id}"):
        await here.sent(fork(gist_id))


async def test_a_second_fork_is_refused_with_the_address_of_the_first(here: ChangeWorld) -> None:
    gist_id = here.gist()
    first = await here.sent(fork(gist_id))

    with pytest.raises(Conflict) as refused:
        await here.sent(fork(gist_id))

    assert str(refused.value) == f"You have a fork of it already: {first.url}"
    assert [each.gist_id for each in here.stored()] == [first.id]


async def test_a_fork_is_found_after_a_lost_answer(here: ChangeWorld) -> None:
    gist_id = here.gist()
    await here.github.fork_gist(here.token_of(OTHER), gist_id)

    before = await here.looked(fork(gist_id))
    made = await here.sent(fork(gist_id))
    found = await here.looked(fork(gist_id))

    assert before is None
    assert found is not None
    assert (found.id, found.url) == (made.id, made.url)


async def test_a_fork_from_before_the_call_is_not_its_result(here: ChangeWorld) -> None:
    gist_id = here.gist()
    earlier = await here.sent(fork(gist_id))
    here.now_seconds += LONG_AGO_SECONDS

    with pytest.raises(NeverMade) as never:
        await here.looked(fork(gist_id))

    assert str(never.value) == f"You have a fork of it already: {earlier.url}"


@pytest.fixture
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages of two forks are all that is looked at, and three pages of two comments."""
    monkeypatch.setattr("gist_mcp.changes.fork_gist.FORKS_PER_PAGE", 2)
    monkeypatch.setattr("gist_mcp.changes.fork_gist.LOOK_PAGES", 2)
    monkeypatch.setattr("gist_mcp.changes.add_comment.COMMENTS_PER_PAGE", 2)
    monkeypatch.setattr("gist_mcp.changes.add_comment.LOOK_COMMENT_PAGES", 3)


async def forked_by_others(here: ChangeWorld, gist_id: str, count: int) -> None:
    for number in range(count):
        login = f"fan-{number}"
        here.simulator.create_user(login)
        await here.github.fork_gist(here.token_of(login), gist_id)


@pytest.mark.usefixtures("few_pages")
@pytest.mark.parametrize("others", [1, 2, 3, 4, 5])
async def test_a_fork_is_found_whatever_page_it_is_on(here: ChangeWorld, others: int) -> None:
    gist_id = here.gist()
    await forked_by_others(here, gist_id, others)
    nothing = await here.looked(fork(gist_id))
    await here.sent(fork(here.gist()))
    made = await here.sent(fork(gist_id))

    found = await here.looked(fork(gist_id))

    assert nothing is None
    assert found is not None
    assert found.id == made.id


@pytest.mark.usefixtures("few_pages")
async def test_where_not_all_can_be_looked_at_a_fork_is_in_doubt(
    here: ChangeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gist_mcp.changes.fork_gist.MAX_CANDIDATES", 0)
    gist_id = here.gist()
    await forked_by_others(here, gist_id, 5)
    here.gist(USER)

    with pytest.raises(OutcomeUnknown, match="too many forks"):
        await here.looked(fork(gist_id))


async def test_a_star_is_looked_for_where_it_is(here: ChangeWorld) -> None:
    gist_id = here.gist()
    star, unstar = StarGist(gist_id), UnstarGist(gist_id)

    seen = [await here.looked(star, note="url"), await here.looked(unstar, note="url")]
    await here.sent(star)
    await here.sent(star)
    seen += [await here.looked(star, note="url"), await here.looked(unstar, note="url")]
    starred_by = [each.starred_by for each in here.stored(STRANGER)]
    await here.sent(unstar)
    await here.sent(unstar)
    seen += [await here.looked(star, note="url"), await here.looked(unstar, note="url")]

    assert [made is not None for made in seen] == [False, True, True, False, False, True]
    assert {made.url for made in seen if made is not None} == {"url"}
    assert starred_by == [[USER_ID]]
    assert here.stored(STRANGER)[0].starred_by == []


@pytest.mark.parametrize("change", [StarGist, UnstarGist])
async def test_a_gist_that_is_not_there_has_no_star(
    here: ChangeWorld, change: type[StarGist]
) -> None:
    with pytest.raises(NotFound):
        await here.sent(change("f" * 32))


async def test_a_comment_is_found_after_a_lost_answer(here: ChangeWorld) -> None:
    gist_id = here.gist()
    await here.sent(comment(gist_id, "Something else."))
    await here.github.create_comment(here.token_of(OTHER), gist_id, BODY)

    before = await here.looked(comment(gist_id))
    made = await here.sent(comment(gist_id))
    found = await here.looked(comment(gist_id))

    assert before is None
    assert found == made
    assert found.url.endswith(f"/{gist_id}#gistcomment-{made.id}")
    assert here.claims == {f"comment-{made.id}": "call-1"}


async def test_two_calls_with_the_same_text_have_a_comment_each(here: ChangeWorld) -> None:
    work = comment(here.gist())
    made = [await here.sent(work), await here.sent(work)]

    found = [await here.looked(work, write_id=each) for each in ("call-1", "call-2", "call-1")]
    third = await here.looked(work, write_id="call-3")

    assert found == [made[0], made[1], made[0]]
    assert third is None


async def test_an_older_comment_with_the_same_text_is_not_taken(here: ChangeWorld) -> None:
    work = comment(here.gist())
    await here.sent(work)
    here.now_seconds += LONG_AGO_SECONDS

    assert await here.looked(work) is None


@pytest.mark.parametrize("kept", ["Well done.\n", "Well done."])
async def test_white_space_at_the_ends_does_not_tell_comments_apart(
    here: ChangeWorld, kept: str
) -> None:
    gist_id = here.gist()
    await here.sent(comment(gist_id, kept))

    assert await here.looked(comment(gist_id, " Well done.\r\n")) is not None


@pytest.mark.usefixtures("few_pages")
@pytest.mark.parametrize("later", range(6))
async def test_a_comment_is_found_on_the_newest_pages_or_is_in_doubt(
    here: ChangeWorld, later: int
) -> None:
    gist_id = here.gist()
    made = await here.sent(comment(gist_id))
    for number in range(later):
        await here.sent(comment(gist_id, f"Later {number}."))

    # Three pages of two are read: one that is still empty, and two with comments.
    if later < 4:
        assert await here.looked(comment(gist_id)) == made
    else:
        with pytest.raises(OutcomeUnknown, match="too many new ones"):
            await here.looked(comment(gist_id))
    assert here.claims.keys() <= {f"comment-{made.id}"}


@pytest.mark.usefixtures("few_pages")
async def test_more_comments_than_github_has_counted_are_a_doubt(here: ChangeWorld) -> None:
    gist_id = here.gist()
    for number in range(8):
        await here.sent(comment(gist_id, f"{number}."))
    here.simulator.show_gist_as(gist_id, comments=0)

    with pytest.raises(OutcomeUnknown, match="too many new ones"):
        await here.looked(comment(gist_id))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("", "is empty or white space only"),
        (" \n\u3000", "is empty or white space only"),
        ("x" * (MAX_COMMENT_CHARACTERS + 1), "has 65,536 characters"),
        ("a\x00b", "NUL"),
        ("\ud800", "half of a character"),
    ],
)
async def test_a_comment_that_github_would_refuse_is_refused_with_the_reason(
    here: ChangeWorld, body: str, fault: str
) -> None:
    with pytest.raises(InvalidArgument, match=fault) as refused:
        check_comment(gist_id=here.gist(), body=body)

    assert refused.value.field == "body"


async def test_the_longest_comment_is_one_that_github_takes(here: ChangeWorld) -> None:
    gist_id, body = here.gist(), "\N{GRINNING FACE}" * MAX_COMMENT_CHARACTERS
    check_comment(gist_id=gist_id, body=body)

    await here.sent(comment(gist_id, body))

    (stored,) = here.stored(STRANGER)
    assert stored.comments == [body]
