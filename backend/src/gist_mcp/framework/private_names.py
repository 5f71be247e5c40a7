"""The private names of Reboot and DurableMCP that this project leans on, and the check of them.

A private name is one that their documentation does not show to applications. The next release may
drop it, or keep it and change what it means. So each is in this file twice, and in no other of the
package: in `EXPECTED` with what we expect of it, and among the imports at the end, from where the
other rooms take it. `check` compares `EXPECTED` with what is installed, when this file is imported
and when the application is built. Where something differs the server does not start.

To add a name: a line in `EXPECTED`, and an import with the others. docs/decisions.md says under
"Private names" what to do about a newer Reboot.
"""

# ruff: noqa: E402 - the names are compared before they are imported

from typing import Final

from gist_mcp.framework.expectations import (
    Answers,
    Exists,
    HasBody,
    HasFields,
    Is,
    IsSameAs,
    Sets,
    Takes,
    check_all,
)
from gist_mcp.logs.printing import REBOOT

STOCK_NUMBER_OF_SHARDS: Final = 2**14
OWN_NUMBER_OF_SHARDS: Final = 64
NUMBERS_OF_SHARDS: Final = (OWN_NUMBER_OF_SHARDS, STOCK_NUMBER_OF_SHARDS)
"""What a state can have; see `framework/shards.py`."""

LISTENED_ON: Final = ("0.0.0.0", "127.0.0.1")  # noqa: S104 - the first is Reboot's.
"""The address of a server process's ports, before and after `framework/internal_ports.py`."""

DATABASE_FOLDER: Final = "p000000"
"""In the folder of a state, as Reboot names it."""

