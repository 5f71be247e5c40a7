"""Lifetimes that lean on each other, whatever the settings say."""

from typing import Any

from annotated_types import Le

from gist_mcp.config import Config
from gist_mcp.constants import (
    CLAIM_RETENTION_SECONDS,
    CLOCK_SKEW_SECONDS,
    LEDGER_RETENTION_SECONDS,
)
from gist_mcp.servicers.unlogged_call import CALL_TIMEOUT_SECONDS, PATIENCE_SECONDS
from gist_mcp.sessions.ledger import lease_seconds

LONGEST_RESUME_WAIT_SECONDS = next(
    each.le for each in Config.model_fields["resume_wait_seconds"].metadata if isinstance(each, Le)
)


def test_a_change_is_remembered_for_longer_than_any_call_may_hold_it() -> None:
    longest: Any = LONGEST_RESUME_WAIT_SECONDS

    assert lease_seconds(longest) < LEDGER_RETENTION_SECONDS


def test_a_claim_outlives_every_change_that_could_find_its_gist() -> None:
    # A change looks back by the skew, and claims within the patience of a call after its age was
    # looked at.
    longest_call_seconds = PATIENCE_SECONDS + CALL_TIMEOUT_SECONDS
    looks_back_seconds = LEDGER_RETENTION_SECONDS + CLOCK_SKEW_SECONDS + longest_call_seconds

    # The clocks of two of our servers may differ as well.
    assert looks_back_seconds + CLOCK_SKEW_SECONDS < CLAIM_RETENTION_SECONDS
