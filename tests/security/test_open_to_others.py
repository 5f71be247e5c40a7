"""Where others can reach the server, in production and in development: nothing of Reboot's own
answers anybody, but the calls of production's admins, who need a secret.

Under `rbt dev run` Reboot asks nobody for a credential before it exports and imports all state,
lists and cancels tasks, and shows its inspector. Whoever may connect to Envoy could do that, and
whoever on this machine reaches the internal ports of the server processes. In production everybody
gets the inspector's pages, and streams that never end.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import astuple

import httpx
import psutil
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from reboot.aio.servers import ServiceServer

from tests.security import rpc
from tests.security.mcp_client import McpUser
from tests.security.raw_http import exchange, lines, status_of
from tests.security.rpc import Call, HttpWay
from tests.security.served import served_methods
from tests.security.world import World, running_world
from tests.support.deployment import Deployment
from tests.support.ports import free_port

pytestmark = pytest.mark.integration

SESSION_TYPE = "rbt.mcp.v1.Session"
EXPORT_IMPORT = "rbt.v1alpha1.admin.ExportImport"
AMONG_SERVERS = ("rbt.v1alpha1.Tasks", "Wait")
BY_GRPC_ONLY = [
    ("rbt.v1alpha1.Participant", "Prepare"),
    ("rbt.v1alpha1.Coordinator", "Watch"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
    # A service that a later release may bring.
    ("rbt.v2.admin.ExportImport", "Export"),
]


def reboots_services() -> Iterator[ServiceDescriptor]:
    """Every service that Reboot serves in each of its servers, beside those of the state types."""
    for routable in ServiceServer.ROUTABLES:
        yield from routable.file_descriptor().services_by_name.values()


METHODS = sorted(
    {
        *(
            (service.full_name, method.name)
            for service in reboots_services()
            for method in service.methods
        ),
        *((each.service, each.method) for each in served_methods()),
        *BY_GRPC_ONLY,
    }
)
ADMINS_SERVICES = ("rbt.v1alpha1.admin.ExportImport", "rbt.v1alpha1.Tasks")
"""What an operator's `rbt` calls in production."""

NOT_OFFERED_AS_JSON = {
    *BY_GRPC_ONLY,
    ("rbt.v1alpha1.inspect.Inspect", "WebDashboard"),
    ("rbt.v1alpha1.rootpage.RootPage", "RootPage"),
}


@pytest.fixture(scope="module")
def public_development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`rbt dev run` with `DEV_PUBLIC`. The address is this machine's all the same, but none of the
    names by which only this machine reaches itself."""
    port = free_port()
    settings = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.2:{port}", "DEV_PUBLIC": "1"}
    folder = tmp_path_factory.mktemp("public")
    with running_world(folder, settings, port=port, servers=4) as running:
        yield running


@pytest.fixture(scope="module", params=["public_development", "production"])
def world(request: pytest.FixtureRequest) -> World:
    named: World = request.getfixturevalue(request.param)
    return named


def address_of(world: World) -> str:
    return world.app.settings.get("PUBLIC_URL", world.app.url)


def methods_for_nobody(world: World) -> list[tuple[str, str]]:
    """Of those that Reboot serves, the ones that have no use from outside."""
    if not world.is_production:
        return METHODS
    return [each for each in METHODS if each[0] not in ADMINS_SERVICES or each == AMONG_SERVERS]


def origins(world: World) -> list[dict[str, str]]:
    """None, our own ones, and somebody else's."""
    own = [address_of(world), world.app.url]
    return [{}, *({"origin": each} for each in [*own, "https://evil.example"])]


def test_the_services_of_reboot_are_known() -> None:
    services = {service for service, _ in METHODS}

    assert {EXPORT_IMPORT, "rbt.v1alpha1.Tasks", "rbt.v1alpha1.inspect.Inspect"} <= services
    assert {"rbt.v1alpha1.React", SESSION_TYPE + "Methods"} <= services


def test_the_walk_finds_every_kind_of_state() -> None:
    assert {service.rpartition(".")[2] for service, _ in METHODS} >= {
        "SessionMethods",
        "StreamMethods",
        "SortedMapMethods",
        "MemoizeMethods",
        "McpSessionMethods",
        "SignInsMethods",
        "GistLedgerMethods",
    }


