"""Where a sign-in was when everything was killed, in both flows, and what the person then sees.

A point is a generator, played like a cell of the fault matrix. Its moments:

    ALONE      one point after the other, because GitHub's token endpoint does not tell who asks
    KEPT       GitHub's proxy keeps every request
    FROZEN     nothing gets durable any more
    DOWN       everything was killed by SIGKILL; nobody listens
    RESTARTED  started again, on the same state and port

What a point returns is what the person experienced: `goes on`, by repeating the last request, or
`starts again`, on a page that says why.
"""

from collections.abc import Generator
from concurrent.futures import Future
from enum import Enum

import httpx
import pytest

from tests.durability.sign_in_person import Person, friendly, page_of_github
from tests.support.github_simulator import FaultKind, FaultPoint
from tests.support.waiting import wait_until

EXCHANGE = "/login/oauth/access_token"
USED = "This sign-in was used before"
INTERRUPTED = "The sign-in was interrupted"
GOES_ON = "goes on"
STARTS_AGAIN = "starts again"
BROKEN_SECONDS = 30.0


class Moment(Enum):
    """When a point goes on."""

    ALONE = 1
    KEPT = 2
    FROZEN = 3
    DOWN = 4
    RESTARTED = 5


Play = Generator[Moment, None, str]


def first_answer_lost(person: Person) -> Play:
    """The sign-in is in durable state, and the redirect to GitHub did not arrive."""
    page = person.first_page()
    yield Moment.ALONE
    person.front.keep_answers()
    lost = person.meanwhile(lambda: person.set_out(page))
    person.front.wait_until_kept()
    yield Moment.RESTARTED
    person.front.lose()
    assert_broken(lost)
    return goes_on(person, person.agree(person.set_out(page)))


def sent_to_github(person: Person) -> Play:
    """The browser has the redirect to GitHub, and has not followed it."""
    location = person.set_out()
    yield Moment.RESTARTED
    return goes_on(person, person.agree(location))


def on_githubs_page(person: Person) -> Play:
    """The person looks at GitHub's page."""
    say_yes = page_of_github(person.set_out())
    yield Moment.RESTARTED
    return goes_on(person, say_yes(person))


def back_while_nobody_listens(person: Person) -> Play:
    """GitHub sends the browser back to a server that is down."""
    callback = person.callback()
    yield Moment.DOWN
    with pytest.raises(httpx.TransportError):
        person.get(callback)
    yield Moment.RESTARTED
    return goes_on(person, callback)


def back_and_nothing_durable(person: Person) -> Play:
    """The callback has arrived, and its claim could not be stored."""
    callback = person.callback()
    yield Moment.FROZEN
    person.front.forget()
    lost = person.meanwhile(lambda: person.get(callback))
    person.front.wait_until_requested()
    yield Moment.RESTARTED
    assert_broken(lost)
    return goes_on(person, callback)


def claimed_and_not_at_github(person: Person) -> Play:
    """The claim is durable; the request for the token has not reached GitHub."""
    callback = person.callback()
    yield Moment.KEPT
    proxy = person.stage.proxy
    kept = proxy.kept
    lost = person.meanwhile(lambda: person.get(callback))
    proxy.wait_until_kept(kept + 1)
    yield Moment.RESTARTED
    assert_broken(lost)
    friendly(person.elsewhere(callback), "This sign-in began in another browser")
    return goes_on(person, callback)


def at_github_which_never_acts(person: Person) -> Play:
    """GitHub has the request and drops it when the connection dies. Two tabs come back."""
    callback = person.callback()
    yield Moment.ALONE
    fault, lost = held(person, callback, "hang_before", EXCHANGE)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    winner, loser = person.winner_and_loser(callback, callback)
    friendly(loser, USED)
    person.uses(person.token_from(winner))
    return GOES_ON


def at_github_which_acts_late(person: Person) -> Play:
    """GitHub is slow: it gives the token when nobody is there to take it."""
    callback = person.callback()
    yield Moment.ALONE
    fault, lost = held(person, callback, "hang_before", EXCHANGE, outlives_client=True)
    number = person.stage.github.requests("POST", EXCHANGE)[-1].number
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    fault.release()

    def has_acted() -> bool:
        seen = person.stage.github.requests("POST", EXCHANGE)
        return next(each for each in seen if each.number == number).status is not None

    wait_until("GitHub to act", has_acted, seconds=10)
    return starts_again(person, callback, INTERRUPTED)


def github_has_acted(person: Person) -> Play:
    """GitHub has given a token, and its answer has not come."""
    callback = person.callback()
    yield Moment.ALONE
    fault, lost = held(person, callback, "hang_after", EXCHANGE)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    return starts_again(person, callback, INTERRUPTED)


def asking_who_it_is(person: Person) -> Play:
    """The server has the token, in memory only, and asks GitHub whose it is."""
    callback = person.callback()
    yield Moment.ALONE
    fault, lost = held(person, callback, "hang_before", "/user", method="GET")
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    return starts_again(person, callback, INTERRUPTED)


def last_answer_lost(person: Person) -> Play:
    """All is done, and the browser did not get the token, or the redirect with the code."""
    callback = person.callback()
    yield Moment.ALONE
    person.front.keep_answers()
    lost = person.meanwhile(lambda: person.get(callback))
    person.front.wait_until_kept()
    yield Moment.RESTARTED
    person.front.lose()
    assert_broken(lost)
    return starts_again(person, callback, USED)


BOTH_FLOWS = [
    first_answer_lost,
    sent_to_github,
    on_githubs_page,
    back_while_nobody_listens,
    back_and_nothing_durable,
    claimed_and_not_at_github,
    at_github_which_never_acts,
    at_github_which_acts_late,
    github_has_acted,
    asking_who_it_is,
    last_answer_lost,
]


def held(
    person: Person, callback: str, kind: FaultKind, path: str, *, method: str = "POST", **rule: bool
) -> tuple[FaultPoint, "Future[httpx.Response]"]:
    """The callback on its way, with GitHub holding what it asks."""
    fault = person.stage.github.add_fault(kind, method=method, path=path, **rule)
    lost = person.meanwhile(lambda: person.get(callback))
    fault.wait_until_held()
    return fault, lost


def assert_broken(lost: "Future[httpx.Response] | Future[str]") -> None:
    """The connection died without an answer."""
    assert isinstance(lost.exception(BROKEN_SECONDS), httpx.TransportError)


def goes_on(person: Person, callback: str) -> str:
    """The callback gives the token, once."""
    person.uses(person.token_from(person.get(callback)))
    again = person.get(callback)
    friendly(again, USED)
    return GOES_ON


def starts_again(person: Person, callback: str, title: str) -> str:
    """The callback gives a page that says why and begins anew, also when it is loaded twice."""
    page = friendly(person.get(callback), title)
    friendly(person.get(callback), USED)
    person.uses(person.token_from(person.start_again(page)))
    return STARTS_AGAIN
