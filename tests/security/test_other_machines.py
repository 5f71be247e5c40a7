"""What another machine reaches of a running application: the public port, and nothing else.

Stock, each server process has three ports on every interface, and so has the state database, which
asks nobody for a credential.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.support.bare_machine import BareMachine
from tests.support.deployment import Deployment
from tests.support.other_machine import other_machine
from tests.support.world import configured

pytestmark = pytest.mark.integration

SERVERS = 2
# Of each server process gRPC, HTTP and websockets. Then the database, the placement planner, what
# tells Envoy its configuration, Envoy's admin and Envoy itself.
AT_LEAST = 3 * SERVERS + 5


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An application, as it is seen from elsewhere."""

    public_port: int
    ports: set[int]
    knocked: dict[tuple[str, int], str]
    health: str


@pytest.fixture(scope="module", params=["development", "production"])
def seen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Development is that for others (`DEV_PUBLIC`): with a `PUBLIC_URL` on this machine the public
    port is not for another one either. Production is the service of a bare machine."""
    folder = tmp_path_factory.mktemp(request.param)
    with other_machine() as elsewhere:
        host, _ = elsewhere.our_addresses
        if request.param == "development":
            app = Deployment(folder, servers=SERVERS)
            settings = {"PUBLIC_URL": f"http://{host}:{app.port}", "DEV_PUBLIC": "1"}
        else:
            app = BareMachine(folder)
            settings = {"PUBLIC_URL": "https://gists.example.com", "RBT_SERVERS": str(SERVERS)}
        with configured(app, settings), app:
            ports = listening_ports(app)
            yield Seen(
                public_port=app.port,
                ports=ports,
                knocked=elsewhere.knock(ports),
                health=elsewhere.fetch(f"http://{host}:{app.port}/healthz"),
            )


def listening_ports(app: Deployment) -> set[int]:
    """All TCP ports of all its processes, on whichever address."""
    return {
        connection.laddr.port
        for process in app.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def test_every_kind_of_port_was_tried(seen: Seen) -> None:
    assert len(seen.ports) >= AT_LEAST
    assert seen.public_port in seen.ports


def test_the_public_port_answers(seen: Seen) -> None:
    assert '"ok"' in seen.health


def test_every_other_port_refuses(seen: Seen) -> None:
    said = {where: answer for where, answer in seen.knocked.items() if where[1] != seen.public_port}

    assert said == dict.fromkeys(said, "ECONNREFUSED")
