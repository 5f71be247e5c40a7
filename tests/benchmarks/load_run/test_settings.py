"""What `make load` can be told."""

import pytest

from benchmarks.load_run.settings import parse_load_settings
from benchmarks.settings import SettingError


def test_without_a_word_it_is_200_people_for_five_minutes_at_four_processes() -> None:
    settings = parse_load_settings({})

    assert (settings.mode, settings.users, settings.seconds) == ("mixed", 200, 300)
    assert (settings.server_processes, settings.burst_calls, settings.hurry) == (4, 300, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "gentle"),
        ("GREEDY_TOOL", "ping"),
        ("SERVERS", "3"),
        ("SERVERS", "0"),
        ("USERS", "9"),
        ("LOAD_SECONDS", "0"),
        ("GITHUB_DELAY_MS", "-1"),
        ("HURRY", "fast"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name}: "):
        parse_load_settings({name: value})