def test_no_method_of_any_service_answers_by_grpc(world: World) -> None:
    methods = methods_for_nobody(world)

    said = {
        (service, method, rpc.by_grpc(world.app.port, call).status)
        for headers in origins(world)
        for service, method in methods
        for call in [Call(service, method, SESSION_TYPE, headers=headers)]
    }

    assert said == {(*each, "PERMISSION_DENIED") for each in methods}


@pytest.mark.parametrize("way", [rpc.by_transcoding, rpc.by_mangled_path])
def test_no_method_of_any_service_answers_json(world: World, way: HttpWay) -> None:
    # What Reboot's Envoy offers as JSON at this path; the others have paths of their own, or none.
    methods = methods_for_nobody(world)
    offered = [each for each in methods if each not in NOT_OFFERED_AS_JSON]

    said = {
        (service, method, *astuple(way(world.app.port, call)))
        for headers in origins(world)
        for service, method in offered
        for call in [Call(service, method, SESSION_TYPE, headers=headers)]
    }

    assert said == {(*each, "403", b"Not from outside.\n") for each in offered}


@pytest.mark.parametrize("path", ["/__/inspect", "/__/inspect/", "/__/inspect/index.html"])
def test_there_is_no_inspector(world: World, path: str) -> None:
    for headers in origins(world):
        answer = httpx.get(f"{world.app.url}{path}", headers=headers, timeout=10)

        assert (answer.status_code, answer.text) == (403, "Not from outside.\n")


@pytest.mark.parametrize("kind", ["Query", "Mutate"])
def test_no_websocket_is_opened(world: World, kind: str) -> None:
    for headers in origins(world):
        answer = exchange(
            world.app.port,
            lines(
                f"GET /__/reboot/rpc/{SESSION_TYPE}%3Ax/rbt.v1alpha1.React/{kind} HTTP/1.1",
                f"Host: localhost:{world.app.port}",
                *(f"{name}: {value}" for name, value in headers.items()),
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ),
        )

        assert status_of(answer) == 403


def listening_ports(app: Deployment) -> set[int]:
    """The ports of the application and of its server processes, internal ones too."""
    ports = set()
    for process in app.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections("tcp")
            ports |= {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}
    return ports


def who_answers(port: int) -> dict[str, str]:
    """What a port says to the admin calls of a stranger who speaks gRPC to it."""
    calls = [(EXPORT_IMPORT, "ListServers"), ("rbt.v1alpha1.Tasks", "ListTasks")]
    return {
        method: rpc.by_grpc(port, Call(service, method, SESSION_TYPE)).status
        for service, method in calls
    }


def test_the_internal_ports_ask_admins_for_a_secret(world: World) -> None:
    answers = {port: who_answers(port) for port in listening_ports(world.app)}

    refused = [port for port, said in answers.items() if "UNAUTHENTICATED" in said.values()]
    assert len(refused) >= 2, answers  # Both server processes were asked.
    assert [port for port, said in answers.items() if "OK" in said.values()] == []


def test_the_internal_ports_answer_no_method_of_a_state(world: World) -> None:
    """Where no Envoy of ours is in front, as on Reboot Cloud, that alone keeps strangers out."""
    served = served_methods()
    internal = listening_ports(world.app) - {world.app.port}
    ports = [port for port in internal if "UNAUTHENTICATED" in who_answers(port).values()]

    said = {
        str(each): {rpc.by_grpc(port, call).status for port in ports}
        for each in served
        for request in [each.request.SerializeToString()]
        for call in [Call(each.service, each.method, each.state_type, request=request)]
    }

    # A process that has not the state sends its caller to another.
    told = {name: statuses - {"UNAVAILABLE"} for name, statuses in said.items()}
    # Reboot refuses to call a workflow directly before it asks who is calling.
    assert told == {
        str(each): {"UNKNOWN" if each.is_workflow else "PERMISSION_DENIED"} for each in served
    }


def test_people_are_served_as_ever(world: World) -> None:
    address = address_of(world)

    sign_in = httpx.get(f"{address}/oauth/authorize")
    user = McpUser.connect(f"{address}/mcp", world.token())
    profile = user.call("get_my_profile")

    assert sign_in.status_code == 302
    assert "octocat" in str(profile)
