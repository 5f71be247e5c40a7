"""The benchmark's idea of which server process has a session, beside Reboot's own plan."""

import asyncio
import secrets
from typing import Any

import pytest
from reboot.controller.application_config import LocalApplicationConfig
from reboot.controller.plan_makers import PlanMaker
from rebootdev.aio.placement import PlanOnlyPlacementClient
from rebootdev.aio.types import ApplicationId, StateRef

from benchmarks.load_run.placement import server_process
from gist_mcp.framework import shards
from gist_mcp.framework.private_names import OWN_NUMBER_OF_SHARDS
from gist_mcp.framework.private_names import shards as reboot_shards
from gist_mcp.sessions.placement import SESSION_TYPE
from rbt.v1alpha1 import application_config_pb2, placement_planner_pb2

APPLICATION = ApplicationId("application")


@pytest.mark.parametrize("servers", [1, 4, 8])
def test_a_session_is_where_reboots_plan_puts_it(
    servers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reboot_shards, "NUM_SHARDS", reboot_shards.NUM_SHARDS)
    shards.use_number_of_shards(OWN_NUMBER_OF_SHARDS)
    spec = application_config_pb2.ApplicationConfig.Spec(servers=servers)
    configs: list[Any] = [LocalApplicationConfig(APPLICATION, spec)]
    plan = PlanMaker().make_plan(configs)
    names = [
        placement_planner_pb2.Server(
            id=name, address=placement_planner_pb2.Server.Address(host=name, port=1)
        )
        for name in dict.fromkeys(each.server_id for each in plan.applications[0].shards)
    ]
    client = PlanOnlyPlacementClient("nobody:1")
    asyncio.run(client._handle_plan(plan, names))

    for _ in range(200):
        session_id = secrets.token_hex(24)
        ref = StateRef.from_id(SESSION_TYPE, session_id)
        place = server_process(session_id, servers)
        assert client.server_for_actor(APPLICATION, ref) == names[place].id
