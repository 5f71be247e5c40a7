"""The audit: every way in which gists and calls may disagree."""

import pytest

from benchmarks.load_run.gists import GistCall, disagreements
from benchmarks.load_run.outcome import DONE, Kind, Outcome, error

LIMIT = Outcome(Kind.STATED_LIMIT, "HTTP 429", 5)
ERROR = error("HTTP 503")


def call(outcome: Outcome = DONE, gist_id: str = "", description: str = "one") -> GistCall:
    return GistCall("octocat", description, outcome, gist_id)


@pytest.mark.parametrize(
    ("calls", "made"),
    [
        ([call(gist_id="a")], [("a", "one")]),
        ([call(LIMIT), call(gist_id="a")], [("a", "one")]),
        ([call(LIMIT)], []),
        ([call(ERROR)], []),
        ([call(ERROR)], [("a", "one")]),
        ([call(ERROR), call(gist_id="a"), call(gist_id="a")], [("a", "one")]),
        ([call(gist_id="a"), call(gist_id="b", description="two")], [("a", "one"), ("b", "two")]),
    ],
)
def test_they_agree(calls: list[GistCall], made: list[tuple[str, str]]) -> None:
    assert disagreements(calls, {"octocat": made}) == []


@pytest.mark.parametrize(
    ("calls", "made", "problem"),
    [
        ([call(gist_id="a")], [("a", "one"), ("b", "one")], "made 2 times"),
        ([call(ERROR)], [("a", "one"), ("b", "one")], "made 2 times"),
        ([call(gist_id="a")], [], "told of a gist that GitHub does not have"),
        ([call(gist_id="a")], [("b", "one")], "told of a gist that GitHub does not have"),
        ([], [("a", "one")], "nobody asked"),
        ([call(LIMIT), call(LIMIT)], [("a", "one")], "its call was refused"),
    ],
)
def test_they_do_not_agree(
    calls: list[GistCall], made: list[tuple[str, str]], problem: str
) -> None:
    (found,) = disagreements(calls, {"octocat": made})

    assert found.startswith("octocat one: ")
    assert problem in found


def test_a_gist_of_another_account_is_another_gist() -> None:
    assert len(disagreements([call(gist_id="a")], {"hubot": [("a", "one")]})) == 2