EXPECTED: Final[tuple[Exists, ...]] = (
    # `framework/shards.py`: how many shards the state of an application has.
    Is("reboot.controller.shards:NUM_SHARDS", *NUMBERS_OF_SHARDS),
    Takes("reboot.controller.shards:make_shard_infos", ""),
    HasBody("reboot.controller.shards:_shard_first_keys", "8d225ea5e24bfc47"),
    IsSameAs(
        "reboot.controller.plan_makers:make_shard_infos",
        "reboot.controller.shards:make_shard_infos",
    ),
    IsSameAs("reboot.aio.reboot:make_shard_infos", "reboot.controller.shards:make_shard_infos"),
    # It makes the database, with these shards, in the folder of this name.
    HasBody("reboot.aio.reboot:Reboot.__init__", "1687ab6d8d584eec"),
    Is("rebootdev.settings:ENVVAR_RBT_STATE_DIRECTORY", "RBT_STATE_DIRECTORY"),
    Is("rebootdev.settings:ENVVAR_REBOOT_CLOUD_DATABASE_ADDRESS", "REBOOT_CLOUD_DATABASE_ADDRESS"),
    # `main.py`: how it ends where the state of another version cannot be read.
    Is("rebootdev.settings:RBT_APPLICATION_EXIT_CODE_BACKWARDS_INCOMPATIBILITY", 13),
    # `framework/reshard.py`: what is in a database, and how it is read and written.
    Takes("rebootdev.server.database:DatabaseServer", "state_directory, server_info, port"),
    Takes("rebootdev.server.database:DatabaseServer.shutdown_and_wait", "self"),
    Takes("rebootdev.server.database:DatabaseClient", "target"),
    Takes("rebootdev.server.database:DatabaseClient._get_database_stub", "self"),
    Takes("rebootdev.server.database:DatabaseClient.export", "self, state_type, shard_ids"),
    HasBody("rebootdev.server.database:DatabaseClient.store", "f758f3a5026c8e6c"),
    Takes("rebootdev.server.database:DatabaseClient.get_application_metadata", "self"),
    Takes("rebootdev.server.database:DatabaseClient.store_application_metadata", "self, metadata"),
    HasFields("rbt.v1alpha1.database_pb2:ServerInfo", "shard_infos"),
    HasFields("rbt.v1alpha1.database_pb2:ExportItem", "actor", "task", "idempotent_mutation"),
    HasFields("rbt.v1alpha1.database_pb2:Actor", "state_type", "state_ref", "state"),
    HasFields("rbt.v1alpha1.database_pb2:RecoverRequest", "state_tags_by_state_type", "shard_ids"),
    HasFields(
        "rbt.v1alpha1.database_pb2:RecoverResponse",
        "pending_tasks",
        "participant_transactions",
        "prepared_transaction_coordinators",
        "idempotent_mutations",
    ),
    # `framework/placement.py`: which server process owns a state.
    HasBody("rebootdev.aio.placement:PlanOnlyPlacementClient.shard_for_actor", "46804585f015f458"),
    HasBody("rebootdev.aio.placement:PlanOnlyPlacementClient._handle_plan", "03f51d3fe86e7867"),
    HasBody("rebootdev.aio.resolvers:DirectResolver.resolve_actor", "0fb0ac9dfe7c4a5a"),
    HasBody(
        "rebootdev.aio.resolvers:DirectResolver.application_id_by_state_type_tag",
        "d15eaa5d5fdd7b73",
    ),
    Sets(
        "rebootdev.aio.placement:PlanOnlyPlacementClient",
        ("_shard_list_by_application", "_state_types_by_application"),
    ),
    Exists("rebootdev.aio.placement:UnknownApplicationError"),
    Sets("rebootdev.aio.resolvers:DirectResolver", ("_placement_client",)),
    Takes(
        "rebootdev.aio.placement:PlacementClient.server_for_actor",
        "self, application_id, state_ref",
    ),
    Takes(
        "rebootdev.aio.placement:PlacementClient.address_for_actor",
        "self, application_id, state_ref",
    ),
    # How a server process tells each of its servicers who it is.
    HasBody("reboot.aio.servers:ServiceServer.__init__", "f55bf86472bbfdb1"),
    Sets(
        "rebootdev.aio.state_managers:SidecarStateManager",
        ("_database_client", "_states", "_shards"),
    ),
    # The name of a state, also for Envoy, which routes by it.
    Takes("rebootdev.aio.types:StateRef", "ref"),
    Takes("rebootdev.aio.types:StateRef.from_id", "state_type, state_id"),
    Takes("rebootdev.aio.types:StateRef.to_str", "self"),
    HasBody("rebootdev.aio.types:StateRef.components", "8ff019fb57e9a6b8"),
    Answers(
        "rebootdev.aio.types:state_type_tag_for_name", "gist_state.v1.McpSession", "AH130aY98ztLRw"
    ),
    Is("rebootdev.aio.headers:STATE_REF_HEADER", "x-reboot-state-ref"),
    # The name of a server process, to Envoy.
    Is("rebootdev.aio.headers:SERVER_ID_HEADER", "x-reboot-server-id"),
    # `framework/records.py`: what a server keeps in memory, and in the database.
    Sets(
        "rebootdev.aio.state_managers:SidecarStateManager",
        ("_loads", "_mutator_locks", "_participant_transactions", "_streaming_readers"),
    ),
    HasBody("rebootdev.aio.state_managers:SidecarStateManager._load", "d23d28bfc7bcda93"),
    HasBody("rebootdev.aio.state_managers:SidecarStateManager._store", "68703439404d447e"),
    HasBody("rebootdev.aio.state_managers:SidecarStateManager.writer", "a0c76b2ef9ac28a0"),
    HasBody("rebootdev.aio.state_managers:SidecarStateManager.complete_task", "0031cfcd35f383cc"),
    HasBody(
        "rebootdev.aio.state_managers:SidecarStateManager.streaming_reader_idempotency_key",
        "0a21ec96e897e631",
    ),
    Sets("rebootdev.aio.internals.tasks_cache:TasksCache", ("_cache",)),
    HasBody("rebootdev.server.database:DatabaseClient.find", "47108b4ea7dbc327"),
    Takes(
        "rebootdev.server.database:DatabaseClient.load_actor_state", "self, state_type, state_ref"
    ),
    HasFields("rbt.v1alpha1.database_pb2:LoadRequest", "actors", "task_ids"),
    HasFields("rbt.v1alpha1.database_pb2:LoadResponse", "actors", "tasks"),
    HasFields("rbt.v1alpha1.database_pb2:ColocatedUpsert", "state_type", "key", "value"),
    HasFields(
        "rbt.v1alpha1.database_pb2:Task",
        "task_id",
        "method",
        "status",
        "request",
        "timestamp",
        "response",
        "error",
        "iteration",
    ),
    Takes("rebootdev.aio.internals.contextvars:use_application_id", "application_id"),
    # `framework/ended_tasks.py`: what is kept of a task, and who reads it.
    HasBody("rebootdev.aio.internals.tasks_cache:TasksCache.put_pending_task", "9efe58f192b43b95"),
    HasBody("rebootdev.aio.internals.tasks_cache:TasksCache.put_with_response", "8553b1b9b065b820"),
    HasBody(
        "rebootdev.aio.internals.tasks_dispatcher:TasksDispatcher.dispatch", "36dce52878b6f294"
    ),
    HasBody("reboot.aio.internals.tasks_servicer:TasksServicer.Wait", "27c16c132eb7fb2e"),
    # `framework/imported_tasks.py`: what an import does with a task.
    HasBody("rebootdev.aio.state_managers:SidecarStateManager.import_task", "c24c7bdbe0e11a07"),
    Takes(
        "rebootdev.aio.state_managers:SidecarStateManager._get_task_effect_from_sidecar_task",
        "self, middleware, task",
    ),
    Sets("rebootdev.aio.internals.tasks_dispatcher:TasksDispatcher", ("_tasks_cache",)),
    # `framework/task_waits.py`: what a wait for a workflow does to it.
    HasBody("rebootdev.aio.internals.tasks_cache:TasksCache.get", "3aceffe327703a35"),
    # `servicers/unlogged_call.py`: a call without an idempotency key.
    Takes(
        "rebootdev.aio.headers:Headers",
        "*, application_id, state_ref, workflow_id, transaction_ids, "
        "transaction_coordinator_state_type, transaction_coordinator_state_ref, idempotency_key, "
        "bearer_token, task_schedule, server_id, cookie, forwarded_client_cert, "
        "app_internal_authorization, traceparent, tracestate",
    ),
    Takes("rebootdev.aio.headers:Headers.to_grpc_metadata", "self"),
    Takes("rebootdev.aio.internals.contextvars:get_application_id", ""),
    Takes(
        "rebootdev.aio.internals.channel_manager:_ChannelManager.get_channel_to_state",
        "self, state_type_name, state_ref, unresolvable_state_log_level",
    ),
    # `tools/run_tool.py` and `calls/tool_errors.py`: a tool runs with DurableMCP's context.
    HasBody("reboot.mcp.server:_wrap_tool", "661ba1235f020867"),
    Exists("reboot.mcp.servicers.session:_context"),
    # `sessions/durable_mcp.py`: the SDK's server that DurableMCP makes.
    HasBody("reboot.mcp.server:_streamable_http_app", "753fcd0c93fa7496"),
    Exists("reboot.mcp.servicers.session:_servers"),
    # `tools/call_workflow.py`: whether Reboot runs a workflow twice.
    Sets("rebootdev.aio.contexts:Context", ("_effect_validation",)),
    HasBody("rebootdev.aio.tasks:TaskEffect.__init__", "349ec68defaa54fc"),
    # `sessions/earlier_release.py`: calls that an earlier release gave to DurableMCP.
    HasFields(
        "rbt.mcp.v1.session_pb2:HandleMessageRequest", "path", "message_bytes", "access_token"
    ),
    Takes("reboot.mcp.servicers.session:SessionServicer.HandleMessage", "self, context, request"),
    Takes("reboot.mcp.servicers.session:SessionServicer.Run", "self, context, request"),
    Exists("reboot.mcp.servicers.stream:StreamServicer"),
    Takes("reboot.mcp.event_store:qualified_stream_id", "*, session_id, request_id"),
    Takes("reboot.mcp.event_store:replace_whole_floats_with_ints", "d"),
    # `servicers/authorizers.py`: who is an admin.
    Is("rebootdev.settings:ADMIN_SECRET_NAME", "rbt-admin-secret"),
    Is("reboot.controller.settings:ENVVAR_REBOOT_ADMIN_AUTH_URL", "REBOOT_ADMIN_AUTH_URL"),
    HasBody("reboot.aio.auth.admin_auth:AdminAuthMixin", "6b2819f2efb4ca9e"),
    IsSameAs(
        "reboot.aio.auth.admin_auth:running_rbt_dev",
        "rebootdev.run_environments:running_rbt_dev",
    ),
    Takes("reboot.aio.secrets:Secrets.set_secret_source", "secret_source"),
    Exists("reboot.aio.secrets:Secrets.secret_source"),
    Takes("reboot.aio.secrets:SecretSource.get", "self, secret_name"),
    Takes("rebootdev.aio.auth:Auth", "*, user_id, properties"),
    Takes("rebootdev.aio.auth.token_verifiers:TokenVerifier.verify_token", "self, context, token"),
    # `reboot_gateway.py`: Reboot's Envoy, and its web application around our front door.
    Takes(
        "reboot.routing.envoy_config:listener",
        "application_id, servers, file_descriptor_set, port, use_tls, certificate_path, key_path",
    ),
    Takes("reboot.routing.envoy_config:clusters", "application_id, servers"),
    IsSameAs("reboot.server.local_envoy:envoy_config", "reboot.routing:envoy_config"),
    IsSameAs("reboot.aio.http:FastAPI", "fastapi:FastAPI"),
    Is("rebootdev.settings:ENVVAR_LOCAL_ENVOY_MODE", "REBOOT_LOCAL_ENVOY_MODE"),
    # `framework/state_tracers.py`: which tracer makes the spans of a state.
    HasBody("rebootdev.aio.tracing:_get_tracer", "1c4d0552530ad1d0"),
    HasBody("rebootdev.aio.tracing:span", "043804a9c4c80b04"),
    # `main.py`: what is done before a SIGTERM ends the process.
    Takes("rebootdev.aio.signals:install_cleanup", "signums, handler"),
    # `logs/printing.py`: whose lines are put into our form.
    Answers("log.log:get_logger", "x", f"{REBOOT}.x", lambda logger: logger.name),
    # `framework/internal_ports.py`: who listens where.
    Is("reboot.controller.server_managers:EVERY_LOCAL_NETWORK_ADDRESS", *LISTENED_ON),
    Is("reboot.aio.react:EVERY_LOCAL_NETWORK_ADDRESS", *LISTENED_ON),
    HasBody("reboot.aio.react:ReactServicer.start", "c7002bc16c21bcd1"),
    IsSameAs("reboot.aio.http:uvicorn.Config", "uvicorn:Config"),
    HasBody("reboot.aio.http:PythonWebFramework.start", "eef6a31301b1b6c9"),
    HasBody("rebootdev.server.database:DatabaseServer.__init__", "b62e429c9a9d3199"),
    Exists("rebootdev.server.database:DatabaseServer.address"),
    IsSameAs("reboot.aio.reboot:DatabaseServer", "rebootdev.server.database:DatabaseServer"),
    # These two have always been on 127.0.0.1.
    HasBody("reboot.controller.placement_planner:PlacementPlanner.start", "8ac90d2d1a0da8be"),
    HasBody("reboot.server.executable_local_envoy:ExecutableLocalEnvoy", "473358b6958adb95"),
    Takes("rebootdev.run_environments:on_cloud", ""),
    # `scripts/dev.py`, which does not need the rest of this file: lines that `rbt` prints.
    Exists("reboot.cli.monkeys:monkeys"),
    Exists("reboot.cli.monkeys:no_chaos_monkeys"),
)
"""What we expect, by the file that leans on it."""


