"""A target is kept or not."""

import pytest

from benchmarks.targets import TARGETS, Target


@pytest.mark.parametrize(
    ("sense", "below", "equal", "above"),
    [
        ("at most", True, True, False),
        ("below", True, False, False),
        ("at least", False, True, True),
        ("above", False, False, True),
    ],
)
def test_a_bound_belongs_to_a_target_or_not(
    sense: str, below: bool, equal: bool, above: bool
) -> None:
    target = Target("figure", None, sense, 2.0)  # type: ignore[arg-type]

    assert [target.is_met_by(value) for value in (1.0, 2.0, 3.0)] == [below, equal, above]


def test_no_target_stands_there_twice() -> None:
    keys = [(each.figure, each.against) for each in TARGETS]

    assert sorted(set(keys), key=str) == sorted(keys, key=str)
