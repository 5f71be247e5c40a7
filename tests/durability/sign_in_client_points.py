"""Points of a client's sign-in that the tutorial's does not have: register, redeem, refresh."""

from collections.abc import Callable
from concurrent.futures import Future

import httpx

from tests.durability.sign_in_person import Person
from tests.durability.sign_in_points import (
    EXCHANGE,
    GOES_ON,
    STARTS_AGAIN,
    Moment,
    Play,
    assert_broken,
    goes_on,
)
from tests.support.github_simulator import FaultKind, FaultPoint

WHO = "/user"


def registered(person: Person) -> Play:
    """The client has its id; the person has seen nothing yet."""
    assert person.client.client_id
    yield Moment.RESTARTED
    return goes_on(person, person.callback())


def on_our_consent_page(person: Person) -> Play:
    """The person reads what the client wants."""
    page = person.first_page()
    yield Moment.RESTARTED
    return goes_on(person, person.agree(person.set_out(page)))


def with_a_code(person: Person) -> Play:
    """The client has its code and has not sent it."""
    yield Moment.ALONE
    code = person.code()
    yield Moment.RESTARTED
    return redeems_once(person, code)


def redeeming_and_nothing_durable(person: Person) -> Play:
    """The code has arrived at the token endpoint, and that could not be stored."""
    yield Moment.ALONE
    code = person.code()
    yield Moment.FROZEN
    person.front.forget()
    lost = person.meanwhile(lambda: person.client.redeem(code))
    person.front.wait_until_requested()
    yield Moment.RESTARTED
    assert_broken(lost)
    return redeems_once(person, code)


def redeemed_and_answer_lost(person: Person) -> Play:
    """The code is used up, and the client did not get its tokens. It sends the code again."""
    yield Moment.ALONE
    code = person.code()
    lost = answer_lost(person, lambda: person.client.redeem(code))
    yield Moment.RESTARTED
    person.front.lose()
    assert_broken(lost)
    # A code that comes twice ends its grant (RFC 6749, 4.1.2): nobody has tokens from it.
    return is_told_to_start_again(person, person.client.redeem(code))


def refreshing_and_github_does_not_answer(person: Person) -> Play:
    """GitHub's token does not expire; GitHub is asked whether it is alive."""
    token = refresh_token(person)
    yield Moment.ALONE
    fault, lost = held_refresh(person, token, "hang_before", WHO)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    return refreshes(person, token)


def refreshed_and_answer_lost(person: Person) -> Play:
    """GitHub's token does not expire; the refresh is recorded, and its answer lost."""
    token = refresh_token(person)
    yield Moment.ALONE
    lost = answer_lost(person, lambda: person.client.refresh(token))
    yield Moment.RESTARTED
    person.front.lose()
    assert_broken(lost)
    return refreshes(person, token)


def refreshing_an_expiring_token_and_github_never_acts(person: Person) -> Play:
    """GitHub has the request for a new pair, and drops it when the connection dies."""
    token = refresh_token(person)
    yield Moment.ALONE
    fault, lost = held_refresh(person, token, "hang_before", EXCHANGE)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    return refreshes(person, token)


def refreshing_an_expiring_token_and_github_has_acted(person: Person) -> Play:
    """GitHub has given a new pair, which did not come; the old pair is dead there."""
    token = refresh_token(person)
    yield Moment.ALONE
    fault, lost = held_refresh(person, token, "hang_after", EXCHANGE)
    yield Moment.FROZEN
    assert fault.held == 1
    yield Moment.RESTARTED
    assert_broken(lost)
    return is_told_to_start_again(person, person.client.refresh(token))


def refreshed_an_expiring_token_and_answer_lost(person: Person) -> Play:
    """The new pair was in memory and on the way to the client, and nowhere else."""
    token = refresh_token(person)
    yield Moment.ALONE
    lost = answer_lost(person, lambda: person.client.refresh(token))
    yield Moment.RESTARTED
    person.front.lose()
    assert_broken(lost)
    return is_told_to_start_again(person, person.client.refresh(token))


CLIENT_ONLY = [
    registered,
    on_our_consent_page,
    with_a_code,
    redeeming_and_nothing_durable,
    redeemed_and_answer_lost,
    refreshing_and_github_does_not_answer,
    refreshed_and_answer_lost,
]
EXPIRING = [
    refreshing_an_expiring_token_and_github_never_acts,
    refreshing_an_expiring_token_and_github_has_acted,
    refreshed_an_expiring_token_and_answer_lost,
]


def refresh_token(person: Person) -> str:
    """Of a sign-in that went well."""
    redeemed = person.client.redeem(person.code())
    assert redeemed.status_code == 200, redeemed.text
    return str(redeemed.json()["refresh_token"])


def held_refresh(
    person: Person, token: str, kind: FaultKind, path: str
) -> tuple[FaultPoint, "Future[httpx.Response]"]:
    """The refresh on its way, with GitHub holding what it asks."""
    fault = person.stage.github.add_fault(kind, path=path)
    lost = person.meanwhile(lambda: person.client.refresh(token))
    fault.wait_until_held()
    return fault, lost


def answer_lost(person: Person, ask: Callable[[], httpx.Response]) -> "Future[httpx.Response]":
    """The request on its way, its answer kept by the proxy."""
    person.front.keep_answers()
    lost = person.meanwhile(ask)
    person.front.wait_until_kept()
    return lost


def redeems_once(person: Person, code: str) -> str:
    """The code gives tokens, once."""
    redeemed = person.client.redeem(code)
    assert redeemed.status_code == 200, redeemed.text
    person.uses(redeemed.json()["access_token"])
    assert person.client.redeem(code).json()["error"] == "invalid_grant"
    return GOES_ON


def refreshes(person: Person, token: str) -> str:
    """The refresh token gives tokens, and what it gives does so again."""
    refreshed = person.client.refresh(token)
    assert refreshed.status_code == 200, refreshed.text
    person.uses(refreshed.json()["access_token"])
    assert person.client.refresh(refreshed.json()["refresh_token"]).status_code == 200
    return GOES_ON


def is_told_to_start_again(person: Person, answer: httpx.Response) -> str:
    """The client is told in JSON, as it must be to sign in again by itself; that goes well."""
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_grant"
    assert "Sign in again." in answer.json()["error_description"]
    goes_on(person, person.callback())
    return STARTS_AGAIN