def check() -> None:
    """Raises `FrameworkChanged` if something differs from `EXPECTED`."""
    check_all(EXPECTED)


# A name that is gone is told by `FrameworkChanged`, and not by an `ImportError` of the lines below.
check()

import reboot.aio.auth.admin_auth as admin_auth
import reboot.aio.http as web_framework
from reboot.aio import react
from reboot.controller import server_managers, shards
from reboot.controller.settings import ENVVAR_REBOOT_ADMIN_AUTH_URL
from reboot.mcp.event_store import qualified_stream_id, replace_whole_floats_with_ints
from reboot.mcp.server import _wrap_tool as wrap_tool
from reboot.mcp.servicers.session import SessionServicer
from reboot.mcp.servicers.session import _context as durable_context
from reboot.mcp.servicers.session import _servers as sdk_servers
from reboot.mcp.servicers.stream import StreamServicer
from reboot.routing import envoy_config
from reboot.server import local_envoy
from rebootdev.aio import tracing
from rebootdev.aio.auth import Auth
from rebootdev.aio.auth.token_verifiers import TokenVerifier
from rebootdev.aio.contexts import EffectValidation
from rebootdev.aio.headers import SERVER_ID_HEADER, STATE_REF_HEADER, Headers
from rebootdev.aio.internals.contextvars import get_application_id, use_application_id
from rebootdev.aio.internals.tasks_cache import TasksCache
from rebootdev.aio.placement import (
    PlacementClient,
    PlanOnlyPlacementClient,
    UnknownApplicationError,
)
from rebootdev.aio.resolvers import DirectResolver
from rebootdev.aio.signals import install_cleanup
from rebootdev.aio.state_managers import SidecarStateManager
from rebootdev.aio.tasks import TaskEffect
from rebootdev.aio.types import (
    ApplicationId,
    RoutableAddress,
    ServerId,
    ShardId,
    StateRef,
    StateTypeName,
    StateTypeTag,
    state_type_tag_for_name,
)
from rebootdev.run_environments import on_cloud
from rebootdev.server.database import DatabaseClient, DatabaseServer
from rebootdev.settings import (
    ADMIN_SECRET_NAME,
    ENVVAR_LOCAL_ENVOY_MODE,
    ENVVAR_RBT_STATE_DIRECTORY,
    ENVVAR_REBOOT_CLOUD_DATABASE_ADDRESS,
    RBT_APPLICATION_EXIT_CODE_BACKWARDS_INCOMPATIBILITY,
)

