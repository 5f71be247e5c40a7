"""A session belongs to one GitHub account; to anybody else it does not exist."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.security.mcp_client import (
    McpUser,
    initialize_message,
    mcp_headers,
    tool_message,
)
from tests.security.state_export import settled_state
from tests.security.world import World

pytestmark = pytest.mark.integration

SILENCE_SECONDS = 3.0
"""How long a stream without events is listened to. One with events brings them at once."""

NEVER_OPENED = secrets.token_hex(24)
MALFORMED = ["", "x", "0" * 47, "G" * 48, "../" * 16, "0" * 5000, "é" * 24, NEVER_OPENED.upper()]
VARYING_HEADERS = {
    "date",
    "server",
    "x-envoy-upstream-service-time",
    # A new one for each request, whatever it asks for.
    "x-request-id",
    # One or the other, by which process owns the id: anybody can compute that from the id.
    "content-length",
    "transfer-encoding",
}


@dataclass(frozen=True)
class Seen:
    """All that a caller can tell two answers apart by, time aside."""

    status_code: int
    body: bytes
    headers: frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def owner(world: World) -> McpUser:
    user = McpUser.connect(world.app.mcp_url, world.token("octocat"))
    user.call("get_my_profile")
    return user


def ask(method: str, url: str, token: str, session_id: str, event: str | None = None) -> Seen:
    headers: dict[str, Any] = mcp_headers(token)
    headers["Mcp-Session-Id"] = session_id.encode("latin-1")
    if event is not None:
        headers["Last-Event-ID"] = event
    message = tool_message(9, "get_my_profile", {}) if method == "POST" else None
    answer = httpx.request(method, url, headers=headers, json=message, timeout=20)
    return Seen(
        answer.status_code,
        answer.content,
        frozenset(each for each in answer.headers.items() if each[0] not in VARYING_HEADERS),
    )


REQUESTS = [("POST", None), ("GET", None), ("GET", f"{'2' * 32}/2"), ("DELETE", None)]


@pytest.mark.parametrize(("method", "event"), REQUESTS)
def test_every_session_that_is_not_mine_looks_the_same(
    world: World, owner: McpUser, method: str, event: str | None
) -> None:
    url, mallory = world.app.mcp_url, world.token("hubot")
    deleted = McpUser.connect(url, mallory)
    assert ask("DELETE", url, mallory, deleted.session_id).status_code == 200

    unknown = ask(method, url, mallory, NEVER_OPENED, event)
    others = [
        ask(method, url, mallory, session_id, event)
        for session_id in (owner.session_id, deleted.session_id, "x" * 48)
    ]

    assert unknown.status_code == 404
    assert others == [unknown] * 3


def test_attempts_on_a_session_that_never_was_leave_nothing(world: World) -> None:
    url, mallory, session_id = world.app.mcp_url, world.token("hubot"), secrets.token_hex(24)
    # The first request with a token leaves that it is known.
    ask("GET", url, mallory, session_id, None)
    before = settled_state(world.app.port)

    seen = [ask(method, url, mallory, session_id, event) for method, event in REQUESTS]
    beginning = httpx.post(
        url, headers=mcp_headers(mallory, session_id), json=initialize_message(), timeout=20
    )

    assert {each.status_code for each in seen} == {404}
    assert beginning.status_code == 404
    assert settled_state(world.app.port) == before


def first_event_id(user: McpUser, identifier: int) -> str:
    """The id of the first event of a call of theirs."""
    answer = user.send(tool_message(identifier, "get_my_profile", {}))
    return next(
        line.removeprefix("id:").strip()
        for line in answer.text.splitlines()
        if line.startswith("id:") and line.removeprefix("id:").strip()
    )


def replayed(user: McpUser, last_event_id: str) -> str:
    """What comes within `SILENCE_SECONDS` after an event. A stream that has nothing to tell
    stays open."""
    headers = {**user.headers, "Last-Event-ID": last_event_id}
    heard = b""
    timeout = httpx.Timeout(20, read=SILENCE_SECONDS)
    with (
        suppress(httpx.ReadTimeout),
        httpx.stream("GET", user.url, headers=headers, timeout=timeout) as answer,
    ):
        for chunk in answer.iter_raw():
            heard += chunk
    return heard.decode()


def test_an_event_id_from_another_session_tells_nothing_of_it(world: World) -> None:
    owner = McpUser.connect(world.app.mcp_url, world.token("octocat"))
    event_id = first_event_id(owner, 77)
    mallory = McpUser.connect(world.app.mcp_url, world.token("hubot"))
    request, _, event = event_id.partition("/")
    made_up = [
        event_id,
        f"{owner.session_id}/{event}",
        f"{owner.session_id}.{request}/{event}",
        f"{request}/{owner.session_id}",
        f"..{owner.session_id}/{request}",
    ]

    known = replayed(owner, event_id)
    told = [replayed(mallory, each) for each in made_up]

    assert "octocat" in known
    assert not [each for each in told if "data:" in each]


@pytest.mark.parametrize("session_id", MALFORMED, ids=range(len(MALFORMED)))
def test_a_client_cannot_choose_a_session_id(world: World, session_id: str) -> None:
    seen = ask("POST", world.app.mcp_url, world.token("hubot"), session_id)

    assert seen == ask("POST", world.app.mcp_url, world.token("hubot"), NEVER_OPENED)


def test_initialize_with_a_session_id_opens_nothing_and_tells_nothing(
    world: World, owner: McpUser
) -> None:
    unknown, others = (
        httpx.post(
            world.app.mcp_url,
            headers=mcp_headers(world.token("hubot"), session_id),
            json=initialize_message(),
            timeout=20,
        )
        for session_id in (NEVER_OPENED, owner.session_id)
    )

    assert unknown.status_code == others.status_code == 404
    assert unknown.content == others.content
    assert "mcp-session-id" not in unknown.headers


def test_a_session_of_ones_own_is_not_begun_again(owner: McpUser) -> None:
    answer = owner.send(initialize_message())

    assert answer.status_code == 400


def test_nothing_of_the_attempts_reaches_the_owners_session(world: World, owner: McpUser) -> None:
    url, mallory = world.app.mcp_url, world.token("hubot")
    before = owner.call("get_my_profile")

    ask("DELETE", url, mallory, owner.session_id)
    ask("POST", url, mallory, owner.session_id)

    assert owner.call("get_my_profile") == before


@pytest.mark.parametrize(
    "forged",
    [
        {"x-reboot-state-ref": "rbt.mcp.v1.Session:{victim}"},
        {"x-gist-mcp-hop": "AAAA", "x-reboot-state-ref": "rbt.mcp.v1.Session:{victim}"},
        {"x-reboot-app-internal": "true", "x-reboot-state-ref": "rbt.mcp.v1.Session:{victim}"},
    ],
)
def test_routing_headers_from_outside_do_not_lead_into_a_session(
    world: World, owner: McpUser, forged: dict[str, str]
) -> None:
    headers = {name: value.format(victim=owner.session_id) for name, value in forged.items()}
    mallory = mcp_headers(world.token("hubot"))

    opened = httpx.post(
        world.app.mcp_url, headers={**mallory, **headers}, json=initialize_message(), timeout=20
    )
    session_id = opened.headers["mcp-session-id"]
    called = httpx.post(
        world.app.mcp_url,
        headers={**mallory, **headers, "Mcp-Session-Id": session_id},
        json=tool_message(2, "get_my_profile", {}),
        timeout=20,
    )

    assert session_id != owner.session_id
    assert "hubot" in called.text
    assert "octocat" not in called.text


def test_a_path_that_names_a_state_is_no_way_in(world: World, owner: McpUser) -> None:
    path = f"/__/reboot/rpc/rbt.mcp.v1.Session%3A{owner.session_id}/mcp"

    answer = httpx.post(
        f"{world.app.url}{path}",
        headers=mcp_headers(world.token("hubot"), owner.session_id),
        json=tool_message(3, "get_my_profile", {}),
        timeout=20,
    )

    assert answer.status_code == 404


def test_the_owner_comes_back_with_another_token(world: World, owner: McpUser) -> None:
    renewed = McpUser(owner.url, world.token("octocat"), owner.session_id)

    assert "octocat" in str(renewed.call("get_my_profile"))


def test_session_ids_are_unguessable(world: World) -> None:
    token = world.token("hubot")

    opened = {McpUser.connect(world.app.mcp_url, token).session_id for _ in range(3)}

    assert len(opened) == 3
    assert all(len(each) == 48 and int(each, 16) >= 0 for each in opened)
