"""Strangers against four server processes: together they get a tenth of GitHub's budgets at most.

The proxies in front tell no address here, so nothing limits one of them alone. One attack, in
several waves; the tests look at what came of it.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from gist_mcp.servicers.guess_budget import (
    CODE_COST,
    IMPLAUSIBLE,
    PLAUSIBLE,
    RATES,
    TOKEN_COST,
)
from tests.mcp_clients.person import browser, decide
from tests.security.flood import flood, guess, made_up_token
from tests.security.mcp_client import McpUser
from tests.security.world import World, running_world
from tests.support.oauth_client import OAuthClient

pytestmark = pytest.mark.integration

SERVERS = 4
BURST = sum(RATES[part].burst for part in (PLAUSIBLE, IMPLAUSIBLE))
PER_SECOND = sum(RATES[part].per_second for part in (PLAUSIBLE, IMPLAUSIBLE))
ANONYMOUS_SIGN_INS = 1_600
"""Twice what the processes let through at once. They are of the cheapest kind, so that more come
than is let through in the meantime."""


@dataclass
class Asked:
    """What GitHub was asked in vain since a moment, at the app's expense."""

    world: World
    since_seconds: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.world.github.forget_requests()

    @property
    def units(self) -> float:
        """In units of the budget."""
        requests = self.world.github.requests("POST")
        tokens = sum(each.path.startswith("/applications/") for each in requests)
        codes = sum(each.path == "/login/oauth/access_token" for each in requests)
        return tokens * TOKEN_COST + codes * CODE_COST

    @property
    def most_units(self) -> float:
        """What came to the budget meanwhile."""
        return (time.monotonic() - self.since_seconds) * PER_SECOND


@dataclass
class Regular:
    """Somebody who has signed in before: with a client, and by hand in the same browser."""

    world: World
    http: httpx.Client
    client: OAuthClient
    refresh_token: str
    github_token: str

    def sign_in(self) -> httpx.Response:
        """By hand, once more."""
        return signed_in(self.world, self.http)

    def refresh(self) -> httpx.Response:
        """The client's next refresh. Each refresh token works once."""
        answer = self.client.refresh(self.refresh_token)
        if answer.status_code == 200:
            self.refresh_token = answer.json()["refresh_token"]
        return answer


def signed_in(world: World, http: httpx.Client) -> httpx.Response:
    """The answer at the end of a sign-in by hand."""
    http.headers["Accept"] = "application/json"
    start = http.get(f"{world.app.url}/oauth/authorize")
    assert start.status_code == 302, start.text
    return http.get(world.github.approve(start.headers["location"]))


def regular(world: World, http: httpx.Client) -> Regular:
    """Somebody who signs in both ways."""
    client = OAuthClient(world.app.url)
    page = http.get(client.authorize_url)
    github_url = decide(http, page, "approve").headers["location"]
    done = http.get(world.github.approve(github_url))
    tokens = client.redeem(httpx.URL(done.headers["location"]).params["code"]).json()
    github_token = signed_in(world, http).json()["access_token"]
    return Regular(world, http, client, tokens["refresh_token"], github_token)


def come_back_with_garbage(world: World, count: int) -> list[httpx.Response]:
    """Each with a state and a cookie of their own, and a code that GitHub never gave."""
    begun = flood([httpx.Request("GET", f"{world.app.url}/oauth/authorize") for _ in range(count)])
    set_out = [each for each in begun if each.status_code == 302]
    return flood(
        [
            httpx.Request(
                "GET",
                f"{world.app.url}/oauth/callback",
                params={
                    "code": secrets.token_hex(10),
                    "state": httpx.URL(each.headers["location"]).params["state"],
                },
                headers={"Cookie": each.headers["set-cookie"].partition(";")[0]},
            )
            for each in set_out
        ]
    )


def try_tokens(world: World, count: int, *, is_plausible: bool) -> Counter[int]:
    """Made-up tokens from ever new addresses."""
    answers = flood(
        [
            guess(world.app.mcp_url, made_up_token(is_plausible=is_plausible), f"192.0.2.{n % 256}")
            for n in range(count)
        ]
    )
    others = [each.text for each in answers if each.status_code not in (401, 429)]
    assert not others, others
    assert all(int(each.headers["retry-after"]) > 0 for each in answers if each.status_code == 429)
    return Counter(each.status_code for each in answers)