from rbt.v1alpha1 import database_pb2

__all__ = [
    "ADMIN_SECRET_NAME",
    "ENVVAR_LOCAL_ENVOY_MODE",
    "ENVVAR_RBT_STATE_DIRECTORY",
    "ENVVAR_REBOOT_ADMIN_AUTH_URL",
    "ENVVAR_REBOOT_CLOUD_DATABASE_ADDRESS",
    "RBT_APPLICATION_EXIT_CODE_BACKWARDS_INCOMPATIBILITY",
    "SERVER_ID_HEADER",
    "STATE_REF_HEADER",
    "ApplicationId",
    "Auth",
    "DatabaseClient",
    "DatabaseServer",
    "DirectResolver",
    "EffectValidation",
    "Headers",
    "PlacementClient",
    "PlanOnlyPlacementClient",
    "RoutableAddress",
    "ServerId",
    "SessionServicer",
    "ShardId",
    "SidecarStateManager",
    "StateRef",
    "StateTypeName",
    "StateTypeTag",
    "StreamServicer",
    "TaskEffect",
    "TasksCache",
    "TokenVerifier",
    "UnknownApplicationError",
    "admin_auth",
    "check",
    "database_pb2",
    "durable_context",
    "envoy_config",
    "get_application_id",
    "install_cleanup",
    "local_envoy",
    "on_cloud",
    "qualified_stream_id",
    "react",
    "replace_whole_floats_with_ints",
    "sdk_servers",
    "server_managers",
    "shards",
    "state_type_tag_for_name",
    "tracing",
    "use_application_id",
    "web_framework",
    "wrap_tool",
]
