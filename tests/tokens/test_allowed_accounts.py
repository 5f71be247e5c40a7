"""Logins in `ALLOWED_USERS` are looked up at GitHub once, and kept as ids over restarts."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from pydantic import SecretStr

from gist_mcp.config_source import parse_config
from gist_mcp.errors import AccountNotAllowed, AllowedUsersUnknown
from gist_mcp.framework import placement
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.http import make_http_client
from gist_mcp.github.rest import READ_ATTEMPTS
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.allowed_users import AllowedUsersServicer
from gist_mcp.servicers.unlogged_call import Caller
from gist_mcp.tokens.allowed_accounts import LONGEST_PAUSE_SECONDS, AllowedAccounts
from gist_mcp.tokens.allowed_records import AllowedUserRecords, reach_as_front_door
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.runtime import Runtime, running

pytestmark = pytest.mark.integration

NOW = 1_800_000_000.0
OCTOCAT, HUBOT, MONALISA = (GitHubUserId(number) for number in (583231, 480938, 21031067))
ANYBODY = GitHubUserId(1)
LOOKUP = "/users/[^/]+"


class Pauses:
    """The pauses between attempts, in which nobody waits. `then` happens in one of that number."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.then: dict[int, Callable[[], object]] = {}

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.to_thread(self.then.get(len(self.seconds), lambda: None))

    def timer(self) -> float:
        return sum(self.seconds)


