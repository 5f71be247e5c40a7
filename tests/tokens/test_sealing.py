"""Sealed values open only with our keys, for their purpose and in their context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.tokens.sealing import SealBroken, Sealer

OLD_KEY = "o" * 40
NEW_KEY = "n" * 40


@given(st.binary(max_size=500), st.text(max_size=40))
def test_what_is_sealed_opens_again(payload: bytes, context: str) -> None:
    sealer = Sealer([NEW_KEY])

    sealed = sealer.seal("use", payload, context=context)

    assert sealer.open("use", sealed, context=context) == payload


def test_a_rotated_key_still_opens_what_it_sealed() -> None:
    sealed = Sealer([OLD_KEY]).seal("use", b"payload")

    assert Sealer([NEW_KEY, OLD_KEY]).open("use", sealed) == b"payload"


@pytest.mark.parametrize(
    ("keys", "purpose", "context"),
    [([OLD_KEY], "use", "here"), ([NEW_KEY], "other", "here"), ([NEW_KEY], "use", "there")],
)
def test_another_key_purpose_or_context_opens_nothing(
    keys: list[str], purpose: str, context: str
) -> None:
    sealed = Sealer([NEW_KEY]).seal("use", b"payload", context="here")

    with pytest.raises(SealBroken):
        Sealer(keys).open(purpose, sealed, context=context)


@given(st.data())
def test_a_changed_character_breaks_the_seal(data: st.DataObject) -> None:
    sealer = Sealer([NEW_KEY])
    sealed = sealer.seal("use", b"payload")
    position = data.draw(st.integers(0, len(sealed) - 1))
    character = data.draw(st.characters(codec="ascii").filter(lambda c: c != sealed[position]))
    changed = sealed[:position] + character + sealed[position + 1 :]

    with pytest.raises(SealBroken):
        sealer.open("use", changed)


@given(st.text(max_size=100))
def test_any_text_is_refused_cleanly(text: str) -> None:
    with pytest.raises(SealBroken):
        Sealer([NEW_KEY]).open("use", text)


def test_every_key_is_there_for_what_was_begun_with_it() -> None:
    rotated = Sealer([NEW_KEY, OLD_KEY])

    assert rotated.derive_all("use") == (
        Sealer([NEW_KEY]).derive("use"),
        Sealer([OLD_KEY]).derive("use"),
    )
    assert rotated.derive("use") == Sealer([NEW_KEY]).derive("use")


def test_each_purpose_has_its_own_key() -> None:
    sealer = Sealer([NEW_KEY])

    assert sealer.derive("one") != sealer.derive("two")
