"""Results of changes."""

import pytest

from gist_mcp.changes.work import Made
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import BYTES_PER_TOKEN, entry_bytes
from gist_mcp.tools.gists_change import _updated_gist
from tests.changes.test_update_gist import gist_with

ME = GitHubUserId(1)
MAX_TOKENS = 20_000


@pytest.mark.parametrize("letter", ["x", "\u4e2d", '"', "\U0001f600"])
def test_a_gist_of_many_long_names_keeps_within_the_budget_and_says_so(letter: str) -> None:
    names = [f"{number:03}{letter * (240 // len(letter.encode()))}" for number in range(300)]
    made = Made(id="1", url="https://gist.github.com/1", note="Look at it.")

    told = _updated_gist(made, gist_with(dict.fromkeys(names, "x")), ME, max_tokens=MAX_TOKENS)

    assert entry_bytes(told) <= MAX_TOKENS * BYTES_PER_TOKEN
    assert told.files == names[: len(told.files)]
    assert len(told.files) > 50
    assert told.note is not None
    assert told.note.startswith("Look at it. ")
    assert f"{300 - len(told.files)} file names are left out" in told.note


def test_what_fits_is_told_whole() -> None:
    made = Made(id="1", url="https://gist.github.com/1", previous_revision="a" * 40)

    told = _updated_gist(made, gist_with({"a": "x"}), ME, max_tokens=MAX_TOKENS)

    assert told.files == ["a"]
    assert told.previous_revision == "a" * 40
    assert told.note is None
