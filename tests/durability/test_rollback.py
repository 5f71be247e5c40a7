"""An older version does not open the state of a newer one, and says so, and leaves it as it is."""

import asyncio
import shutil
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from rbt.v1alpha1.application_metadata_pb2 import ApplicationMetadata

from gist_mcp.framework.private_names import (
    DATABASE_FOLDER,
    OWN_NUMBER_OF_SHARDS,
    DatabaseClient,
    DatabaseServer,
    database_pb2,
    shards,
)
from gist_mcp.framework.shards import record_number_of_shards
from gist_mcp.version import VERSION
from scripts.keep_api import KEPT
from tests.security.production import ProductionDeployment
from tests.support.kept_api import described
from tests.support.world import configured

pytestmark = pytest.mark.integration

GRANT = "gist_state/v1/grant.proto"


def newer_api(folder: Path) -> FileDescriptorSet:
    """What is durable in a version after this one: a field more."""
    shutil.copytree(KEPT / VERSION, folder / "newer")
    grant = folder / "newer" / GRANT
    lines = "optional bool is_revoked = 6;", "optional string revoked_for = 99;"
    grant.write_text(grant.read_text().replace(lines[0], "\n".join(lines)))
    return described(folder / "newer", folder)


async def recorded_with(state: Path, api: FileDescriptorSet | None) -> FileDescriptorSet:
    """What a state records of the version that has opened it last, after it has recorded `api`."""
    information = database_pb2.ServerInfo(shard_infos=shards.make_shard_infos())
    (state / DATABASE_FOLDER).mkdir(exist_ok=True)
    server = DatabaseServer(str(state / DATABASE_FOLDER), information)
    try:
        client = DatabaseClient(server.address)
        if api is not None:
            await client.store_application_metadata(ApplicationMetadata(file_descriptor_set=api))
        metadata = await client.get_application_metadata()
        assert metadata is not None
        return metadata.file_descriptor_set
    finally:
        await server.shutdown_and_wait()


def test_the_state_of_a_newer_version_is_refused_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "NUM_SHARDS", OWN_NUMBER_OF_SHARDS)
    newer = newer_api(tmp_path)
    server = ProductionDeployment(tmp_path)
    state = server.state_folder / "github-gist-mcp"
    record_number_of_shards(state, OWN_NUMBER_OF_SHARDS)
    asyncio.run(recorded_with(state, newer))

    with configured(server), pytest.raises(AssertionError):
        server.start()

    assert f"github-gist-mcp {VERSION} starts: " in server.log()
    assert "Field `revoked_for` was deleted from message `GrantRecord`" in server.log()
    assert f"github-gist-mcp {VERSION} does not open this state" in server.log()
    assert "Traceback" not in server.log()
    assert asyncio.run(recorded_with(state, None)) == newer
