"""Clients of others get the result of a call whose connection was lost, by coming back for it.

The SDKs do that by themselves, with the limits that they come with; Reboot's client by hand.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.durability.sdk_call import PROGRAMS, SdkCall
from tests.durability.stage import Stage, stage

# The first run on a machine installs the clients.
pytestmark = pytest.mark.timeout(900)


def killed(built: Stage) -> None:
    """SIGKILL to everything, and a new start."""
    built.server.restart()


def cut(built: Stage) -> None:
    """The network fails for a moment; the server lives."""
    built.network.cut()


LOSSES: list[Callable[[Stage], None]] = [cut, killed]
Lost = dict[tuple[str, str], SdkCall]


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    """A call of each client, all at once, for each way to lose the connection."""
    programs = {name: program() for name, program in PROGRAMS.items()}
    calls: Lost = {}
    with stage(
        tmp_path_factory.mktemp("reconnection"),
        servers=2,
        effect_validation="quiet",
        behind_a_network=True,
    ) as built:
        try:
            for lose in LOSSES:
                called = {name: SdkCall(programs[name], built.player(name)) for name in programs}
                calls |= {(name, lose.__name__): call for name, call in called.items()}
                for call in called.values():
                    call.wait_until_begun()
                lose(built)
                for call in called.values():
                    call.fault.release()
                    call.say_that_the_connection_was_lost()
                # The next loss is none of theirs.
                for call in called.values():
                    call.wait_until_ended()
            yield calls
        finally:
            for call in calls.values():
                call.stop()


@pytest.mark.parametrize("loss", [lose.__name__ for lose in LOSSES])
@pytest.mark.parametrize("client", PROGRAMS)
def test_a_client_gets_the_result_of_a_call_whose_connection_was_lost(
    lost: Lost, client: str, loss: str
) -> None:
    call = lost[client, loss]

    told = call.result()

    assert [told] == [gist.gist_id for gist in call.player.gists()]
