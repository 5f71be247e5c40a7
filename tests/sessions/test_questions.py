"""Which clients show questions, and which of their answers is a yes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.sessions.questions import Answer, answer_of, is_question_id, shows_questions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["action", "content", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("capabilities", "version", "expected"),
    [
        ({"elicitation": {}}, "2025-06-18", True),
        ({"elicitation": {}}, "2025-11-25", True),
        ({"elicitation": {"form": {}}}, "2025-11-25", True),
        ({"elicitation": {"form": {}, "url": {}}}, "2025-11-25", True),
        ({"elicitation": {"url": {}}}, "2025-11-25", False),
        # Elicitation is no part of these versions.
        ({"elicitation": {}}, "2025-03-26", False),
        ({"elicitation": {}}, "2024-11-05", False),
        ({}, "2025-11-25", False),
        ({"sampling": {}}, "2025-11-25", False),
        ({"elicitation": True}, "2025-11-25", False),
        (None, "2025-11-25", False),
    ],
)
def test_a_client_shows_questions_if_it_says_so_in_a_version_that_has_them(
    capabilities: Any, version: str, expected: bool
) -> None:
    assert shows_questions(capabilities, version) is expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"action": "accept", "content": {}}, Answer.ACCEPTED),
        ({"action": "accept"}, Answer.ACCEPTED),
        ({"action": "decline"}, Answer.DECLINED),
        ({"action": "cancel"}, Answer.CANCELLED),
        ({"action": "Accept"}, Answer.CANCELLED),
        ({"action": ["accept"]}, Answer.CANCELLED),
        ({}, Answer.CANCELLED),
        ("accept", Answer.CANCELLED),
        # An error.
        (None, Answer.CANCELLED),
    ],
)
def test_what_a_response_means(result: Any, expected: Answer) -> None:
    assert answer_of(result) is expected


@given(JSON)
def test_nothing_but_accept_is_a_yes(result: Any) -> None:
    is_accept = isinstance(result, dict) and result.get("action") == "accept"

    assert (answer_of(result) is Answer.ACCEPTED) is is_accept


def test_a_question_has_an_id_of_our_form() -> None:
    assert is_question_id("0123456789abcdef" * 2)
    for other in (1, None, "", "0" * 31, "0" * 33, "G" * 32, "0" * 32 + "\n"):
        assert not is_question_id(other)
