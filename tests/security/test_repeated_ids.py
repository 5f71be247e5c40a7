"""A request id is a name on the wire. One that comes again after its answer names a new request, as
with clients that call every request `1`; one that comes again before it is the same request, sent
again by something on the way, and must neither hang nor do twice what was asked once."""

import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.security.mcp_client import McpUser, tool_message
from tests.security.raw_http import lines
from tests.security.state_export import settled_state
from tests.security.test_fuzz_wire import answers_to, read_to_the_end, tracebacks
from tests.security.world import World, running_world
from tests.support.mcp_client import McpClient, RunningCall

pytestmark = pytest.mark.integration

GIST = {"description": "d", "filename": "f.md", "content": "c"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of its own, whose log is read and which is killed."""
    with running_world(tmp_path_factory.mktemp("repeated")) as world:
        yield world


@pytest.fixture
def repeated(running: World) -> World:
    running.github.reset()
    return running


IDS = (
    1,
    "1",
    0,
    -7,
    2**53 + 1,
    2**70,
    "7f3e:1",
    "a/b",
    "",
    "VSCODE_GET",
    "\u2028\u2603",
    "x" * 900,
)


def test_any_id_is_echoed_exactly(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))

    for identifier in IDS:
        messages: list[dict[str, object]] = [
            {"jsonrpc": "2.0", "id": identifier, "method": "ping"},
            {"jsonrpc": "2.0", "id": identifier, "method": "nothing/like/it"},
            tool_message(identifier, "get_my_profile", {}),
        ]
        for message in messages:
            assert len(answers_to(message, user.send(message))) == 1


def test_every_request_may_have_the_same_id(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    listing = tool_message(1, "list_my_gists", {})
    first = answers_to(listing, user.send(listing))
    user.send(tool_message(1, "create_gist", GIST))
    user.send(tool_message(1, "create_gist", {**GIST, "content": "another"}))

    second = answers_to(listing, user.send(listing))

    counts = [answer["result"]["structuredContent"]["count"] for (answer,) in (first, second)]
    assert counts == [0, 2]


def test_an_id_whose_answer_has_left_stands_for_a_new_call(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    message = tool_message(50, "create_gist", GIST)
    user.send(message)

    user.send(message)

    assert len(repeated.github.gists("octocat")) == 2


def test_two_requests_at_once_may_have_the_same_id(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    held = repeated.github.add_fault("hang_before", method="POST", path="/gists")
    first = tool_message(50, "create_gist", GIST)
    second = tool_message(50, "create_gist", {**GIST, "content": "another"})

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read_to_the_end, user.url, user.headers, first)
        held.wait_until_held()
        answered = answers_to(second, user.send(second))
        held.release()
        (late,) = answers_to(first, waiting.result())

    assert (
        answered[0]["result"]["structuredContent"]["id"]
        != (late["result"]["structuredContent"]["id"])
    )
    assert len(repeated.github.gists("octocat")) == 2


def test_a_call_repeated_while_it_runs_is_answered_and_carried_out_once(repeated: World) -> None:
    client = McpClient(repeated.app.mcp_url, repeated.token("octocat")).open()
    message = tool_message(50, "create_gist", GIST)
    held = repeated.github.add_fault("hang_before", method="POST", path="/gists")

    calls = [RunningCall(client, 50) for _ in range(4)]
    for call in calls:
        call.start(message)
    for call in calls:
        call.wait_for_event()
    held.wait_until_held()
    held.release()
    results = {call.wait().structured["id"] for call in calls}
    settled_state(repeated.app.port)

    assert [gist.gist_id for gist in repeated.github.gists("octocat")] == list(results)
    assert tracebacks(repeated.app.log()) == []


def cut_off(repeated: World) -> tuple[McpUser, RunningCall, dict[str, object]]:
    """A call whose answer never left, as its connection was lost while GitHub worked on it; and the
    message that repeats it."""
    token = repeated.token("octocat")
    held = repeated.github.add_fault("hang_after", method="POST", path="/gists")
    client = McpClient(repeated.app.mcp_url, token).open()
    call = client.call("create_gist", **GIST)
    held.wait_until_held()
    call.cut()
    held.release()
    user = McpUser(repeated.app.mcp_url, token, client.session_id)
    return user, call, tool_message(call.request_id, "create_gist", GIST)


def test_a_call_whose_answer_never_left_is_not_carried_out_again(repeated: World) -> None:
    user, _, message = cut_off(repeated)

    (answer,) = answers_to(message, read_to_the_end(user.url, user.headers, message))

    (gist,) = repeated.github.gists("octocat")
    assert answer["result"]["structuredContent"]["id"] == gist.gist_id


def test_a_call_repeated_after_a_kill_gets_the_recorded_result(repeated: World) -> None:
    user, _, message = cut_off(repeated)
    repeated.app.restart()

    (answer,) = answers_to(message, read_to_the_end(user.url, user.headers, message))
    # Now its answer has left.
    answers_to(message, read_to_the_end(user.url, user.headers, message))

    gists = repeated.github.gists("octocat")
    assert answer["result"]["structuredContent"]["id"] in [gist.gist_id for gist in gists]
    assert len(gists) == 2


def test_an_answer_fetched_on_another_stream_has_the_id_of_its_call(repeated: World) -> None:
    _, call, _ = cut_off(repeated)
    repeated.app.restart()

    result = call.resume().wait()

    (gist,) = repeated.github.gists("octocat")
    assert result.structured["id"] == gist.gist_id


def test_a_cancellation_that_overtakes_its_call_stops_it(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    cancelled = {"requestId": "x"}
    user.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})

    answer = user.send(tool_message("x", "create_gist", GIST))

    assert "cancelled" in answer.text
    assert repeated.github.gists("octocat") == []


def test_connections_that_are_lost_at_once_cost_a_session_nothing(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    first = user.send(tool_message(1, "get_my_profile", {}))
    event_id = first.text.partition("id: ")[2].split()[0]
    head = lines(
        "GET /mcp HTTP/1.1",
        f"Host: localhost:{repeated.app.port}",
        *(f"{name}: {value}" for name, value in user.headers.items() if name != "Accept"),
        "Accept: text/event-stream",
        f"Last-Event-ID: {event_id}",
    )

    for milliseconds in range(60):
        with socket.create_connection(("127.0.0.1", repeated.app.port), timeout=10) as lost:
            lost.sendall(head)
            # Nothing is waited for: it is the moment of the loss that varies.
            select.select([lost], [], [], milliseconds % 20 / 1000)

    answered = [user.send(tool_message(1, "create_gist", GIST)) for _ in range(3)]
    assert ['"isError":false' in answer.text for answer in answered] == [True] * 3
    assert tracebacks(repeated.app.log()) == []


def test_what_a_client_answers_to_nothing_is_neither_kept_nor_logged(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    before = settled_state(repeated.app.port)

    for answer in ({"result": 5}, {"error": {"code": 1, "message": "never-logged-text"}}):
        sent = user.send({"jsonrpc": "2.0", "id": "a" * 32, **answer})
        assert sent.status_code == 202

    assert settled_state(repeated.app.port) == before
    assert "never-logged-text" not in repeated.app.log()
