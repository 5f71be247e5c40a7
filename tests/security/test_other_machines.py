"""What another machine reaches of a running application: the public port, and nothing else.

Stock, each server process has three ports on every interface, and so has the state database, which
asks nobody for a credential.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.bare_machine import BareMachine
from tests.support.deployment import Deployment
from tests.support.other_machine import WITHOUT_LO, OtherMachine, other_machine
from tests.support.world import configured

pytestmark = pytest.mark.integration

REFUSE_SECONDS = 60.0
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


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[OtherMachine]:
    with other_machine() as made:
        yield made


@pytest.fixture(scope="module")
def development(
    elsewhere: OtherMachine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """On one's own machine, where the public port is not for others either."""
    app = Deployment(tmp_path_factory.mktemp("development"), servers=SERVERS)
    with configured(app), app:
        yield look(app, elsewhere)


@pytest.fixture(scope="module")
def production(elsewhere: OtherMachine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The service of a bare machine, with its proxy on another one."""
    app = BareMachine(tmp_path_factory.mktemp("production"))
    settings = {
        "PUBLIC_URL": "https://gists.example.com",
        # Nobody signs in here; and whom others reach may not have a GitHub on its own machine.
        "GITHUB_WEB_URL": "https://github.example.com",
        "GITHUB_API_URL": "https://github.example.com/api/v3",
        "THIS_MACHINE_ONLY": "false",
        "RBT_SERVERS": str(SERVERS),
    }
    with configured(app, settings), app:
        yield look(app, elsewhere)


def look(app: Deployment, elsewhere: OtherMachine) -> Seen:
    ports = listening_ports(app)
    return Seen(
        public_port=app.port,
        ports=ports,
        knocked=elsewhere.knock(ports),
        health=elsewhere.get(app.port, "/healthz"),
    )


def listening_ports(app: Deployment) -> set[int]:
    """All TCP ports of all its processes, on whichever address."""
    return {
        connection.laddr.port
        for process in app.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.mark.usefixtures("elsewhere")
def test_where_the_database_cannot_be_closed_the_start_ends_with_one_line(tmp_path: Path) -> None:
    app = BareMachine(tmp_path)
    with configured(app), app.log_path.open("wb") as log:
        exit_code = app.run(log.fileno(), *WITHOUT_LO).wait(REFUSE_SECONDS)

    assert exit_code == 1
    assert "Traceback" not in app.log()
    assert "github-gist-mcp: the state database's port" in app.log()


def assert_that_others_reach_one_port_at_most(seen: Seen) -> None:
    others = {where: said for where, said in seen.knocked.items() if where[1] != seen.public_port}

    assert len(seen.ports) >= AT_LEAST
    assert others == dict.fromkeys(others, "ECONNREFUSED")


def test_in_production_every_port_but_the_public_one_refuses(production: Seen) -> None:
    assert_that_others_reach_one_port_at_most(production)


def test_in_production_the_public_port_answers(production: Seen) -> None:
    assert production.health == "200"


def test_in_development_every_port_but_the_public_one_refuses(development: Seen) -> None:
    assert_that_others_reach_one_port_at_most(development)


def test_in_development_on_ones_own_machine_the_public_port_hangs_up(development: Seen) -> None:
    assert development.health in ("RemoteDisconnected", "ConnectionResetError")
