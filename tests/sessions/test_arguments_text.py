"""The arguments of a call as durable state holds them."""

from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.sessions.new_call import arguments_of, arguments_text


@given(st.dictionaries(st.text(), st.text(st.characters(max_codepoint=0x7F)) | st.integers()))
def test_they_are_read_as_they_were(arguments: dict[str, object]) -> None:
    assert arguments_of(arguments_text(arguments)) == arguments


def test_an_escaped_backslash_before_a_number_stays() -> None:
    arguments = {"content": "\\u0001 \x01 \\\x01"}

    assert arguments_of(arguments_text(arguments)) == arguments


def test_a_control_character_is_one_byte() -> None:
    assert len(arguments_text({"content": "\x01" * 1000})) < 1100
