"""A confirm token is good for one account, one tool and one content, for some minutes."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.changes.confirm_token import Bound, claim_name
from gist_mcp.constants import CONFIRM_LIFETIME_SECONDS
from gist_mcp.errors import Conflict
from gist_mcp.tokens.sealing import Sealer

NOW = 1_800_000_000.0
SEALER = Sealer(["k" * 40])
BOUND = Bound(account="https://github.com/1", tool="delete_gist", digest="0" * 64)
NOT_FOR_THIS = "not for exactly this"


def test_it_is_good_for_what_it_was_made_for_until_it_expires() -> None:
    token = BOUND.token(SEALER, now_seconds=NOW)

    BOUND.check(SEALER, token, now_seconds=NOW)
    BOUND.check(SEALER, token, now_seconds=NOW + CONFIRM_LIFETIME_SECONDS)
    with pytest.raises(Conflict, match="has expired"):
        BOUND.check(SEALER, token, now_seconds=NOW + CONFIRM_LIFETIME_SECONDS + 1)


@pytest.mark.parametrize(
    "other",
    [
        {"account": "https://github.com/2"},
        {"tool": "create_gist"},
        {"digest": "1" + "0" * 63},
        # As one text these are the same as the account and the tool of the token.
        {"account": "https://github.com/1\ndelete_gist", "tool": ""},
    ],
)
def test_it_is_good_for_nothing_else(other: dict[str, str]) -> None:
    token = BOUND.token(SEALER, now_seconds=NOW)

    with pytest.raises(Conflict, match=NOT_FOR_THIS):
        dataclasses.replace(BOUND, **other).check(SEALER, token, now_seconds=NOW)


def test_another_servers_token_is_none() -> None:
    token = BOUND.token(Sealer(["z" * 40]), now_seconds=NOW)

    with pytest.raises(Conflict, match=NOT_FOR_THIS):
        BOUND.check(SEALER, token, now_seconds=NOW)


def test_what_was_sealed_for_another_purpose_is_none() -> None:
    context = "\n".join((BOUND.account, BOUND.tool, BOUND.digest))
    token = SEALER.seal("hop", b"\xff" * 8, context=context)

    with pytest.raises(Conflict, match=NOT_FOR_THIS):
        BOUND.check(SEALER, token, now_seconds=NOW)


@given(st.text(max_size=300))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(Conflict, match=NOT_FOR_THIS):
        BOUND.check(SEALER, text, now_seconds=NOW)


def test_two_tokens_for_the_same_are_used_apart() -> None:
    first = BOUND.token(SEALER, now_seconds=NOW)
    second = BOUND.token(SEALER, now_seconds=NOW)

    assert claim_name(first) != claim_name(second)
    assert first not in claim_name(first)
