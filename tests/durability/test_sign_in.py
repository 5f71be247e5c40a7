"""Whenever the server is killed during a sign-in, the person ends up with one working token."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count

import pytest

from tests.durability.runner import Performance, all_at_once
from tests.durability.sign_in_client_points import CLIENT_ONLY, EXPIRING
from tests.durability.sign_in_person import Flow, Person, friendly, page_of_github
from tests.durability.sign_in_points import BOTH_FLOWS, EXCHANGE, USED, Moment, Play
from tests.durability.stage import USER_IDS, Stage, stage

pytestmark = pytest.mark.timeout(400)
"""The first test plays all of them."""

Point = Callable[[Person], Play]
SCOPES = (["gist", "read:user"], ["gist"], ["read:user"])
"""GitHub keeps ten tokens of a user for an app and a set of scopes, so people spread over sets."""

STARTS_AGAIN = {
    "at_github_which_acts_late",
    "github_has_acted",
    "asking_who_it_is",
    "last_answer_lost",
    "redeemed_and_answer_lost",
    "refreshing_an_expiring_token_and_github_has_acted",
    "refreshed_an_expiring_token_and_answer_lost",
}
"""What GitHub gives once was lost with the process that had it: a page or an error says so."""

POINTS: list[tuple[Flow, Point]] = [
    *(("tutorial", point) for point in BOTH_FLOWS),
    *(("client", point) for point in (*BOTH_FLOWS, *CLIENT_ONLY, *EXPIRING)),
]


def name_of(flow: Flow, point: Point) -> str:
    return f"{flow}: {point.__name__.replace('_', ' ')}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One deployment for the tests of this file; GitHub's pages are behind the proxy too."""
    folder = tmp_path_factory.mktemp("sign-in")
    with stage(folder, servers=2, effect_validation="quiet", web_by_proxy=True) as started:
        yield started


@pytest.fixture(scope="module")
def performances(built: Stage) -> Iterator[dict[str, Performance]]:
    """All points, with one kill for all."""
    with ExitStack() as people:
        yield perform(built, people)


def perform(built: Stage, people: ExitStack) -> dict[str, Performance]:
    """Plays all points."""
    numbers = count()

    def prepare(points: Sequence[tuple[Flow, Point]]) -> list[Performance]:
        prepared = []
        for (flow, point), number in zip(points, numbers, strict=False):
            accounts = list(USER_IDS)
            account = accounts[number % len(accounts)]
            scopes = SCOPES[number // len(accounts) % len(SCOPES)]
            person = people.enter_context(Person(built, flow, account, scopes))
            prepared.append(Performance(name=name_of(flow, point), play=point(person)))
        all_at_once(prepared)
        return prepared

    built.github.configure(expiring_tokens=True)
    expiring = prepare([each for each in POINTS if each[1] in EXPIRING])
    built.github.configure(expiring_tokens=False)
    others = prepare([each for each in POINTS if each[1] not in EXPIRING])
    everybody = [*expiring, *others]
    _kill(built, everybody)
    all_at_once(everybody)
    return {each.name: each for each in everybody}


def _kill(built: Stage, everybody: list[Performance]) -> None:
    """All of it in less than the time after which the application gives GitHub up."""

    def waiting(moment: Moment) -> list[Performance]:
        return [each for each in everybody if each.waits_for is moment]

    for performance in waiting(Moment.ALONE):
        performance.go_on()
    built.proxy.keep_requests()
    for performance in waiting(Moment.KEPT):
        performance.go_on()
    built.freeze_storage()
    all_at_once(waiting(Moment.FROZEN))
    built.server.kill()
    built.proxy.lose()
    all_at_once(waiting(Moment.DOWN))
    built.server.start()


@pytest.mark.parametrize(
    ("name", "experience"),
    [
        pytest.param(
            name_of(flow, point),
            "starts again" if point.__name__ in STARTS_AGAIN else "goes on",
            id=name_of(flow, point),
        )
        for flow, point in POINTS
    ],
)
def test_a_sign_in_survives_a_kill(
    performances: dict[str, Performance], name: str, experience: str
) -> None:
    performance = performances[name]

    if performance.failure is not None:
        raise performance.failure

    assert performance.shown == experience


@pytest.mark.parametrize("flow", ["tutorial", "client"])
def test_a_double_click_at_github_has_one_winner(built: Stage, flow: Flow) -> None:
    with Person(built, flow) as person:
        say_yes = page_of_github(person.set_out())
        clicks = [say_yes(person) for _ in range(2)]
        built.github.forget_requests()

        winner, loser = person.winner_and_loser(*clicks)

        friendly(loser, USED)
        assert len(built.github.requests("POST", EXCHANGE)) == 1
        person.uses(person.token_from(winner))
        # A browser shows the answer to the second click only: whoever lost can go on from there.
        person.uses(person.token_from(person.start_again(loser)))


@pytest.mark.parametrize("flow", ["tutorial", "client"])
def test_a_callback_loaded_again_after_success_says_where_to_look(built: Stage, flow: Flow) -> None:
    with Person(built, flow) as person:
        callback = person.callback()
        person.uses(person.token_from(person.get(callback)))
        built.github.forget_requests()

        again = friendly(person.get(callback), USED)

        assert built.github.requests() == []
        if flow == "tutorial":
            person.uses(person.token_from(person.start_again(again)))
        else:
            # The tutorial's link would bring the client nothing.
            assert "look at the client that sent you here" in again.text
            assert "/oauth/authorize" not in again.text


@pytest.mark.parametrize(
    "flows", [("tutorial", "tutorial"), ("client", "client"), ("tutorial", "client")]
)
def test_two_tabs_opened_at_once_in_a_fresh_browser_both_end_well(
    built: Stage, flows: tuple[Flow, Flow]
) -> None:
    with Person(built, flows[0]) as one, Person(built, flows[1], "hubot") as other:
        pages = [tab.open_tab_beside(one) for tab in (one, other)]
        callbacks = [
            tab.agree(tab.location_after(page))
            for tab, page in zip((one, other), pages, strict=True)
        ]

        answers = one.at_once(*callbacks)

        for tab, answer, callback in zip((one, other), answers, callbacks, strict=True):
            tab.uses(tab.token_from(answer))
            friendly(tab.get(callback), USED)
