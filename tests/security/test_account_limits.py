"""What one account may use of what belongs to all, on four server processes."""

import http.client
import json
import re
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from gist_mcp.mcp_http.delivery import MAX_WAITING_FOR_A_CALL
from gist_mcp.mcp_http.get_streams import MAX_IDLE_STREAMS
from gist_mcp.mcp_http.turns import AT_ONCE
from gist_mcp.tokens.refresh_limit import REFRESHES
from tests.security.mcp_client import (
    TIMEOUT_SECONDS,
    McpUser,
    answer_of,
    initialize_message,
    mcp_headers,
    tool_message,
)
from tests.security.raw_http import lines
from tests.security.test_app_checks import CHECK, signed_in
from tests.security.world import World, running_world
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

SERVERS = 4
MAX_SESSIONS = 4
CALLS_PER_MINUTE = 40
CALLS_AT_ONCE = 2
BYTES_PER_MINUTE = 2 * 1024 * 1024
MOST_LARGE_CALLS = 15
"""Only calls of 20 seconds each would leave the minute's bytes enough for so many."""
TRY_AGAIN = re.compile(r"Nothing was done\. Try again in (\d+) seconds")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with limits that a test reaches soon."""
    settings = {
        "MAX_SESSIONS_PER_ACCOUNT": str(MAX_SESSIONS),
        "MAX_CALLS_PER_MINUTE": str(CALLS_PER_MINUTE),
        "MAX_CALLS_IN_FLIGHT": str(CALLS_AT_ONCE),
        "MAX_BYTES_PER_MINUTE": str(BYTES_PER_MINUTE),
        "TOKEN_REVALIDATE_SECONDS": "3600",
    }
    with running_world(tmp_path_factory.mktemp("limits"), settings, servers=SERVERS) as running:
        yield running


@pytest.fixture
def person(world: World) -> str:
    """The login of somebody whom no other test knows."""
    number = len(world.github.users())
    return world.github.create_user(f"person-{number}").login


def texts(answers: list[httpx.Response]) -> list[str]:
    """What each call was told."""
    assert {each.status_code for each in answers} == {200}
    results = [answer_of(each.text, 2)["result"] for each in answers]
    return [each["content"][0]["text"] for each in results]


def opened(world: World, token: str) -> httpx.Response:
    return httpx.post(
        world.app.mcp_url,
        headers=mcp_headers(token),
        json=initialize_message(),
        timeout=TIMEOUT_SECONDS,
    )


def is_open(world: World, token: str, session_id: str) -> bool:
    ping = {"jsonrpc": "2.0", "id": 9, "method": "ping"}
    answer = httpx.post(
        world.app.mcp_url, headers=mcp_headers(token, session_id), json=ping, timeout=30
    )
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


def test_calls_beyond_the_minute_are_told_when_to_come_back_and_others_are_served(
    world: World, person: str
) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    other = McpUser.connect(world.app.mcp_url, world.token("octocat"))
    calls = 3 * CALLS_PER_MINUTE

    with ThreadPoolExecutor(calls) as pool:
        at_once = [
            pool.submit(user.send, tool_message(2, "get_my_profile", {})) for _ in range(calls)
        ]
        others = other.call("get_my_profile")
        told = texts([each.result() for each in at_once])

    assert others["structuredContent"]["login"] == "octocat"
    refused = [each for each in told if "calls a minute here" in each or "at once here" in each]
    served = [each for each in told if f'"{person}"' in each]
    assert len(refused) + len(served) == calls
    assert all(TRY_AGAIN.search(each) for each in refused)
    assert CALLS_AT_ONCE <= len(served) < calls


def test_resources_count_like_calls(world: World, person: str) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    read = {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": "gist://mine"}}
    reads = 3 * CALLS_PER_MINUTE

    with ThreadPoolExecutor(reads) as pool:
        answers = list(pool.map(lambda _: user.send(read), range(reads)))

    told = [answer_of(each.text, 2) for each in answers]
    refused = [each["error"]["message"] for each in told if "error" in each]
    assert refused
    assert all(TRY_AGAIN.search(each) for each in refused)
    assert CALLS_AT_ONCE <= sum("result" in each for each in told) < reads


def test_sessions_beyond_the_minute_are_told_so_by_http(world: World, person: str) -> None:
    """Before there is a session, it is HTTP's own word (RFC 6585, 4)."""
    token = world.token(person)
    count = 3 * CALLS_PER_MINUTE

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: opened(world, token), range(count)))

    assert {each.status_code for each in answers} == {200, 429}
    for each in answers:
        if each.status_code == 429:
            assert 1 <= int(each.headers["retry-after"]) <= 60
            assert f"Try again in {each.headers['retry-after']} seconds" in each.text


def test_a_session_too_many_ends_the_one_that_is_longest_unused(world: World, person: str) -> None:
    token = world.token(person)
    sessions = [opened(world, token).headers["mcp-session-id"] for _ in range(MAX_SESSIONS)]
    assert is_open(world, token, sessions[0])

    newest = opened(world, token).headers["mcp-session-id"]

    alive = [is_open(world, token, each) for each in (*sessions, newest)]
    assert alive == [True, False, *[True] * (MAX_SESSIONS - 2), True]


