"""What `make bench` can be told."""

import pytest

from benchmarks.servers import COMPARED
from benchmarks.settings import SettingError, parse_settings


def test_without_a_word_four_servers_are_measured_in_five_rounds() -> None:
    settings = parse_settings({})

    assert (settings.rounds, settings.servers, settings.is_long) == (5, COMPARED, False)


def test_servers_are_separated_by_commas_or_blanks() -> None:
    assert parse_settings({"SERVERS": "ours, stock"}).servers == ("ours", "stock")


@pytest.mark.parametrize(("value", "is_long"), [("1", True), ("0", False), ("", False)])
def test_the_long_part_is_for_whoever_asks(value: str, is_long: bool) -> None:
    assert parse_settings({"LONG": value}).is_long is is_long


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVERS", "ours,theirs"),
        ("ROUNDS", "-1"),
        ("CALLS", "0"),
        ("LOOP_SECONDS", "0"),
        ("LOOP_SECONDS", "nan"),
        ("LONG_CALLS", "100"),
        ("RBT_SERVERS", "two"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name}: "):
        parse_settings({name: value})
