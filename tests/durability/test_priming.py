"""A call can be taken up as soon as its stream has begun: the first event carries an id.

Since MCP 2025-11-25 that event has no data (a priming event); to clients of older versions, for
which that would be an error, it is a log message.
"""

from collections.abc import Iterator

import pytest
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS

from tests.durability.cells import gist_id, one_gist
from tests.durability.sdk_call import PROGRAMS, SdkCall
from tests.durability.stage import Player, Stage, stage
from tests.support.github_simulator import FaultPoint
from tests.support.mcp_client import McpClient, RunningCall

PRIMED = "2025-11-25"
OLDER = ("2024-11-05", "2025-03-26", "2025-06-18")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(
        tmp_path_factory.mktemp("priming"),
        servers=2,
        effect_validation="quiet",
        behind_a_network=True,
    ) as running:
        yield running


def begun(player: Player, protocol_version: str = PRIMED) -> tuple[RunningCall, FaultPoint]:
    """A call whose first event is all that its client has got; GitHub keeps the answer back."""
    url = player.stage.server.mcp_url
    client = McpClient(url, player.token, protocol_version=protocol_version).open()
    sending = player.fault("hang_after")
    call = player.create(client=client)
    call.wait_for_event()
    sending.wait_until_held()
    assert len(call.events) == 1
    return call, sending


def test_every_version_is_known_here() -> None:
    assert sorted([*OLDER, PRIMED]) == sorted(SUPPORTED_PROTOCOL_VERSIONS)


def test_a_client_that_knows_them_gets_a_priming_event(built: Stage) -> None:
    call, sending = begun(built.player("primed"))
    sending.release()
    call.wait()

    first, last = call.messages

    assert first is None
    assert last is not None
    assert last["id"] == call.request_id


@pytest.mark.parametrize("version", OLDER)
def test_a_client_of_an_older_version_gets_a_log_message(built: Stage, version: str) -> None:
    call, sending = begun(built.player(version), version)
    sending.release()
    call.wait()

    first, _ = call.messages

    assert first is not None
    assert first["method"] == "notifications/message"


def test_a_call_lost_after_its_priming_event_is_taken_up(built: Stage) -> None:
    player = built.player("cut")
    call, sending = begun(player)
    call.cut()
    sending.release()

    result = call.resume().wait()

    # The replay has the response and nothing else, and ends with it.
    _, *replayed = call.messages
    assert [message and message["id"] for message in replayed] == [call.request_id]
    assert [gist_id(result)] == [gist.gist_id for gist in player.gists()]


def test_a_call_killed_after_its_priming_event_is_taken_up_as_often_as_its_client_comes(
    built: Stage,
) -> None:
    player = built.player("killed")
    call, sending = begun(player)
    built.server.restart()
    call.wait_until_broken()
    sending.release()

    first = call.resume().wait()
    again = RunningCall(call.client, call.request_id)
    again.last_event_id = call.events[0]
    second = again.resume().wait()

    assert first == second
    one_gist(player, again)


def test_the_sdk_takes_up_a_call_that_was_cut_after_its_priming_event(built: Stage) -> None:
    """The Python SDK that the application uses; `test_reconnection.py` has others, and kills."""
    player = built.player("python-sdk")
    call = SdkCall(PROGRAMS["python-sdk-1.30"](), player)
    try:
        call.wait_until_begun()
        built.network.cut()
        call.fault.release()
        call.wait_until_ended()

        told = call.result()
    finally:
        call.stop()

    assert "LOG MESSAGE" not in call.printed
    assert [told] == [gist.gist_id for gist in player.gists()]
