"""What the operator sets between two starts holds for the calls that go on after it."""

from pathlib import Path

from tests.durability.cells import gist_id
from tests.durability.stage import stage


def test_nothing_is_sent_after_a_restart_that_the_operator_has_forbidden(tmp_path: Path) -> None:
    with stage(tmp_path, servers=1, effect_validation="disabled") as here:
        lost, secret, made = (
            here.player(name, account)
            for name, account in (("lost", "octocat"), ("secret", "monalisa"), ("made", "hubot"))
        )
        # GitHub has heard nothing of the first two, and has made what the third has asked for.
        faults = [lost.fault("hang_before"), secret.fault("hang_before"), made.fault("hang_after")]
        calls = [player.create(public=player is not secret) for player in (lost, secret, made)]
        for call, fault in zip(calls, faults, strict=True):
            fault.wait_until_held()
            call.wait_for_event()

        here.server.kill()
        here.server.settings["PUBLIC_GISTS"] = "never"
        here.server.start()
        resumed = [call.resume() for call in calls]
        refused, allowed, found = (call.wait() for call in resumed)

        assert refused.is_error
        assert "PUBLIC_GISTS=never" in refused.text
        assert lost.gists() == []
        assert [gist_id(allowed)] == [gist.gist_id for gist in secret.gists()]
        # What is there already is found, and told.
        assert [gist_id(found)] == [gist.gist_id for gist in made.gists()]
