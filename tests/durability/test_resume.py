"""A call that was killed goes on when its owner is back, and ends well if they are not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.durability.cells import gist_id, held, killed_before_it_sent, one_gist, recorded
from tests.durability.stage import Player, Stage, stage
from tests.support.mcp_client import McpClient, RunningCall
from tests.support.waiting import wait_until


def test_a_resumed_call_waits_for_its_owner_and_survives_a_second_kill(tmp_path: Path) -> None:
    with stage(tmp_path, servers=2, effect_validation="quiet") as built:
        player = built.player("owner away")
        call, _ = held(player, "hang_after", key=player.key)

        built.server.restart()
        built.server.restart()
        back_at = time.time()
        assert player.client.touch().status_code == 200
        wait_until("the record", lambda: player.phase() == "done", seconds=20)

        # It asked GitHub nothing before it had a credential again, and then went on by itself.
        assert min(request.received_at for request in player.requests("GET")) > back_at
        one_gist(player, call.resume())


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Stage]:
    """A server that soon gives up waiting for an owner."""
    settings = {"RESUME_WAIT_SECONDS": "3"}
    with stage(tmp_path, servers=1, effect_validation="disabled", settings=settings) as built:
        yield built


def test_without_its_owner_a_resumed_call_ends_and_says_what_is_known(impatient: Stage) -> None:
    sent, unsent, made = (impatient.player(name) for name in ("sent", "unsent", "made"))
    maybe, _ = held(sent, "hang_after", key=sent.key)
    done = recorded(made)

    never = killed_before_it_sent(impatient, unsent)
    wait_until("the end of one", lambda: sent.phase() == "unknown", seconds=20)
    wait_until("the end of the other", lambda: unsent.phase() is None, seconds=20)
    doubt, refusal, result = maybe.resume().wait(), never.resume().wait(), done.resume().wait()

    place = f"Sign in at {impatient.server.url}/oauth/authorize"
    assert doubt.is_error
    assert "not known whether the gist was made" in doubt.text
    assert place in doubt.text
    assert refusal.is_error
    assert "The gist was not made" in refusal.text
    assert place in refusal.text
    assert unsent.gists() == []
    assert [gist_id(result)] == [gist.gist_id for gist in made.gists()]


@dataclass(frozen=True)
class Killed:
    """What four people were about when one kill met all of them.

    GitHub had `maybe`, but had not acted on it; it had never heard of `never`; `done` was in the
    ledger. GitHub had made the gist of `answers`, the stream on which an editor waits for a result.
    """

    stage: Stage
    sent: Player
    unsent: Player
    made: Player
    editor: Player
    maybe: RunningCall
    never: RunningCall
    done: RunningCall
    asked: RunningCall
    answers: RunningCall


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with stage(tmp_path_factory.mktemp("killed"), servers=1, effect_validation="disabled") as built:
        # Tokens of one account are revoked together. The editor is the fourth, with the account of
        # the first, and done with it before that.
        sent, unsent, made, editor = (
            built.player(name) for name in ("sent", "unsent", "made", "editor")
        )
        done = recorded(made)
        maybe, _ = held(sent, "hang_before")
        asked, answers = _asked_by_vs_code(editor)
        never = killed_before_it_sent(built, unsent)
        yield Killed(built, sent, unsent, made, editor, maybe, never, done, asked, answers)


def _asked_by_vs_code(player: Player) -> tuple[RunningCall, RunningCall]:
    """A call that GitHub has acted on and not answered, and the stream for its result."""
    # DurableMCP knows it by its name, and answers it on the stream of a GET only.
    client = McpClient(player.client.url, player.token, name="Visual Studio Code").open()
    sending = player.fault("hang_after")
    call = player.create(client=client)
    answers = RunningCall(client, call.request_id).listen()
    sending.wait_until_held()
    wait_until("the call's events", lambda: len(answers.events) >= 1, seconds=20)
    return call, answers


def test_vs_code_gets_its_result_on_the_stream_that_it_takes_up_again(killed: Killed) -> None:
    killed.answers.wait_until_broken()

    result = killed.answers.resume().wait()

    assert killed.asked.result is None
    assert [gist_id(result)] == [gist.gist_id for gist in killed.editor.gists()]


def test_a_token_revoked_meanwhile_ends_a_resumed_call_the_same_way(killed: Killed) -> None:
    sent, unsent, made = killed.sent, killed.unsent, killed.made
    github, server = killed.stage.github, killed.stage.server
    assert len({player.account for player in (sent, unsent, made)}) == 3
    # Its owner is back, and GitHub has the request but has not looked at the token yet.
    sending = unsent.fault("hang_before")
    killed.never.resume()
    sending.wait_until_held()
    killed.maybe.resume()
    wait_until("a look", lambda: len(sent.requests("GET")) >= 1, seconds=60)

    for player in (sent, unsent, made):
        github.revoke_tokens(player.account)
    sending.release()
    doubt, refusal = killed.maybe.wait(), killed.never.wait()
    made.client.sign_in_again(github.create_token(made.account))
    result = killed.done.resume().wait()

    place = f"Sign in at {server.url}/oauth/authorize"
    assert doubt.is_error
    assert "not known whether the gist was made" in doubt.text
    assert place in doubt.text
    assert len(sent.requests("POST")) == 1
    assert refusal.is_error
    assert "The gist was not made" in refusal.text
    assert place in refusal.text
    assert unsent.gists() == []
    assert [gist_id(result)] == [gist.gist_id for gist in made.gists()]
