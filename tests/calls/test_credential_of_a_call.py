"""Which credential a running call uses when its owner comes again with another."""

import time
from collections.abc import Iterator

import pytest

from gist_mcp import process
from tests.changes.create_world import OCTOCAT, CreateWorld, create_world, new_key, watch_points
from tests.support.session_world import SessionWorld

pytestmark = pytest.mark.integration


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[CreateWorld]:
    with create_world() as (runtime, github):
        world = CreateWorld(SessionWorld(runtime, owner=OCTOCAT), github)
        world.sessions.now_seconds = time.time()
        watch_points(world.points, monkeypatch)
        yield world


def test_a_credential_with_fewer_scopes_that_comes_meanwhile_does_not_end_the_call(
    world: CreateWorld,
) -> None:
    key, lesser = new_key(), world.credential("read:user")
    world.points.on["before credential 1"] = lambda: process.services().vault.put(
        world.session_id, lesser
    )

    told = world.create(key)

    assert [told["result"]["structuredContent"]["id"]] == world.gists(key)
    assert process.services().vault.get(world.session_id) == lesser


def test_after_github_has_refused_the_better_one_the_call_is_told_what_is_missing(
    world: CreateWorld,
) -> None:
    key, lesser = new_key(), world.credential("read:user")

    def revoke_the_better_one() -> None:
        vault = process.services().vault
        better = vault.get(world.session_id, "gist")
        assert better is not None
        vault.put(world.session_id, lesser)
        vault.refused(world.session_id, better.token)

    world.points.on["before credential 1"] = revoke_the_better_one

    text = world.create(key)["result"]["content"][0]["text"]

    assert text.startswith("The gist was not made. This needs the GitHub scope gist.")
    assert world.gists(key) == []