def test_a_session_in_which_a_call_runs_does_not_give_way(world: World, person: str) -> None:
    token = world.token(person)
    busy = McpUser.connect(world.app.mcp_url, token)
    fault = world.github.add_fault("hang_before", path="/gists", method="POST")
    calling = threading.Thread(
        target=busy.call,
        args=("create_gist",),
        kwargs={"description": "", "filename": "a.txt", "content": person},
    )
    calling.start()
    try:
        fault.wait_until_held()
        newer = [opened(world, token).headers["mcp-session-id"] for _ in range(MAX_SESSIONS)]
        assert is_open(world, token, busy.session_id)
        assert not is_open(world, token, newer[0])
    finally:
        fault.release()
        calling.join()
    assert len(world.github.gists(person)) == 1


def test_an_ended_session_makes_room(world: World, person: str) -> None:
    token = world.token(person)
    first = opened(world, token).headers["mcp-session-id"]
    for _ in range(MAX_SESSIONS):
        session_id = opened(world, token).headers["mcp-session-id"]
        httpx.delete(world.app.mcp_url, headers=mcp_headers(token, session_id), timeout=30)

    assert is_open(world, token, first)


def test_streams_that_only_listen_are_limited_whatever_event_they_come_after(
    world: World, person: str
) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    after_a_call = {"Last-Event-ID": f"{'a' * 32}/end"}
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(limits=limits, timeout=TIMEOUT_SECONDS) as client, ExitStack() as streams:

        def status(more_headers: dict[str, str]) -> int:
            headers = user.headers | more_headers
            return streams.enter_context(
                client.stream("GET", user.url, headers=headers)
            ).status_code

        assert [status(after_a_call) for _ in range(MAX_IDLE_STREAMS)] == [200] * MAX_IDLE_STREAMS
        assert status(after_a_call) == 409
        assert status({}) == 409


def test_a_repeated_request_finds_its_call_though_there_is_no_place(
    world: World, person: str
) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    fault = world.github.add_fault("hang_before", path="/gists", method="POST", times=2)
    messages = [
        tool_message(
            number, "create_gist", {"description": "", "filename": "a.txt", "content": person}
        )
        for number in (2, 3)
    ]
    with ThreadPoolExecutor(2) as pool, httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        running = [pool.submit(user.send, each) for each in messages]
        fault.wait_until_held(2)
        with client.stream("POST", user.url, headers=user.headers, json=messages[0]) as stream:
            lines = stream.iter_lines()
            # Its first event tells that the call is found, while both places are taken.
            first_line = next(lines)
            fault.release()
            rest = "\n".join([first_line, *lines])
        results = [answer_of(each.result().text, 2 + n) for n, each in enumerate(running)]
    again = answer_of(rest, 2)

    made = [each["result"]["structuredContent"]["id"] for each in results]
    assert again["result"]["structuredContent"]["id"] == made[0]
    assert len(world.github.gists(person)) == 2


def test_a_minute_has_so_many_bytes(world: World, person: str) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    large = {"description": "", "filename": "a.txt", "content": "x" * 800_000}
    served = 0

    # The minute's bytes come back while the calls run, so how many are served depends on the time.
    while "bytes a minute" not in (told := user.send_tool("create_gist", **large).text):
        served += 1
        assert served < MOST_LARGE_CALLS

    assert served >= 2
    assert TRY_AGAIN.search(told)


def test_a_long_progress_token_is_refused_before_anything_is_stored(
    world: World, person: str
) -> None:
    """It made a call too large to be recorded, which held a turn of its account for 15 seconds."""
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    message = tool_message(3, "get_my_profile", {})
    message["params"]["_meta"] = {"progressToken": "\u00e9" * 1_400_000}

    answer = user.send(message)

    assert answer.status_code == 200
    assert answer.json()["id"] == 3
    assert answer.json()["error"]["code"] == -32602
    assert "progressToken is longer than 1024 bytes" in answer.json()["error"]["message"]


def test_a_cancellation_of_an_endless_id_is_not_stored(world: World, person: str) -> None:
    """Each was kept in the session's state, until the retention of its process failed."""
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    before_bytes = stored_bytes(world)

    for number in range(4):
        params = {"requestId": f"{number}" + "x" * 2_900_000}
        message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        assert user.send(message).status_code == 202

    assert stored_bytes(world) - before_bytes < 2_900_000


def test_cancellations_beyond_the_minute_do_nothing(world: World, person: str) -> None:
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    cancellation = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": "none"},
    }
    count = 3 * CALLS_PER_MINUTE

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: user.send(cancellation), range(count)))

    assert {each.status_code for each in answers} == {202}
    ignored = f"a cancellation by {person}: ignored"
    wait_until("the log to tell of it", lambda: ignored in world.app.log(), seconds=60)
    assert user.call("get_my_profile")["structuredContent"]["login"] == person


def stored_bytes(world: World) -> int:
    """What the deployment has on disk."""
    return sum(each.stat().st_size for each in world.app.folder.rglob("*") if each.is_file())


