"""A state has the number of shards that it was made with, whatever is started on it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from reboot.controller import shards

from gist_mcp.errors import ConfigError
from gist_mcp.framework.shards import (
    NUMBER_FILE,
    number_of_shards,
    record_number_of_shards,
    use_number_of_shards,
    use_shards_of_the_state,
)
from scripts.launch import MAX_SERVERS

STOCK = 16_384
OWN = 64


@pytest.fixture(autouse=True)
def stock_afterwards() -> Iterator[None]:
    """Other tests of this process make states with Reboot's number."""
    before = shards.NUM_SHARDS
    yield
    shards.NUM_SHARDS = before


def started_on(folder: Path) -> int:
    """The number with which a process would open the state in a folder."""
    use_shards_of_the_state({"RBT_STATE_DIRECTORY": str(folder)})
    return len(shards.make_shard_infos())


def of_an_earlier_release(folder: Path) -> Path:
    """A folder with a database and no record of its shards."""
    (folder / "p000000").mkdir(parents=True)
    (folder / "p000000" / "CURRENT").write_text("MANIFEST-000001\n")
    return folder


def test_a_new_state_gets_64_and_the_record_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"

    assert started_on(folder) == OWN

    assert (folder / NUMBER_FILE).read_text() == "64\n"
    assert [path.name for path in folder.iterdir()] == [NUMBER_FILE]


def test_a_folder_that_was_made_and_no_more_is_a_new_state(tmp_path: Path) -> None:
    (tmp_path / "p000000").mkdir()

    assert started_on(tmp_path) == OWN


def test_a_state_of_an_earlier_release_keeps_its_number_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = of_an_earlier_release(tmp_path)

    with caplog.at_level(logging.WARNING):
        assert started_on(folder) == STOCK

    assert number_of_shards(folder) == STOCK
    assert f"python scripts/reshard.py {folder}" in caplog.text


@pytest.mark.parametrize("number", [OWN, STOCK])
def test_a_recorded_number_is_used(tmp_path: Path, number: int) -> None:
    record_number_of_shards(of_an_earlier_release(tmp_path), number)

    assert started_on(tmp_path) == number


@pytest.mark.parametrize("content", [b"", b"65\n", b"-64\n", b"many\n", b"\xff\xfe\n"])
def test_a_record_that_is_not_ours_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NUMBER_FILE).write_bytes(content)

    with pytest.raises(ConfigError, match=f"RBT_STATE_DIRECTORY: cannot read {NUMBER_FILE}"):
        started_on(tmp_path)


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="RBT_STATE_DIRECTORY"):
        started_on(tmp_path / "file" / "state")


@pytest.mark.parametrize(
    "elsewhere",
    [{}, {"RBT_STATE_DIRECTORY": "state", "REBOOT_CLOUD_DATABASE_ADDRESS": "elsewhere:1"}],
)
def test_a_state_that_is_elsewhere_keeps_reboots_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = shards.NUM_SHARDS

    use_shards_of_the_state(elsewhere)

    assert before == shards.NUM_SHARDS
    assert list(tmp_path.iterdir()) == []


def test_each_server_process_gets_a_shard() -> None:
    use_number_of_shards(OWN)

    assert len(shards.make_shard_infos()) % MAX_SERVERS == 0