class Deployment:
    """One durable state, and processes that come and go in front of it."""

    def __init__(self, state: Runtime, github: GitHubSimulator, http: httpx.AsyncClient) -> None:
        self.state = state
        self.github = github
        self._http = http
        self._runs = itertools.count(1)
        self._incarnation = ""
        self.restart()

    def restart(self) -> None:
        """What starts from now on belongs to another run."""
        self._incarnation = f"run {next(self._runs)} of {id(self)}"

    def process(
        self,
        allowed_users: str,
        *,
        is_looking_up: bool = True,
        issuer: str = "",
        pauses: Pauses | None = None,
        reach: Callable[[], AbstractContextManager[Caller]] | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> AllowedAccounts:
        """A process that has just started, with this setting."""
        config = parse_config(
            {
                "GITHUB_CLIENT_ID": self.github.client_id,
                "GITHUB_CLIENT_SECRET": self.github.client_secret,
                "GITHUB_API_URL": self.github.url,
                "ALLOWED_USERS": allowed_users,
            },
            production=False,
        )

        between = pauses or Pauses()

        async def no_pause(_: float) -> None:
            """Between two tries of one question."""

        return AllowedAccounts(
            config=config,
            github=GitHubClient(http or self._http, config.github_api_url, sleep=no_pause),
            records=AllowedUserRecords(
                reach or (lambda: contextlib.nullcontext(self.state.context)),
                issuer=issuer or config.github_web_url,
                incarnation=self._incarnation,
            ),
            is_looking_up=lambda: is_looking_up,
            clock=lambda: NOW,
            timer=between.timer,
            sleep=between.sleep,
        )

    def started(self, allowed_users: str, *, issuer: str = "") -> AllowedAccounts:
        """A process of a new run, after everything was looked up."""
        self.restart()
        process = self.process(allowed_users, issuer=issuer)
        self.state.run(process.look_up_until_known())
        return process

    def lets_in(self, process: AllowedAccounts, user_id: GitHubUserId) -> bool:
        return self.passes(process.check(user_id))

    def passes(self, check: Awaitable[None]) -> bool:
        try:
            self.state.run(check)
        except AccountNotAllowed:
            return False
        return True

    def lookups(self, login: str) -> int:
        return len(self.github.requests("GET", f"/users/{login}"))


@pytest.fixture(scope="module")
def state() -> Iterator[Runtime]:
    with asyncio.Runner() as runner, running(Runtime, AllowedUsersServicer, runner) as started:
        yield started


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running_simulator:
        yield running_simulator


@pytest.fixture
def deployment(state: Runtime, simulator: GitHubSimulator) -> Iterator[Deployment]:
    simulator.reset()
    http = make_http_client()
    deployment = Deployment(state, simulator, http)
    # The tests share the state. A run without logins drops all that are there.
    deployment.started("1")
    yield deployment
    state.run(http.aclose())


def test_a_login_stands_for_the_account_that_has_it(deployment: Deployment) -> None:
    process = deployment.started("OctoCat, 480938")

    assert [deployment.lets_in(process, each) for each in (OCTOCAT, HUBOT, MONALISA)] == [
        True,
        True,
        False,
    ]


def test_a_login_that_changes_hands_still_stands_for_the_first_account(
    deployment: Deployment,
) -> None:
    deployment.started("octocat")
    deployment.github.change_user("octocat", login="the-octocat")
    deployment.github.change_user("hubot", login="octocat")

    process = deployment.started("octocat")

    assert deployment.lets_in(process, OCTOCAT)
    assert not deployment.lets_in(process, HUBOT)
    assert not deployment.passes(process.check_at_sign_in(HUBOT, "octocat"))
    assert deployment.lookups("octocat") == 1


def test_a_login_that_was_taken_out_and_put_back_is_looked_up_anew(
    deployment: Deployment,
) -> None:
    deployment.started("octocat,monalisa")
    deployment.started("monalisa")
    deployment.github.change_user("octocat", login="the-octocat")
    deployment.github.change_user("hubot", login="octocat")

    process = deployment.started("octocat,monalisa")

    assert deployment.lets_in(process, HUBOT)
    assert not deployment.lets_in(process, OCTOCAT)
    assert deployment.lookups("monalisa") == 1


def test_on_another_github_the_same_login_is_somebody_else(deployment: Deployment) -> None:
    deployment.started("octocat")

    deployment.started("octocat", issuer="https://github.example.com")

    assert deployment.lookups("octocat") == 2


def test_a_login_of_nobody_lets_nobody_in_and_is_asked_again_at_the_next_start(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    process = deployment.started("nobody-yet")
    # Somebody reads the setting, and takes the login.
    deployment.github.change_user("hubot", login="nobody-yet")
    another = deployment.process("nobody-yet", is_looking_up=False)

    assert not deployment.lets_in(process, HUBOT)
    assert not deployment.passes(process.check_at_sign_in(HUBOT, "nobody-yet"))
    assert not deployment.passes(another.check_at_sign_in(HUBOT, "nobody-yet"))
    assert deployment.lookups("nobody-yet") == 1
    assert "GitHub has no user nobody-yet" in caplog.text
    assert deployment.lets_in(deployment.started("nobody-yet"), HUBOT)


def test_a_managed_users_login_is_resolved_when_they_sign_in(deployment: Deployment) -> None:
    deployment.github.change_user("octocat", login="octocat_acme")
    process = deployment.started("octocat_acme")
    other = deployment.process("octocat_acme", is_looking_up=False)

    assert not deployment.lets_in(process, OCTOCAT)
    assert not deployment.passes(process.check_at_sign_in(HUBOT, "hubot_acme"))
    assert deployment.passes(process.check_at_sign_in(OCTOCAT, "Octocat_Acme"))
    assert deployment.lets_in(other, OCTOCAT)
    # The enterprise gives the login to somebody else.
    assert not deployment.passes(other.check_at_sign_in(HUBOT, "octocat_acme"))
    assert deployment.lets_in(deployment.started("octocat_acme"), OCTOCAT)


def test_only_one_process_asks_github_and_the_others_hear_of_it(deployment: Deployment) -> None:
    other = deployment.process("octocat", is_looking_up=False)

    with pytest.raises(AllowedUsersUnknown):
        deployment.state.run(other.check(OCTOCAT))
    assert deployment.lookups("octocat") == 0
    owner = deployment.process("octocat")
    deployment.state.run(owner.look_up_until_known())

    assert deployment.lets_in(other, OCTOCAT)
    assert deployment.lookups("octocat") == 1


def test_while_github_is_down_it_is_asked_again_later_and_later(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    down = deployment.github.add_fault(
        "status_before", method="GET", path=LOOKUP, status=503, times=None
    )
    pauses = Pauses()
    pauses.then[12] = down.remove
    process = deployment.process("octocat", pauses=pauses)

    with pytest.raises(AllowedUsersUnknown):
        deployment.state.run(process.check(ANYBODY))
    deployment.state.run(process.look_up_until_known())

    assert deployment.lets_in(process, OCTOCAT)
    assert not deployment.lets_in(process, ANYBODY)
    assert "1 of 1 logins are not looked up yet" in caplog.text
    assert len(pauses.seconds) == 12
    assert max(pauses.seconds) == LONGEST_PAUSE_SECONDS


def test_a_flood_does_not_make_github_be_asked_more_often(deployment: Deployment) -> None:
    deployment.github.add_fault("status_before", method="GET", path=LOOKUP, status=503, times=None)
    process = deployment.process("octocat,hubot")

    async def flood() -> list[BaseException | None]:
        return await asyncio.gather(
            *(process.check(ANYBODY) for _ in range(100)), return_exceptions=True
        )

    answers = [*deployment.state.run(flood()), *deployment.state.run(flood())]

    assert {type(each) for each in answers} == {AllowedUsersUnknown}
    # One question, which the client itself repeats.
    assert deployment.lookups("[^/]+") == READ_ATTEMPTS


def test_while_githubs_limit_is_reached_it_is_not_asked(deployment: Deployment) -> None:
    limited = deployment.github.add_fault(
        "rate_limit_secondary", method="GET", path=LOOKUP, retry_after_seconds=40
    )
    pauses = Pauses()
    process = deployment.process("octocat", pauses=pauses)

    with pytest.raises(AllowedUsersUnknown):
        deployment.state.run(process.check(OCTOCAT))
    limited.remove()
    pauses.then[1] = lambda: pauses.seconds.append(0.0)
    deployment.state.run(process.look_up_until_known())

    first, second = deployment.github.requests("GET", LOOKUP)
    assert (first.status, second.status) == (403, 200)
    assert pauses.timer() >= 40


def test_a_login_that_github_fails_on_does_not_keep_the_others_out(deployment: Deployment) -> None:
    broken = deployment.github.add_fault(
        "status_before", method="GET", path="/users/hubot", status=500, times=None
    )
    pauses = Pauses()
    pauses.then[8] = broken.remove
    process = deployment.process("hubot,octocat", pauses=pauses)
    deployment.state.run(process.look_up_until_known())

    asked = [each.path for each in deployment.github.requests("GET", LOOKUP)]
    assert asked.index("/users/octocat") == READ_ATTEMPTS
    assert deployment.lookups("octocat") == 1
    assert deployment.lets_in(process, HUBOT)


@pytest.mark.parametrize(
    "body",
    [
        {"login": "the-octocat", "id": OCTOCAT},
        {"login": "octocat", "id": OCTOCAT, "type": "Organization"},
    ],
)
def test_what_is_not_the_login_of_a_person_lets_nobody_in(
    deployment: Deployment, body: dict[str, object]
) -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    process = deployment.process("octocat", http=httpx.AsyncClient(transport=answers))

    assert not deployment.lets_in(process, OCTOCAT)


def test_before_this_process_knows_its_server_nobody_is_decided_about(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests have had servers in this process.
    monkeypatch.setattr(placement, "_here", {})
    process = deployment.process("octocat", reach=reach_as_front_door(SecretStr("x")))

    for check in (process.check(OCTOCAT), process.check_at_sign_in(OCTOCAT, "octocat")):
        with pytest.raises(AllowedUsersUnknown):
            deployment.state.run(check)


def test_the_app_asks_with_its_secret_and_no_token(deployment: Deployment) -> None:
    deployment.github.configure(anonymous_rate_limit=1)

    assert deployment.lets_in(deployment.started("hubot,monalisa,octocat"), OCTOCAT)


def test_without_the_setting_nothing_is_asked_or_recorded(deployment: Deployment) -> None:
    nobody_is_reached = reach_as_front_door(SecretStr("x"))
    process = deployment.process("", reach=nobody_is_reached)

    deployment.state.run(process.look_up_until_known())
    deployment.state.run(process.check_at_sign_in(ANYBODY, "anybody"))

    assert deployment.github.requests() == []
