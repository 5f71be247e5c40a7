"""A request that reaches another process than the session's owner: it is forwarded, and nothing
that a client sends along changes whose session it is.

Envoy sends the requests of a session to its owner, but for one that shows the header by which our
processes know each other. A client can send that header too. It opens nothing, and Envoy then
chooses any process.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gist_mcp.sessions.hop import HOP_HEADER
from tests.durability.stage import Stage, stage
from tests.security.mcp_client import answer_of, tool_message
from tests.support.mcp_client import McpClient

pytestmark = pytest.mark.integration

SESSIONS = 6
"""Of these some belong to the process that gets the request, and some do not, by chance: all the
same process has a probability of one in 32."""

FORGED = {HOP_HEADER: "forged"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("two"), servers=2, effect_validation="disabled") as running:
        yield running


def opened(two: Stage, account: str = "octocat") -> McpClient:
    return McpClient(two.server.mcp_url, two.github.create_token(account)).open()


def send(client: McpClient, message: dict[str, object]) -> httpx.Response:
    headers = {
        **client.headers,
        **FORGED,
        "Accept": "application/json, text/event-stream",
    }
    return httpx.post(client.url, headers=headers, json=message, timeout=30)


def test_a_request_is_answered_whichever_process_gets_it(two: Stage) -> None:
    for number in range(SESSIONS):
        client = opened(two)

        answer = send(client, tool_message(number, "get_my_profile", {}))

        assert answer_of(answer.text, number)["result"]["structuredContent"]["login"] == "octocat"


def test_a_foreign_session_is_unknown_whichever_process_is_asked(two: Stage) -> None:
    for _ in range(SESSIONS):
        owner, stranger = opened(two), opened(two, "hubot")
        stranger.session_id = owner.session_id

        assert send(stranger, tool_message(1, "get_my_profile", {})).status_code == 404


def test_what_ends_a_call_may_race_it_through_another_process(two: Stage) -> None:
    """However the race ends, the session has ended or the call is cancelled, and nothing is made
    afterwards."""
    numbers = itertools.count(100)
    for ends_session in (True, False) * 3:
        client = opened(two)
        number = next(numbers)
        gist = {"description": f"race {number}", "filename": "f.md", "content": "c"}
        with ThreadPoolExecutor(2) as threads:
            calling = threads.submit(send, client, tool_message(number, "create_gist", gist))
            if ends_session:
                ended = httpx.delete(client.url, headers={**client.headers, **FORGED}, timeout=30)
            else:
                ended = send(
                    client,
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/cancelled",
                        "params": {"requestId": number},
                    },
                )
            answer = calling.result()

        made = [g for g in two.github.gists("octocat") if g.description == f"race {number}"]
        assert ended.status_code in (200, 202)
        assert answer.status_code in (200, 404)
        assert len(made) <= 1
        if ends_session:
            assert client.touch().status_code == 404
        else:
            result = answer_of(answer.text, number)["result"]
            assert result["isError"] == (made == [])
