"""How many people of each class there are, and when they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_run.classes import crowd_of, pause_seconds, times_of
from benchmarks.load_run.greedy import GREEDY
from benchmarks.load_run.settings import parse_load_settings
from tests.load.test_mixed_load import SETTINGS as SHORT


@given(users=st.integers(10, 10_000))
def test_everybody_is_in_one_class_and_every_class_has_somebody(users: int) -> None:
    crowd = crowd_of(users)

    assert sum(crowd.values()) == users
    assert min(crowd.values()) >= 1
    assert crowd[GREEDY] == 1


def test_each_person_of_a_class_with_a_schedule_has_times_within_the_run() -> None:
    settings = parse_load_settings({"USERS": "40"})
    times = times_of(settings)

    for name in pause_seconds(settings):
        assert len(times[name]) == crowd_of(40)[name]
        assert all(0 <= at < settings.seconds for own in times[name] for at in own)
    assert times == times_of(settings)


@pytest.mark.parametrize("hurry", ["1", "4"])
def test_people_in_a_hurry_come_so_many_times_as_often(hurry: str) -> None:
    settings = parse_load_settings({"HURRY": hurry, "LOAD_SECONDS": "3000"})

    arrivals = sum(len(own) for own in times_of(settings)["readers"])

    expected = crowd_of(settings.users)["readers"] * 3000 / 15 * float(hurry)
    assert arrivals == pytest.approx(expected, rel=0.05)


def test_in_the_short_run_of_the_tests_every_class_comes() -> None:
    assert all(any(own) for own in times_of(SHORT).values())
