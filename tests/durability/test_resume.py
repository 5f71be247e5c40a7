"""A call that was killed goes on when its owner is back, and ends well if they are not."""

import time
from pathlib import Path

import pytest

from gist_mcp.constants import UNREACHABLE_DELAYS_SECONDS
from tests.durability.cells import one_gist
from tests.durability.stage import Stage, stage
from tests.support.waiting import wait_until


def test_a_resumed_call_waits_for_its_owner_and_survives_a_second_kill(tmp_path: Path) -> None:
    with stage(tmp_path, servers=2, effect_validation="quiet") as built:
        player = built.player("owner away")
        fault = player.fault("hang_after")
        call = player.create(idempotency_key=player.key)
        fault.wait_until_held()
        call.wait_for_event()

        built.server.restart()
        built.server.restart()
        back_at = time.time()
        assert player.client.touch().status_code == 200
        wait_until("the record", lambda: player.phase() == "done", seconds=20)

        # It asked GitHub nothing before it had a credential again, and then went on by itself.
        assert min(request.received_at for request in player.requests("GET")) > back_at
        one_gist(player, call.resume())


@pytest.fixture
def impatient(tmp_path: Path) -> Stage:  # type: ignore[misc]
    settings = {"RESUME_WAIT_SECONDS": "3"}
    with stage(tmp_path, servers=1, effect_validation="disabled", settings=settings) as built:
        yield built


def test_without_its_owner_a_resumed_call_ends_and_says_what_is_known(impatient: Stage) -> None:
    sent, unsent = impatient.player("sent"), impatient.player("unsent")
    fault = sent.fault("hang_after")
    maybe = sent.create(idempotency_key=sent.key)
    fault.wait_until_held()
    maybe.wait_for_event()
    impatient.proxy.refuse()
    never = unsent.create(idempotency_key=unsent.key)
    never.wait_for_event()
    # In the pause before the last try the call is certainly not sending.
    pause = f"next try in {UNREACHABLE_DELAYS_SECONDS[-1]:g} seconds"
    wait_until("the last pause", lambda: pause in impatient.server.log(), seconds=30)

    impatient.server.kill()
    impatient.proxy.accept()
    impatient.server.start()
    wait_until("the end of one", lambda: sent.phase() == "unknown", seconds=20)
    wait_until("the end of the other", lambda: unsent.phase() is None, seconds=20)
    doubt, refusal = maybe.resume().wait(), never.resume().wait()

    place = f"Sign in at {impatient.server.url}/oauth/authorize"
    assert doubt.is_error
    assert "not known whether the gist was made" in doubt.text
    assert place in doubt.text
    assert refusal.is_error
    assert "The gist was not made" in refusal.text
    assert place in refusal.text
    assert unsent.gists() == []


def test_a_token_revoked_meanwhile_ends_a_resumed_call_the_same_way(impatient: Stage) -> None:
    player = impatient.player("revoked")
    fault = player.fault("hang_before")
    call = player.create()
    fault.wait_until_held()
    call.wait_for_event()
    impatient.server.restart()

    call.resume()
    wait_until("a look", lambda: len(player.requests("GET")) >= 1, seconds=20)
    impatient.github.revoke_tokens(player.account)
    ended = call.wait()

    assert ended.is_error
    assert "not known whether the gist was made" in ended.text
    assert f"Sign in at {impatient.server.url}/oauth/authorize" in ended.text
    assert len(player.requests("POST")) == 1
