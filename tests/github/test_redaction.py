"""Foreign text is shown only without tokens, on one line and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.github.redaction import MAX_QUOTED_CHARACTERS, REMOVED, redact

PREFIXES = ("gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_")
TOKEN_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

token_tails = st.text(TOKEN_CHARACTERS, min_size=10, max_size=80)
secrets = st.text(TOKEN_CHARACTERS + "-.", min_size=12, max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Not Found", "Not Found"),
        ("bad token gho_abc123, sorry", f"bad token {REMOVED}, sorry"),
        ("GHP_ABC123", REMOVED),
        ("github_pat_11AB_cd", REMOVED),
        ("ghs_123_eyJ0.eyJp.c2ln-x_y", REMOVED),
        ("g\x00h\u200bo_abc\x1bdef", REMOVED),
        ("two\r\nlines\tand  more", "two lines and more"),
        ("\x1b[31mred", "[31mred"),
        ("right\u202eto left", "rightto left"),
        ("", ""),
    ],
)
def test_text_is_shown_without_tokens_and_control_characters(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_longer_secrets_are_removed_before_those_that_they_contain() -> None:
    assert redact("x abcdef y", secrets=["abc", "abcdef"]) == f"x {REMOVED} y"


@given(st.text(), st.sampled_from(PREFIXES), token_tails, st.text())
def test_nothing_of_a_prefixed_token_is_left(
    before: str, prefix: str, tail: str, after: str
) -> None:
    shown = redact(before + prefix + tail + after)

    assert prefix + tail not in shown
    assert prefix not in shown


@given(st.lists(st.one_of(st.text(max_size=20), secrets), max_size=6), secrets)
def test_a_secret_in_hand_never_appears(pieces: list[str], secret: str) -> None:
    text = secret.join(pieces) + secret

    assert secret not in redact(text, secrets=[secret])


@given(st.text(), secrets, st.integers(0, 60), st.sampled_from("\x00\x1b\u200b\u202e\ufeff"))
def test_invisible_characters_do_not_hide_a_secret(
    before: str, secret: str, position: int, invisible: str
) -> None:
    hidden = secret[:position] + invisible + secret[position:]

    assert secret not in redact(before + hidden, secrets=[secret])


@given(st.text(max_size=2000), st.lists(secrets, max_size=3))
def test_the_result_is_one_short_printable_line(text: str, in_hand: list[str]) -> None:
    shown = redact(text, secrets=in_hand)

    assert len(shown) <= MAX_QUOTED_CHARACTERS
    assert shown.isprintable() or shown == ""
