"""Reboot's admin calls: open in development, which is for one's own machine, shut in production."""

import asyncio
from typing import Any

import grpc
import httpx
import pytest
from reboot.aio.secrets import MockSecretSource, SecretNotFoundException
from rebootdev.settings import ADMIN_SECRET_NAME

from gist_mcp.servicers.authorizers import AdminSecretOrNone
from tests.security.state_export import exported_items
from tests.security.world import World
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

ADMIN_CALLS = [
    ("rbt.v1alpha1.admin.ExportImport", "ListServers"),
    ("rbt.v1alpha1.admin.ExportImport", "Export"),
    ("rbt.v1alpha1.admin.ExportImport", "Import"),
    ("rbt.v1alpha1.Tasks", "ListTasks"),
    ("rbt.v1alpha1.Tasks", "ListTasksStream"),
    ("rbt.v1alpha1.Tasks", "CancelTask"),
    ("rbt.v1alpha1.inspect.Inspect", "GetStateTypes"),
    ("rbt.v1alpha1.inspect.Inspect", "GetStateIds"),
    ("rbt.v1alpha1.inspect.Inspect", "GetState"),
]


def status_of(port: int, service: str, method: str, token: str | None) -> str:
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        invoke: Any = channel.stream_stream(f"/{service}/{method}")
        stream = invoke(iter([b""]), metadata=metadata, timeout=10)
        try:
            list(stream)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


@pytest.mark.parametrize("token", [None, "garbage", "gho_" + "x" * 36])
@pytest.mark.parametrize(("service", "method"), ADMIN_CALLS)
def test_production_refuses_admin_calls(
    production: World, service: str, method: str, token: str | None
) -> None:
    refused = {"UNAUTHENTICATED", "PERMISSION_DENIED"}

    assert status_of(production.app.port, service, method, token) in refused


@pytest.mark.parametrize("configured", [None, b"", b" ", b"short"])
def test_without_a_real_admin_secret_there_is_no_admin(configured: bytes | None) -> None:
    known = {} if configured is None else {ADMIN_SECRET_NAME: configured}
    source = AdminSecretOrNone(MockSecretSource(known))

    secret = asyncio.run(source.get(ADMIN_SECRET_NAME))

    assert len(secret) == 64
    assert secret == asyncio.run(source.get(ADMIN_SECRET_NAME))


def test_a_configured_admin_secret_is_the_admins() -> None:
    source = AdminSecretOrNone(MockSecretSource({ADMIN_SECRET_NAME: b"a" * 40}))

    assert asyncio.run(source.get(ADMIN_SECRET_NAME)) == b"a" * 40


def test_other_secrets_are_as_they_were() -> None:
    source = AdminSecretOrNone(MockSecretSource({}))

    with pytest.raises(SecretNotFoundException):
        asyncio.run(source.get("TOKEN_KEYS"))


def test_production_shows_nobody_the_state(production: World) -> None:
    with pytest.raises(grpc.RpcError):
        exported_items(production.app.port)


def test_production_serves(production: World) -> None:
    assert httpx.get(production.app.mcp_url).status_code == 401


def test_development_shows_everybody_the_state(world: World) -> None:
    """Why development is for one's own machine: this needs no credential."""
    assert httpx.get(f"{world.app.url}/oauth/authorize").status_code == 302

    def is_shown() -> bool:
        return exported_items(world.app.port) != []

    # Reboot answers before the state is in the database that the export reads.
    wait_until("the sign-in to be exported", is_shown, seconds=30)