@dataclass
class Attack:
    """The waves, and what they met."""

    world: World
    regular: Regular
    authorized: Counter[int] = field(default_factory=Counter)
    refresh_during: int = 0
    nonsense: Counter[int] = field(default_factory=Counter)
    stranger_after_nonsense: int = 0
    tokens: Counter[int] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    units: float = 0.0
    most_units: float = 0.0


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    folder = tmp_path_factory.mktemp("attacked")
    settings = {"TRUSTED_PROXIES": "0", "TOKEN_REVALIDATE_SECONDS": "0"}
    with running_world(folder, settings, servers=SERVERS) as world, browser() as http:
        # So that a refresh goes on to the process that owns the account's grants.
        world.github.configure(expiring_tokens=True)
        made = Attack(world, regular(world, http))
        _play(made)
        yield made


def _play(attack: Attack) -> None:
    world = attack.world
    asked = Asked(world)
    attack.nonsense = try_tokens(world, 400, is_plausible=False)
    with browser() as stranger:
        attack.stranger_after_nonsense = signed_in(world, stranger).status_code
    in_earnest = asked.units - CODE_COST  # The stranger's sign-in was not in vain.
    asked_later = Asked(world)
    attack.codes = Counter(each.status_code for each in come_back_with_garbage(world, 16))
    attack.tokens = try_tokens(world, 600, is_plausible=True)
    attack.codes += Counter(each.status_code for each in come_back_with_garbage(world, 40))
    attack.units = in_earnest + asked_later.units
    attack.most_units = BURST + asked.most_units
    attack.authorized = Counter(
        each.status_code
        for each in flood(
            [httpx.Request("GET", f"{world.app.url}/oauth/authorize?client_id=x")]
            * ANONYMOUS_SIGN_INS
        )
    )
    attack.refresh_during = attack.regular.refresh().status_code


def test_tokens_and_codes_together_stay_within_one_budget(
    attack: Attack, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(  # noqa: T201
            f"\nin vain: {attack.units} units of {attack.most_units:.1f}; tokens {attack.tokens}, "
            f"nonsense {attack.nonsense}, codes {attack.codes}"
        )

    assert set(attack.tokens) == set(attack.nonsense) == {401, 429}
    assert set(attack.codes) == {400, 429}
    assert BURST / 2 < attack.units <= attack.most_units


def test_a_flood_of_nonsense_does_not_shut_out_a_first_sign_in(attack: Attack) -> None:
    assert attack.stranger_after_nonsense == 200


def test_anonymous_sign_ins_do_not_delay_a_refresh(
    attack: Attack, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many of them are refused depends on the machine; `tests/http/test_limits.py` counts."""
    with capsys.disabled():
        print(f"\nanonymous sign-ins: {attack.authorized}")  # noqa: T201

    assert set(attack.authorized) <= {400, 429}
    assert attack.refresh_during == 200


def test_who_has_signed_in_before_signs_in_while_strangers_are_refused(attack: Attack) -> None:
    assert try_tokens(attack.world, 20, is_plausible=True)[429] > 0

    assert attack.regular.sign_in().status_code == 200


def test_a_known_token_opens_a_session_while_strangers_are_refused(attack: Attack) -> None:
    asked = Asked(attack.world)

    user = McpUser.connect(attack.world.app.mcp_url, attack.regular.github_token)

    assert "octocat" in str(user.call("get_my_profile"))
    # It came from a sign-in here: the app never had to ask about it.
    assert asked.units == 0


def test_a_new_token_in_a_living_session_is_asked_about(attack: Attack) -> None:
    user = McpUser.connect(attack.world.app.mcp_url, attack.regular.github_token)

    user.token = attack.world.token()

    assert "octocat" in str(user.call("get_my_profile"))


def test_a_restart_does_not_fill_the_budget_again(attack: Attack) -> None:
    """And the known token is known. The last test, as it ends all sessions' memory."""
    world = attack.world
    asked = Asked(world)
    world.app.restart()

    refused = try_tokens(world, 200, is_plausible=True) + try_tokens(world, 50, is_plausible=False)
    in_vain, most = asked.units, asked.most_units
    user = McpUser.connect(world.app.mcp_url, attack.regular.github_token)

    assert refused[429] > 200
    # What came since the last wave, which was before this test began.
    assert in_vain < BURST / 2 + most
    assert asked.units == in_vain
    assert "octocat" in str(user.call("get_my_profile"))
    assert attack.regular.refresh().status_code == 200
