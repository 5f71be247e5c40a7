"""Everything in durable state, as `rbt export` gets it: nothing is compressed there."""

import time
from typing import Any

import grpc
from rbt.v1alpha1.admin import export_import_pb2 as messages
from rbt.v1alpha1.admin.export_import_pb2_grpc import ExportImportStub

from gist_mcp.sessions.calls import ANSWERED_DELAY_SECONDS
from tests.support.waiting import wait_until

TIMEOUT_SECONDS = 60

ADMIN_SECRET = "admin-secret-of-the-security-tests"
"""Development asks nobody for one. Production knows it where the test says so."""

ADMIN = ("authorization", f"Bearer {ADMIN_SECRET}")


def exported_items(port: int) -> list[messages.ExportImportItem]:
    """All states, tasks and remembered mutations of all server processes."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = ExportImportStub(channel)  # type: ignore[no-untyped-call]
        servers = stub.ListServers(
            messages.ListServersRequest(), metadata=[ADMIN], timeout=TIMEOUT_SECONDS
        )
        return [
            item
            for server_id in servers.server_ids
            for item in stub.Export(
                messages.ExportRequest(server_id=server_id),
                metadata=[ADMIN, ("x-reboot-server-id", server_id)],
                timeout=TIMEOUT_SECONDS,
            )
        ]


def unfinished_tasks(port: int) -> list[str]:
    """Methods of the tasks that have not ended: a task that has has a response or an error."""
    return [
        str(task["method"])
        for task in (dict(item.task) for item in exported_items(port) if item.HasField("task"))
        if task.get("status") != "COMPLETED"
    ]


def durable_state(port: int) -> list[bytes]:
    """Every item of durable state, byte by byte."""
    return sorted(item.SerializeToString(deterministic=True) for item in exported_items(port))


def settled_state(port: int) -> list[bytes]:
    """Durable state when the calls before have ended in it too."""
    state = durable_state(port)
    at_rest_since = time.monotonic()

    def is_at_rest() -> bool:
        nonlocal state, at_rest_since
        now = durable_state(port)
        if now != state:
            state, at_rest_since = now, time.monotonic()
        # That a response was sent is recorded a moment later.
        return time.monotonic() - at_rest_since > 2 * ANSWERED_DELAY_SECONDS

    wait_until("durable state to come to rest", is_at_rest, seconds=30)
    return state
