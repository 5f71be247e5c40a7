"""The ledger on the real Reboot runtime: one carrier for a change, one change for a gist."""

import unittest
from typing import Any

from reboot.aio.applications import Application
from reboot.aio.tests import Reboot

from gist_mcp.constants import LEDGER_BUCKET_RECORDS, LEDGER_RETENTION_SECONDS
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_state.v1.gist_ledger_rbt import GistLedger

NOW = 1_800_000_000
REQUEST = {"description": "d1", "public": "p1", "files": "f1"}


class GistLedgerTest(unittest.IsolatedAsyncioTestCase):
    """Each test has a runtime and state of its own."""

    async def asyncSetUp(self) -> None:
        self.rbt = Reboot()
        await self.rbt.start()
        await self.rbt.up(Application(servicers=[GistLedgerServicer]), local_envoy=False)
        self.context = self.rbt.create_external_context(name=self.id(), app_internal=True)
        self.ledger = GistLedger.ref("user-0")

    async def asyncTearDown(self) -> None:
        await self.rbt.stop()

    async def intend(self, write_id: str, runner: str, **changes: Any) -> Any:
        """`intend` with ordinary arguments unless told otherwise."""
        arguments = {"request_digests": REQUEST, "now_seconds": NOW, **changes}
        return await self.ledger.intend(self.context, write_id=write_id, runner=runner, **arguments)

    async def finish(self, write_id: str, runner: str, phase: str, gist_id: str = "") -> Any:
        """`finish`, with a gist for `done`."""
        gist = {"gist_id": gist_id, "gist_url": f"u/{gist_id}"} if gist_id else {}
        return await self.ledger.finish(
            self.context, write_id=write_id, runner=runner, phase=phase, **gist
        )

    async def test_the_first_caller_carries_it_out_and_may_repeat_itself(self) -> None:
        first = await self.intend("key", "a")
        again = await self.intend("key", "a", now_seconds=NOW + 5)
        other = await self.intend("key", "b")

        self.assertEqual([first.outcome, again.outcome, other.outcome], ["run", "run", "running"])
        self.assertEqual(again.intended_at_seconds, NOW)
        self.assertFalse(again.look_first)

    async def test_the_result_is_given_to_whoever_comes_later(self) -> None:
        await self.intend("key", "a")
        await self.finish("key", "a", "done", "g1")

        later = await self.intend("key", "b")

        self.assertEqual((later.outcome, later.gist_id, later.gist_url), ("done", "g1", "u/g1"))

    async def test_other_arguments_are_refused_by_name(self) -> None:
        await self.intend("key", "a")

        other = await self.intend("key", "b", request_digests={**REQUEST, "files": "f2"})

        self.assertEqual((other.outcome, other.differing), ("different", ["files"]))

    async def test_after_an_unknown_outcome_the_next_caller_looks_first(self) -> None:
        await self.intend("key", "a")
        await self.finish("key", "a", "unknown")

        taken_over = await self.intend("key", "b", now_seconds=NOW + 60)

        self.assertEqual((taken_over.outcome, taken_over.look_first), ("run", True))
        self.assertEqual(taken_over.intended_at_seconds, NOW)

    async def test_after_a_refusal_the_key_is_free(self) -> None:
        await self.intend("key", "a")
        await self.finish("key", "a", "nothing")

        anew = await self.intend("key", "b", now_seconds=NOW + 60)

        self.assertEqual((anew.outcome, anew.look_first), ("run", False))
        self.assertEqual(anew.intended_at_seconds, NOW + 60)

    async def test_only_the_carrier_records_the_outcome(self) -> None:
        await self.intend("key", "a")

        foreign = await self.finish("key", "b", "done", "g1")

        self.assertFalse(foreign.recorded)

    async def test_a_gist_is_the_result_of_one_change_only(self) -> None:
        claims = [
            await self.ledger.claim(self.context, gist_id="g1", write_id=write_id, now_seconds=NOW)
            for write_id in ("w1", "w2", "w1")
        ]

        self.assertEqual([claim.claimed for claim in claims], [True, False, True])

    async def test_ended_changes_are_forgotten_after_the_retention_time(self) -> None:
        await self.intend("old", "a")
        await self.finish("old", "a", "done", "g1")

        await self.intend("new", "a", now_seconds=NOW + LEDGER_RETENTION_SECONDS + 1)

        records = await self.ledger.records(self.context)
        self.assertEqual([write.write_id for write in records.writes], ["new"])

    async def test_a_bucket_stops_growing(self) -> None:
        for number in range(LEDGER_BUCKET_RECORDS):
            await self.intend(f"w{number}", "a")

        one_more = await self.intend("one-more", "a")

        self.assertEqual(one_more.outcome, "full")
