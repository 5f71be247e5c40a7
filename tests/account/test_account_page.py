"""`/account` on a real server: what two people see of themselves, and what they can end."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.account.visitor import Visitor
from tests.mcp_clients.person import Person, query_of
from tests.security.state_export import exported_items
from tests.support.deployment import Deployment
from tests.support.mcp_client import McpClient
from tests.support.oauth_client import OAuthClient, open_session
from tests.support.waiting import wait_until
from tests.support.world import World, configured

pytestmark = pytest.mark.integration

ORIGIN_OF_ANOTHER_SITE = "https://evil.example"
HALTING_APP = Path(__file__).with_name("halting_app.py")
HALTS_WHILE_THERE_IS = "HALTS_WHILE_THERE_IS"
KNOWN = "gist_state.v1.KnownTokens"
STREAM_SECONDS = 20.0
LOG, LEDGER = "gist_state.v1.AuditLog", "gist_state.v1.GistLedger"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("account")
    server = Deployment(folder, application=HALTING_APP)
    settings = {
        HALTS_WHILE_THERE_IS: str(folder / "armed"),
        # The operator lets this site's pages call `/mcp`. That is no reason to end anything here.
        "ALLOWED_ORIGINS": ORIGIN_OF_ANOTHER_SITE,
    }
    with configured(server, settings) as github, server:
        yield World(server=server, github=github)


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A client with access and a session. `name` is the session's client."""

    client: OAuthClient
    mcp: McpClient
    access_token: str
    refresh_token: str
    name: str

    def create_gist(self, description: str) -> str:
        """Its id."""
        call = self.mcp.call(
            "create_gist",
            description=description,
            filename="notes.md",
            content="what is written in a gist",
            public=False,
        )
        result = call.wait()
        assert not result.is_error, result.text
        return str(result.structured["id"])


def connect(world: World, account: str, name: str) -> Connected:
    """A client of this person signs in and opens a session."""
    client = OAuthClient(world.server.url)
    back = Person(world=world, account=account).answer(client.authorize_url)
    tokens = client.redeem(query_of(back)["code"]).json()
    mcp = McpClient(world.server.mcp_url, tokens["access_token"], name=name).open()
    return Connected(
        client=client,
        mcp=mcp,
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        name=name,
    )


def kinds_with(world: World, text: str) -> set[str]:
    """The types of the states, tasks included, that hold this text."""
    return {
        str(item.state_type)
        for item in exported_items(world.server.port)
        if text.encode() in item.SerializeToString()
    }


def test_each_person_sees_their_own_clients_sessions_and_log_and_nobody_elses(
    world: World,
) -> None:
    mine = connect(world, "octocat", "octocats-editor")
    theirs = connect(world, "hubot", "hubots-editor")
    my_gist, their_gist = mine.create_gist("one"), theirs.create_gist("two")
    with Visitor(world, "octocat") as octocat, Visitor(world, "hubot") as hubot:
        page = octocat.sign_in().get()
        their_page = hubot.sign_in().get()
        overview, log = octocat.overview(), octocat.log()

        assert (page.status_code, their_page.status_code) == (200, 200)
        assert my_gist in page.text and "octocats-editor" in page.text
        assert their_gist in their_page.text and "hubots-editor" in their_page.text
        for foreign in (their_gist, "hubot"):
            assert foreign not in page.text and foreign not in str(overview) + str(log)
        for foreign in (my_gist, "octocat"):
            assert foreign not in their_page.text and foreign not in str(hubot.overview())
        assert [each["client"] for each in overview["sessions"]] == ["octocats-editor"]
        (change,) = (each for each in log if each["event"] == "tool_call")
        assert change.pop("time").startswith("20")
        assert change == {
            "event": "tool_call",
            "tool": "create_gist",
            "gist_id": my_gist,
            "url": next(each["url"] for each in overview["entries"] if "gist_id" in each),
            "client": "octocats-editor",
            "outcome": "done",
        }
        assert {"client_allowed", "account_opened"} <= {each["event"] for each in log}
        assert mine.mcp.session_id not in page.text
        assert "what is written in a gist" not in page.text + str(log)


