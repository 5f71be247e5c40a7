"""A scrape of one process is told what all of them have counted, those that have ended too."""

import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.values import MultiProcessValue

from gist_mcp.telemetry.exposition import AtTheMoment, disk_usage_bytes, exposition
from gist_mcp.telemetry.shared_folder import VARIABLE

RUNS = os.getpid()
HAS_ENDED = 2**22 + 7
"""No process of Linux has such an id (proc(5), pid_max)."""


def written_by(pid: int, kind: str, name: str, value: float, mode: str = "") -> Any:
    """What the process `pid` leaves in the folder for a metric without labels."""
    values = MultiProcessValue(lambda: pid)
    made = values(kind, name, name, (), (), "help", multiprocess_mode=mode)
    made.set(value)
    return values


def told(state_folder: Path | None = None) -> dict[str, float]:
    """The scraped series without labels, and those of the version."""
    text = exposition(AtTheMoment(version="1.2.3", state_folder=state_folder)).decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {each.name: each.value for each in samples}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the counts."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_counts_are_summed_and_outlive_their_process(shared: Path) -> None:
    for pid, value in ((RUNS, 3.0), (HAS_ENDED, 4.0)):
        written_by(pid, "counter", "calls_total", value).close_all_files()

    assert told()["calls_total"] == 7


def test_what_an_ended_process_had_open_is_open_no_more(shared: Path) -> None:
    for pid, value in ((RUNS, 3.0), (HAS_ENDED, 4.0)):
        written_by(pid, "gauge", "sessions", value, "livesum").close_all_files()

    assert told()["sessions"] == 3


def test_in_a_process_of_its_own_the_counts_are_those_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    assert "gist_mcp_sessions_open" in told()
    assert told()["gist_mcp_build_info"] == 1


def test_the_size_of_the_state_is_told_where_there_is_one(shared: Path, tmp_path: Path) -> None:
    state = tmp_path / "state" / "deep"
    state.mkdir(parents=True)
    (state / "a.sst").write_bytes(b"x" * 100_000)

    assert told(tmp_path / "state")["gist_mcp_state_size_bytes"] >= 100_000
    assert "gist_mcp_state_size_bytes" not in told()
    assert disk_usage_bytes(tmp_path / "nowhere") == 0
