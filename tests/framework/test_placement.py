"""States are placed as Reboot places them, and a server process knows which are its own."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rebootdev.aio.placement import PlanOnlyPlacementClient, UnknownApplicationError
from rebootdev.aio.resolvers import DirectResolver
from rebootdev.aio.types import ApplicationId, StateRef, StateTypeName

from gist_mcp.framework import placement
from gist_mcp.framework.expectations import original
from gist_mcp.framework.placement import ServerHere, owns, place_quickly, server_of
from gist_mcp.servicers.mcp_session import McpSessionServicer
from gist_state.v1.mcp_session_rbt import McpSession
from rbt.v1alpha1 import placement_planner_pb2 as planner
from tests.support.runtime import Runtime, running

APPLICATION = ApplicationId("application")
TYPES = [StateTypeName("gist_state.v1.McpSession"), StateTypeName("rbt.mcp.v1.Stream")]
SESSION_TYPE = McpSession.__state_type_name__

state_types = st.sampled_from(TYPES)
state_ids = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), min_size=1
)


@st.composite
def state_refs(draw: st.DrawFn) -> StateRef:
    """The name of a state, or of one within another."""
    ref = StateRef.from_id(draw(state_types), draw(state_ids))
    if draw(st.booleans()):
        return ref.colocate(draw(state_types), draw(state_ids))
    return ref


@st.composite
def plans(draw: st.DrawFn) -> planner.Plan:
    """A placement plan with shards of any width on one server or more."""
    first_keys = draw(st.sets(st.binary(min_size=1, max_size=3), max_size=300))
    servers = draw(st.integers(1, 8))
    application = planner.Plan.Application(id=APPLICATION)
    for index, key in enumerate([b"", *sorted(first_keys)]):
        shard = application.shards.add(id=f"s{index}", server_id=f"server{index % servers}")
        shard.range.first_key = key
    for name in draw(st.sets(state_types, min_size=1)):
        application.services.add(full_name=f"{name}Methods", state_type_full_name=name)
    return planner.Plan(version=draw(st.integers(0, 5)), applications=[application])


def follow(client: PlanOnlyPlacementClient, plan: planner.Plan) -> None:
    """Gives a client a plan, as the planner does."""
    servers = {shard.server_id for each in plan.applications for shard in each.shards}
    addresses = [
        planner.Server(id=server, address=planner.Server.Address(host=server, port=1))
        for server in servers
    ]
    asyncio.run(client._handle_plan(plan, addresses))


@given(plan=plans(), next_plan=plans(), refs=st.lists(state_refs(), min_size=1))
def test_states_are_placed_as_reboot_places_them(
    plan: planner.Plan, next_plan: planner.Plan, refs: list[StateRef]
) -> None:
    place_quickly()
    client = PlanOnlyPlacementClient("nobody:1")
    resolver = DirectResolver(client)
    stock_shard = original(PlanOnlyPlacementClient.shard_for_actor)
    stock_table = original(DirectResolver.application_id_by_state_type_tag)

    for each in (plan, next_plan):
        follow(client, each)
        for ref in refs:
            assert client.shard_for_actor(APPLICATION, ref) == stock_shard(client, APPLICATION, ref)
            is_known = ref.state_type_tag in stock_table(resolver)
            address = client.address_for_actor(APPLICATION, ref) if is_known else None
            assert resolver.resolve_actor(ref) == address


def test_ours_are_in_the_place_of_reboots() -> None:
    place_quickly()
    place_quickly()

    assert PlanOnlyPlacementClient.shard_for_actor is placement.shard_for_actor
    assert original(placement.shard_for_actor).__module__ == "rebootdev.aio.placement"
    assert original(placement.application_ids_by_tag).__module__ == "rebootdev.aio.resolvers"


def test_an_application_that_is_not_known_is_told_as_reboot_tells_it() -> None:
    place_quickly()
    client = PlanOnlyPlacementClient("nobody:1")

    with pytest.raises(UnknownApplicationError):
        client.shard_for_actor(APPLICATION, StateRef.from_id(TYPES[0], "x"))


def test_a_server_owns_and_reaches_nothing_before_its_first_placement_plan() -> None:
    place_quickly()
    unused: Any = None
    server = ServerHere(
        application_id=APPLICATION,
        server_id="server0",
        placement_client=PlanOnlyPlacementClient("nobody:1"),
        state_manager=unused,
        loop=unused,
        channel_manager=unused,
        tasks_cache=unused,
    )
    ref = StateRef.from_id(TYPES[0], "x")
    assert not server.owns(ref)
    assert not server.reaches(ref)

    plan = planner.Plan(version=1, applications=[planner.Plan.Application(id=APPLICATION)])
    plan.applications[0].shards.add(id="s0", server_id="server0")
    follow(server.placement_client, plan)  # type: ignore[arg-type]

    assert server.owns(ref)
    assert server.reaches(ref)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """All servers of an application, in this process."""
    with asyncio.Runner() as runner, running(Runtime, McpSessionServicer, runner) as it:
        yield it


@pytest.mark.integration
def test_a_server_knows_its_own_states_and_their_database(runtime: Runtime) -> None:
    opening = McpSession.ref("mine").open(
        runtime.context, issuer="i", user_id=1, client_id="c", now_seconds=1
    )
    runtime.run(opening)
    ref = StateRef.from_id(SESSION_TYPE, "mine")

    owner = server_of(SESSION_TYPE, "mine")

    assert owner is not None
    assert owner.owns(ref)
    placed = owner.placement_client.server_for_actor(owner.application_id, ref)
    assert owner.server_id == placed
    assert owns(SESSION_TYPE, "mine")
    stored = runtime.run(owner.database_client.load_actor_state(SESSION_TYPE, ref))
    assert stored is not None


@pytest.mark.integration
def test_servers_that_have_ended_are_forgotten() -> None:
    for _ in range(2):
        with asyncio.Runner() as runner, running(Runtime, McpSessionServicer, runner):
            loops = {server.loop for server in placement._here.values()}

            assert loops == {runner.get_loop()}