def test_the_page_asks_nothing_of_github_and_no_token_of_the_sign_in_is_left(
    world: World,
) -> None:
    with Visitor(world, "octocat") as octocat:
        before = len(world.github.requests("DELETE"))
        octocat.sign_in()
        assert len(world.github.requests("DELETE")) == before + 1
        last = world.github.requests()[-1].number

        octocat.get()
        octocat.log()

        assert world.github.requests(after=last) == []


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_without_a_sign_in_nothing_is_shown(world: World, accept: str) -> None:
    with Visitor(world, "octocat") as stranger:
        answers = [
            stranger.get(path, headers={"Accept": accept})
            for path in ("/account", "/account/audit.json")
        ]

        assert [each.status_code for each in answers] == [401, 401]
        assert all("/account/sign-in" in each.text for each in answers)


def test_a_form_of_another_site_or_of_another_person_ends_nothing(world: World) -> None:
    connect(world, "octocat", "kept-editor")
    with Visitor(world, "octocat") as octocat, Visitor(world, "hubot") as hubot:
        octocat.sign_in()
        theirs = {each.action: each for each in hubot.sign_in().forms()}
        for form in octocat.forms():
            assert octocat.submit(form, origin="https://other.example").status_code == 403
            assert octocat.submit(form, origin=ORIGIN_OF_ANOTHER_SITE).status_code == 403
            form.fields["form_token"] = theirs["/account/sign-out"].fields["form_token"]
            assert octocat.submit(form).status_code == 403
            form.fields["form_token"] = ""
            assert octocat.submit(form).status_code == 403

        assert "kept-editor" in octocat.get().text


def test_a_client_whose_access_is_ended_is_refused_and_the_others_are_not(world: World) -> None:
    ended = connect(world, "octocat", "ended-client")
    with Visitor(world, "octocat") as octocat:
        earlier = [each for each in octocat.sign_in().forms() if "end-client" in each.action]
        kept = connect(world, "octocat", "kept-client")

        assert {octocat.submit(each).status_code for each in earlier * 2} == {303}

        assert open_session(world.server.url, ended.access_token).status_code == 401
        assert ended.client.refresh(ended.refresh_token).status_code == 400
        assert open_session(world.server.url, kept.access_token).status_code == 200
        events = [each["event"] for each in octocat.log()]
        assert events.count("client_ended") == len(earlier)


def test_a_session_that_is_ended_is_unknown_to_its_client(world: World) -> None:
    ended, kept = (connect(world, "octocat", name) for name in ("ended-one", "kept-one"))
    with Visitor(world, "octocat") as octocat:
        sessions = [each["client"] for each in octocat.sign_in().overview()["sessions"]]
        buttons = [each for each in octocat.forms() if "end-session" in each.action]
        form = buttons[sessions.index("ended-one")]

        assert [octocat.submit(form).status_code for _ in range(2)] == [303, 303]

        assert ended.mcp.touch().status_code == 404
        assert kept.mcp.touch().status_code == 200
        assert [each["event"] for each in octocat.log()].count("session_ended") == 1


def test_signing_out_everywhere_ends_all_access_and_the_page(world: World) -> None:
    connected = connect(world, "octocat", "signed-out-editor")
    other = connect(world, "hubot", "hubots-other-editor")
    with Visitor(world, "octocat") as here, Visitor(world, "octocat") as elsewhere:
        elsewhere.sign_in()

        assert here.sign_in().press("Sign out everywhere").status_code == 303

        assert here.get().status_code == elsewhere.get().status_code == 401
        assert open_session(world.server.url, connected.access_token).status_code == 401
        assert connected.client.refresh(connected.refresh_token).status_code == 400
        assert open_session(world.server.url, other.access_token).status_code == 200
    wait_until_a_later_second()
    with Visitor(world, "octocat") as octocat:
        overview = octocat.sign_in().overview()
        assert (overview["clients"], overview["sessions"]) == ([], [])
        assert "signed_out" in {each["event"] for each in overview["entries"]}


