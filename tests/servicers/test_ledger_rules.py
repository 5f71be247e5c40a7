"""No order of calls, crashes and deaths leads to two gists, to a lie, or to a key that hangs."""

from typing import Any

import pytest

from gist_mcp.servicers import ledger_rules
from gist_mcp.servicers.ledger_rules import RUNNING, SENDING, Finished, Intended
from gist_state.v1.gist_ledger import WriteRecord
from tests.servicers.ledger_model import Model, Rules


def test_one_key_is_one_gist_whoever_dies_when() -> None:
    situations, story = Model().explore()

    assert story == []
    assert situations > 50_000


def doubt_written_over(known: WriteRecord | None, **asked: Any) -> Intended:
    """Who runs again is taken for one that began without a doubt."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase != RUNNING or known.runner != asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": False}), outcome=intended.outcome
    )


def taken_over_without_a_doubt(known: WriteRecord | None, **asked: Any) -> Intended:
    """A silent runner is believed to have sent nothing."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase not in (RUNNING, SENDING) or known.runner == asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": known.in_doubt}),
        outcome=intended.outcome,
    )


def own_send_forgotten(known: WriteRecord | None, **asked: Any) -> Intended:
    """Who was killed while it sent begins as if it had not."""
    intended = ledger_rules.intend(known, **asked)
    if known is None or known.phase != SENDING or known.runner != asked["runner"]:
        return intended
    return Intended(
        record=intended.record.model_copy(update={"in_doubt": known.in_doubt}),
        outcome=intended.outcome,
    )


def held_by_anybody(known: WriteRecord | None, runner: str, now_seconds: int) -> WriteRecord | None:
    """Who has once been the runner sends, whoever it is by now."""
    return known


def held_without_a_trace(
    known: WriteRecord | None, runner: str, now_seconds: int
) -> WriteRecord | None:
    """Sending leaves the record as it was: silent, or ended in doubt."""
    return known if ledger_rules.hold(known, runner, now_seconds) else None


def a_doubt_leaves_no_record(known: WriteRecord | None, **ended: Any) -> Finished:
    """The key of a call that ended in doubt is free."""
    if known is not None and known.phase != "done" and ended["phase"] == "unknown":
        return Finished(record=None, recorded=True)
    return ledger_rules.finish(known, **ended)


def anybody_ends_with_nothing(known: WriteRecord | None, **ended: Any) -> Finished:
    """A runner that was replaced frees the key of the one that replaced it."""
    if known is not None and known.phase != "done" and ended["phase"] == "nothing":
        return Finished(record=None, recorded=True)
    return ledger_rules.finish(known, **ended)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(intend=doubt_written_over), id="doubt written over"),
        pytest.param(Rules(intend=taken_over_without_a_doubt), id="taken over without a doubt"),
        pytest.param(Rules(intend=own_send_forgotten), id="own send forgotten"),
        pytest.param(Rules(hold=held_by_anybody), id="held by anybody"),
        pytest.param(Rules(hold=held_without_a_trace), id="held without a trace"),
        pytest.param(Rules(finish=a_doubt_leaves_no_record), id="a doubt leaves no record"),
        pytest.param(Rules(finish=anybody_ends_with_nothing), id="anybody ends with nothing"),
    ],
)
def test_each_rule_is_needed(rules: Rules) -> None:
    _, story = Model(rules).explore()

    assert story[-1] in ("two gists", "a gist of which the ledger knows nothing")
