"""What a program reads with `LOG_FORMAT=json`, from the start of the image to its end."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gist_mcp.version import VERSION
from tests.e2e.ordinary_day import CONTENT, Day, an_oauth_client, create, signing_in
from tests.e2e.production import Production, production
from tests.support.mcp_client import McpClient
from tests.support.waiting import wait_until
from tests.support.world import CLIENT_ID, TOKEN_KEY

pytestmark = pytest.mark.integration

HOSTILE_NAME = 'a client"}\n{"event": "forged"}\u2028'
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OCTOCAT_ID = 583231
READY_SECONDS = 30.0

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What was printed, and what was answered meanwhile."""

    lines: list[Line]
    log: str
    day: Day
    client: McpClient
    answers: dict[str, httpx.Response]

    def events(self, name: str) -> list[Line]:
        """The lines of an event."""
        return [line for line in self.lines if line.get("event") == name]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """People sign in, one creates a gist, one's grant is revoked; then all of it ends."""
    with production(tmp_path_factory.mktemp("json"), {"LOG_FORMAT": "json"}) as site:
        yield play(site)


def play(site: Production) -> Played:
    """All of it, and the end."""
    day = Day(secrets=[CONTENT, TOKEN_KEY, site.github.client_secret])
    foreign = {"Host": "evil.example", "X-Request-Id": "chosen"}
    site.github.stop()
    answers = {"without GitHub": httpx.get(f"{site.url}/readyz", headers=foreign)}
    site.github.start()
    wait_until(
        "GitHub to be seen",
        lambda: httpx.get(f"{site.url}/readyz").status_code == 200,
        seconds=READY_SECONDS,
    )
    paths = ("/healthz", "/readyz")
    answers |= {path: httpx.get(f"{site.url}{path}", headers=foreign) for path in paths}
    token = signing_in(site, day)
    client = McpClient(f"{site.url}/mcp", token, name=HOSTILE_NAME).open()
    day.secrets.append(client.session_id)
    day.results["created"] = create(client).wait()
    day.results["unknown"] = client.call("make_coffee\n", cups=1).wait()
    answers["touched"] = client.touch()
    client.delete()
    an_oauth_client(site, day)
    site.stop_politely()
    lines = [json.loads(line) for line in site.log().splitlines()]
    return Played(lines=lines, log=site.log(), day=day, client=client, answers=answers)


def test_each_line_is_an_object_with_the_same_first_fields(played: Played) -> None:
    assert len(played.lines) > 20
    for line in played.lines:
        assert list(line)[:4] == ["time", "level", "logger", "message"], line
        assert TIME.fullmatch(line["time"])
        assert line["level"] in ("INFO", "WARNING")
    assert played.events("forged") == []


def test_the_start_tells_version_address_and_settings_without_secrets(played: Played) -> None:
    (start,) = played.events("start")

    assert start["version"] == VERSION
    assert start["address"].endswith(f":{start['port']}")
    assert start["settings"]["GITHUB_CLIENT_ID"] == CLIENT_ID
    assert start["settings"]["GITHUB_CLIENT_SECRET"] == "set"
    assert start["settings"]["TOKEN_KEYS"] == "1 set"


def test_no_secret_and_no_content_is_in_it(played: Played) -> None:
    assert len(played.day.secrets) > 10
    assert [secret for secret in played.day.secrets if secret in played.log] == []


def test_a_call_is_told_with_the_request_that_has_begun_it(played: Played) -> None:
    gist_id = played.day.results["created"].structured["id"]
    calls = [call for call in played.events("tool_call") if call["login"] == "octocat"]
    (changed,) = played.events("changed")

    done, unknown = calls
    (request,) = (
        line for line in played.events("http_request") if line.get("call_id") == done["call_id"]
    )
    assert {
        "tool": "create_gist",
        "outcome": "done",
        "account_id": OCTOCAT_ID,
    }.items() <= done.items()
    assert done["client_name"] == HOSTILE_NAME
    assert done["github_calls"] >= 1
    assert done["request_id"] == request["request_id"] == changed["request_id"]
    assert (changed["gist_id"], changed["tool"]) == (gist_id, "create_gist")
    assert (unknown["tool"], unknown["outcome"]) == ("-", "refused")


def test_each_request_is_told_once_by_the_id_that_was_given_back(played: Played) -> None:
    touched = played.answers["touched"]
    told = [line["request_id"] for line in played.events("http_request")]

    assert len(told) == len(set(told))
    (line,) = (
        each
        for each in played.events("http_request")
        if each["request_id"] == touched.headers["x-request-id"]
    )
    assert {"method": "POST", "route": "/mcp", "account_id": OCTOCAT_ID}.items() <= line.items()
    assert line["status"] == touched.status_code


@pytest.mark.parametrize(
    ("event", "login"),
    [("sign_in", "octocat"), ("sign_in", "hubot"), ("session_opened", "octocat")],
)
def test_what_people_do_is_told_with_their_account(played: Played, event: str, login: str) -> None:
    assert login in {line.get("login") for line in played.events(event)}


@pytest.mark.parametrize(
    "event",
    ["sign_in_refused", "token_refused", "grant_revoked", "github_token_revoked", "session_ended"],
)
def test_refusals_and_revocations_are_told(played: Played, event: str) -> None:
    assert played.events(event) != []


def test_a_session_is_named_by_its_beginning_only(played: Played) -> None:
    named = {line["session"] for line in played.events("session_opened")}

    assert played.client.session_id[:8] in named


def test_without_github_it_is_not_ready_and_says_why(played: Played) -> None:
    answer = played.answers["without GitHub"]

    assert answer.status_code == 503
    assert answer.json()["parts"] == {"state": "ok", "github": "not ready"}
    assert {line["part"] for line in played.events("not_ready")} == {"github"}


def test_health_is_told_to_any_host_with_the_version(played: Played) -> None:
    alive, ready = played.answers["/healthz"], played.answers["/readyz"]

    assert (alive.status_code, alive.json()) == (200, {"status": "ok", "version": VERSION})
    # Whichever process answers: one of them may not have asked GitHub again yet.
    assert ready.json()["version"] == VERSION
    assert ready.json()["parts"]["state"] == "ok"
    assert alive.headers["x-request-id"] != "chosen"
    # They come every few seconds.
    assert "/healthz" not in {line["route"] for line in played.events("http_request")}