def test_a_kill_between_a_change_and_its_entry_neither_loses_nor_doubles_it(
    world: World,
) -> None:
    connected = connect(world, "hubot", "killed-editor")
    armed = Path(world.server.settings[HALTS_WHILE_THERE_IS])
    armed.touch()
    arguments = {"filename": "a.md", "content": "a", "public": False}
    call = connected.mcp.call("create_gist", description="made before the kill", **arguments)

    wait_until("the end of the change", lambda: not armed.exists(), seconds=60)
    world.server.restart()
    call.wait_until_broken()
    connected.mcp.touch()
    result = call.resume().wait()

    assert not result.is_error, result.text
    assert [each.description for each in world.github.gists("hubot")].count(
        "made before the kill"
    ) == 1
    with Visitor(world, "hubot") as hubot:
        made = [each.get("gist_id") for each in hubot.sign_in().log()]
        assert made.count(result.structured["id"]) == 1


def test_disconnecting_revokes_at_github_and_erases_what_is_stored_of_the_account(
    world: World,
) -> None:
    wait_until_a_later_second()
    mine = connect(world, "octocat", "octocats-last-editor")
    theirs = connect(world, "hubot", "hubots-last-editor")
    my_gist, their_gist = mine.create_gist("erased"), theirs.create_gist("kept")
    by_hand = world.sign_in("octocat").access_token
    McpClient(world.server.mcp_url, by_hand, name="octocats-script").open()
    stream = Listening(mine.mcp)
    with Visitor(world, "octocat") as octocat:
        leaving = octocat.sign_in().press("Disconnect")
        # Also who is signed in at GitHub is asked: it cannot be taken back.
        assert query_of(leaving.headers["location"])["prompt"] == "select_account"
        assert LEDGER in kinds_with(world, my_gist)
        assert LOG in kinds_with(world, "octocats-last-editor")
        # The log is kept for long, and the id of a secret gist opens the gist.
        assert LOG not in kinds_with(world, my_gist)

        # With another account at GitHub nothing happens, to neither of the two.
        other = octocat.come_back(leaving, account="hubot")
        assert other.status_code == 403 and LEDGER in kinds_with(world, my_gist)
        assert KNOWN in kinds_with(world, "octocat")
        done = octocat.come_back(octocat.press("Disconnect"))

        assert done.status_code == 200 and "GitHub has revoked the access too" in done.text
        assert octocat.get().status_code == 401
        # In whichever process GitHub's answer came.
        stream.wait_until_ended()
    # Not for as long as GitHub's yes counts otherwise: it would begin to store things anew.
    assert open_session(world.server.url, by_hand).status_code == 401
    assert mine.client.revoke(mine.refresh_token).status_code == 200
    assert open_session(world.server.url, mine.access_token).status_code == 401
    assert mine.client.refresh(mine.refresh_token).status_code == 400
    headers = {"Authorization": f"Bearer {by_hand}"}
    assert httpx.get(f"{world.github.url}/user", headers=headers).status_code == 401
    wait_until(
        "the ended sessions to be deleted",
        lambda: not kinds_with(world, my_gist) | kinds_with(world, "octocats-last-editor"),
        seconds=30,
    )
    assert kinds_with(world, "octocat") == set()
    assert LEDGER in kinds_with(world, their_gist)
    assert LOG in kinds_with(world, "hubots-last-editor")
    wait_until_a_later_second()
    with Visitor(world, "octocat") as octocat:
        assert [each["event"] for each in octocat.sign_in().log()] == ["account_opened"]
    assert open_session(world.server.url, theirs.access_token).status_code == 200


class Listening:
    """A stream of a session on which its client waits for what the server says by itself."""

    def __init__(self, mcp: McpClient) -> None:
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(mcp,), daemon=True)
        self._thread.start()
        assert self._begun.wait(STREAM_SECONDS)

    def wait_until_ended(self) -> None:
        """By the server."""
        self._thread.join(STREAM_SECONDS)
        assert not self._thread.is_alive()

    def _listen(self, mcp: McpClient) -> None:
        headers = {**mcp.headers, "Accept": "text/event-stream"}
        with (
            httpx.Client(timeout=2 * STREAM_SECONDS) as http,
            http.stream("GET", mcp.url, headers=headers) as response,
        ):
            assert response.status_code == 200
            self._begun.set()
            for _ in response.iter_bytes():
                pass


def wait_until_a_later_second() -> None:
    """What is made in the second in which somebody signs out everywhere counts as before it."""
    now = int(time.time())
    wait_until("the next second", lambda: int(time.time()) > now, seconds=5)
