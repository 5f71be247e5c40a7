"""Which server process owns a state: told quickly to Reboot, and to the rest of this package.

Reboot asks this at every call. Stock, it goes through all shards one after the other, and makes a
table of all state types first. Here the shards, which are sorted, are searched by bisection, and
the table is made once for each placement plan. The answers are the same.
"""

import asyncio
import bisect
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from gist_mcp.framework.expectations import original, replaces
from gist_mcp.framework.private_names import (
    ApplicationId,
    DatabaseClient,
    DirectResolver,
    PlacementClient,
    PlanOnlyPlacementClient,
    ServerId,
    ShardId,
    SidecarStateManager,
    StateRef,
    StateTypeName,
    StateTypeTag,
    TasksCache,
    UnknownApplicationError,
)

_stock_shard: Final = original(PlanOnlyPlacementClient.shard_for_actor)
_stock_table: Final = original(DirectResolver.application_id_by_state_type_tag)


def place_quickly() -> None:
    """From now on Reboot places states in this process as this file does. May be called again."""
    PlanOnlyPlacementClient.shard_for_actor = shard_for_actor  # type: ignore[method-assign]
    DirectResolver.application_id_by_state_type_tag = application_ids_by_tag  # type: ignore[method-assign]


@replaces(_stock_shard)
def shard_for_actor(
    self: PlanOnlyPlacementClient, application_id: ApplicationId, state_ref: StateRef
) -> ShardId:
    """The shard that a state is in. Raises Reboot's `UnknownApplicationError`."""
    shards = self._shard_list_by_application.get(application_id)
    if not shards:
        unknown: ShardId = _stock_shard(self, application_id, state_ref)
        return unknown
    # What lies within another state is in its shard: only the outermost part of the name counts.
    outermost = state_ref.ref.partition("/")[0]
    # Not for secrecy: Reboot and its Envoy place states by this digest.
    digest = hashlib.sha1(outermost.encode(), usedforsecurity=False).digest()
    first_keys = _first_keys(self, application_id, shards)
    return shards[bisect.bisect_right(first_keys, digest) - 1].shard_id


def _first_keys(
    client: PlanOnlyPlacementClient, application_id: ApplicationId, shards: list[Any]
) -> list[bytes]:
    cache: dict[ApplicationId, tuple[list[Any], list[bytes]]] = vars(client).setdefault(
        "_gist_mcp_first_keys", {}
    )
    known = cache.get(application_id)
    # Each placement plan brings a list of its own.
    if known is None or known[0] is not shards:
        known = cache[application_id] = (shards, [each.first_key for each in shards])
    return known[1]


@replaces(_stock_table)
def application_ids_by_tag(self: DirectResolver) -> dict[StateTypeTag, ApplicationId]:
    """The application of each state type, by the type's tag."""
    # Each placement plan brings a dictionary of its own. Other clients than Reboot's usual one
    # have none, and are asked each time.
    plan = getattr(self._placement_client, "_state_types_by_application", None)
    known = vars(self).get("_gist_mcp_table")
    if plan is None or known is None or known[0] is not plan:
        known = (plan, _stock_table(self))
        vars(self)["_gist_mcp_table"] = known
    made: dict[StateTypeTag, ApplicationId] = known[1]
    return made


@dataclass(frozen=True)
class ServerHere:
    """A server of Reboot's that runs in this process."""

    application_id: ApplicationId
    server_id: ServerId
    placement_client: PlacementClient
    state_manager: SidecarStateManager
    loop: asyncio.AbstractEventLoop
    channel_manager: Any
    tasks_cache: TasksCache

    def owns(self, state_ref: StateRef) -> bool:
        """True if this server answers the calls to a state, as far as it knows yet."""
        return self._owner(state_ref) == self.server_id

    def reaches(self, state_ref: StateRef) -> bool:
        """True if a call to a state finds its way from this server, to whichever owns it."""
        return self._owner(state_ref) is not None

    def _owner(self, state_ref: StateRef) -> ServerId | None:
        try:
            return self.placement_client.server_for_actor(self.application_id, state_ref)
        except UnknownApplicationError:
            # The first placement plan is on its way. Requests may come before it.
            return None

    @property
    def database_client(self) -> DatabaseClient:
        """Reads and writes the application's database."""
        client: DatabaseClient = self.state_manager._database_client
        return client


_here: dict[ServerId, ServerHere] = {}
"""One in production. Tests run all servers of an application in one process."""


class NotesItsServer:
    """For one servicer of the application, before Reboot's class: notes which server it is part of.

    Reboot starts its server processes itself and tells who they are to nobody but the servicers.
    """

    def create_middleware(self, **arguments: Any) -> Any:
        """As Reboot's generated code has it."""
        loop = asyncio.get_running_loop()
        for server_id in [each for each, server in _here.items() if server.loop.is_closed()]:
            del _here[server_id]
        _here[arguments["server_id"]] = ServerHere(
            application_id=arguments["application_id"],
            server_id=arguments["server_id"],
            placement_client=arguments["placement_client"],
            state_manager=arguments["state_manager"],
            loop=loop,
            channel_manager=arguments["channel_manager"],
            tasks_cache=arguments["tasks_cache"],
        )
        return super().create_middleware(**arguments)  # type: ignore[misc]


def server_of(state_type_name: str, state_id: str) -> ServerHere | None:
    """The server in this process that owns a state, or `None` if another process does.

    A process that starts owns nothing before it has noted its server and has its first placement
    plan. The answer may be old while Reboot moves states, as when a server is added.
    """
    state_ref = StateRef.from_id(StateTypeName(state_type_name), state_id)
    return next((server for server in _here.values() if server.owns(state_ref)), None)


def shard_of(state_type_name: str, state_id: str) -> ShardId | None:
    """The shard of a state, whoever owns it. `None` before this process has a placement plan.

    States of one shard are always owned by one process.
    """
    state_ref = StateRef.from_id(StateTypeName(state_type_name), state_id)
    for server in _here.values():
        try:
            shard: ShardId = server.placement_client.shard_for_actor(
                server.application_id, state_ref
            )
        except UnknownApplicationError:
            continue
        return shard
    return None


def server_that_reaches(state_type_name: str, state_id: str) -> ServerHere | None:
    """A server in this process that can call a state, or `None` while this process is starting."""
    state_ref = StateRef.from_id(StateTypeName(state_type_name), state_id)
    return next((server for server in _here.values() if server.reaches(state_ref)), None)


def servers_here() -> list[ServerHere]:
    """The servers of this process that have been noted so far."""
    return list(_here.values())


def owns(state_type_name: str, state_id: str) -> bool:
    """True if this process owns a state, so that a call to it does not leave the process."""
    return server_of(state_type_name, state_id) is not None
