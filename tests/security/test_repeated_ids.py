"""A request id that comes twice in a session: MCP forbids it, but a client, or a proxy that sends
a request again, may do it. It must neither hang, nor fail, nor do twice what was asked once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.security.mcp_client import McpUser, tool_message
from tests.security.state_export import settled_state
from tests.security.test_fuzz_wire import read_to_the_end, tracebacks
from tests.security.world import World, running_world

GIST = {"description": "d", "filename": "f.md", "content": "c"}


@pytest.fixture
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of its own, whose log is read."""
    with running_world(tmp_path_factory.mktemp("repeated")) as running:
        yield running


def test_a_call_repeated_after_its_answer_is_not_carried_out_again(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    message = tool_message(50, "create_gist", GIST)
    user.send(message)

    again = user.send(message)
    settled_state(repeated.app.port)

    assert again.status_code < 500
    assert len(repeated.github.gists("octocat")) == 1
    assert tracebacks(repeated.app.log()) == []


def test_a_call_repeated_while_it_runs_is_answered_and_carried_out_once(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    message = tool_message(50, "create_gist", GIST)

    def send(_: int) -> httpx.Response:
        return read_to_the_end(user.url, user.headers, message)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    settled_state(repeated.app.port)

    assert all(answer.status_code < 500 for answer in answers)
    assert len(repeated.github.gists("octocat")) == 1
    assert tracebacks(repeated.app.log()) == []


def test_a_call_repeated_after_a_kill_gets_the_first_answer(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    message = tool_message("a", "create_gist", {**GIST, "public": False, "additional_files": None})
    first = read_to_the_end(user.url, user.headers, message)

    repeated.app.restart()
    again = read_to_the_end(user.url, user.headers, message)

    (gist,) = repeated.github.gists("octocat")
    assert gist.gist_id in first.text
    assert gist.gist_id in again.text


def test_an_id_does_not_stand_for_another_request(repeated: World) -> None:
    user = McpUser.connect(repeated.app.mcp_url, repeated.token("octocat"))
    user.send(tool_message(50, "create_gist", GIST))

    other = user.send(tool_message(50, "create_gist", {**GIST, "content": "other"}))

    assert other.status_code == 400
    assert "request id 50" in other.text
    assert len(repeated.github.gists("octocat")) == 1