def test_github_is_asked_once_about_a_token_however_many_processes_and_sessions(
    world: World, person: str
) -> None:
    token = world.token(person)
    world.github.forget_requests()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: opened(world, token), range(16)))
    sealed_client, tokens = signed_in(world, "monalisa")
    for _ in range(8):
        assert opened(world, tokens["access_token"]).status_code == 200

    # Processes that are asked at the same moment do not know of each other yet.
    assert len(world.github.requests("POST", CHECK)) <= SERVERS
    by_monalisa = [
        each
        for each in world.github.requests("GET", "/user")
        if tokens["access_token"] not in json.dumps(each.path)
    ]
    # One of the sign-in, and one for each process that had met the first person's token.
    assert len(by_monalisa) <= 2 + SERVERS
    assert sealed_client.refresh(tokens["refresh_token"]).status_code == 200


def test_whoever_refreshes_in_a_loop_is_stopped_and_asks_github_nothing(world: World) -> None:
    client, tokens = signed_in(world, "monalisa")
    _, others = signed_in(world, "hubot")
    world.github.forget_requests()
    refresh_token = tokens["refresh_token"]
    answers = []
    # Some come back while the loop runs.
    for _ in range(4 * int(REFRESHES.burst)):
        answer = client.refresh(refresh_token)
        answers.append(answer)
        if answer.status_code != 200:
            break
        refresh_token = answer.json()["refresh_token"]

    assert answers[-1].status_code == 429
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert answers[-1].headers["retry-after"] in answers[-1].text
    assert len(world.github.requests()) <= 1
    # Nobody else notices.
    assert opened(world, others["access_token"]).status_code == 200


def begun(
    world: World, path: str, headers: dict[str, str], body: bytes, *, missing_bytes: int = 100
) -> socket.socket:
    """A connection on which a request is sent, all but the last bytes of its body."""
    connection = socket.create_connection(("127.0.0.1", world.app.port), TIMEOUT_SECONDS)
    head = [f"{name}: {value}" for name, value in headers.items()]
    host = f"Host: localhost:{world.app.port}"
    length = f"Content-Length: {len(body) + missing_bytes}"
    connection.sendall(lines(f"POST {path} HTTP/1.1", host, *head, length) + body)
    return connection


def response_on(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and the JSON that come back. Closes the connection."""
    with connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, json.loads(response.read())


def test_half_sent_bodies_keep_nobody_waiting_and_end(world: World, person: str) -> None:
    """A network that is lost ends no connection: nothing more comes, and nobody says so."""
    token = world.token(person)
    session_id = opened(world, token).headers["mcp-session-id"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    held = [
        begun(world, "/mcp", mcp_headers(token, session_id), b'{"jsonrpc"'),
        begun(world, "/mcp", mcp_headers(token, session_id), b"x" * 1_000_000),
        begun(world, "/oauth/token", form, b"grant_type"),
        begun(world, "/oauth/register", {"Content-Type": "application/json"}, b"{"),
    ]

    alive = is_open(world, token, session_id)
    ended = httpx.delete(world.app.mcp_url, headers=mcp_headers(token, session_id), timeout=30)

    assert alive
    assert ended.status_code == 200
    answers = [response_on(each) for each in held]
    assert [status for status, _ in answers] == [408] * len(held)
    assert answers[0][1]["error"]["code"] == -32600
    assert answers[2][1]["error"] == "invalid_request"


def test_a_client_that_repeats_a_running_call_again_and_again_is_stopped(
    world: World, person: str
) -> None:
    """Each of its requests would stay in memory until the call ends."""
    user = McpUser.connect(world.app.mcp_url, world.token(person))
    fault = world.github.add_fault("hang_before", path="/gists", method="POST")
    arguments = {"description": "", "filename": "a.txt", "content": person}
    message = tool_message(2, "create_gist", arguments)
    # JSON alone, so that each response begins when the call has ended.
    headers = {**user.headers, "Accept": "application/json"}
    body = json.dumps(message).encode()
    count = MAX_WAITING_FOR_A_CALL + AT_ONCE + 1
    repeated = [begun(world, "/mcp", headers, body, missing_bytes=0) for _ in range(count)]

    def is_let_in() -> bool:
        with httpx.stream(
            "POST", user.url, headers=user.headers, json=message, timeout=TIMEOUT_SECONDS
        ) as stream:
            assert stream.status_code in (200, 409)
            return stream.status_code == 200

    try:
        fault.wait_until_held()
        refused, _, _ = select.select(repeated, [], [], TIMEOUT_SECONDS)
        status, answer = response_on(refused[0])
        for each in repeated:
            each.close()
        # Those who have left do not count, and the call goes on.
        wait_until("a request to be let in", is_let_in, seconds=TIMEOUT_SECONDS)
    finally:
        fault.release()
    result = answer_of(user.send(message).text, 2)

    assert (status, answer["id"]) == (409, 2)
    assert result["result"]["structuredContent"]["id"]
    assert len(world.github.gists(person)) == 1
